import { createHash } from 'node:crypto';
import { bulkhead, ExponentialBackoff, handleAll, retry, wrap } from 'cockatiel';
import type { Judge, Judged } from '../ingest/judge.ts';
import type { VerdictCache } from './verdict-cache.ts';

export interface JudgeAnswersOptions {
  /** How many answers are judged at once. @default 8 */
  readonly concurrency?: number;
  /** How often a judgement that failed is tried again. @default 3 */
  readonly retries?: number;
  /** Milliseconds before the first further try; it doubles. @default 500 */
  readonly firstDelayMs?: number;
}

/** The judgement of one answer: its quality, or why there is none. */
export type Verdict = { readonly quality: number } | { readonly failure: string };

/**
 * Judges answers, some at a time, each failed one again; what the cache has is not asked for. A quality that is no
 * number from 0 to 1 is a failure: nothing is made up.
 * @returns a verdict for each answer, in their order.
 */
export async function judgeAnswers(
  { id, judge }: Judge,
  answers: readonly Judged[],
  cache: VerdictCache,
  { concurrency = 8, retries = 3, firstDelayMs = 500 }: JudgeAnswersOptions = {},
): Promise<Verdict[]> {
  const policy = wrap(
    bulkhead(concurrency, Number.POSITIVE_INFINITY),
    retry(handleAll, {
      maxAttempts: retries,
      backoff: new ExponentialBackoff({ initialDelay: firstDelayMs, maxDelay: 60_000 }),
    }),
  );
  return Promise.all(
    answers.map(async (answer): Promise<Verdict> => {
      const key = keyOf(id, answer);
      const known = cache.get(key);
      if (known !== undefined) return { quality: known };
      try {
        const quality = await policy.execute(async () => checked(await judge(answer)));
        await cache.add(key, quality);
        return { quality };
      } catch (error) {
        return { failure: (error as Error).message ?? String(error) };
      }
    }),
  );
}

function checked(quality: unknown): number {
  if (typeof quality === 'number' && quality >= 0 && quality <= 1) return quality;
  throw new Error(`a judge must give a number from 0 to 1. Got ${JSON.stringify(quality)}`);
}

function keyOf(judge: string, { prompt, messages, answer, candidate }: Judged): string {
  return createHash('sha256')
    .update(JSON.stringify([judge, prompt, messages ?? null, answer, candidate]))
    .digest('hex');
}
