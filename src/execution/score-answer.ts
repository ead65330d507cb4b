import type { Answer } from './answer.ts';
import { callFunction } from './call-function.ts';
import type { Judgement } from './options.ts';
import type { Run, StepContext } from './run.ts';

/**
 * What a function of the caller's thinks of an answer: true is 1, false 0.
 *
 * @returns NaN for what is no number.
 * @throws whatever the function throws.
 */
export async function scoreAnswer(
  run: Run,
  judgement: Judgement,
  name: string,
  answer: Answer,
  context: StepContext,
): Promise<number> {
  const score = await callFunction(run, context.signal, name, (inner) =>
    judgement(answer, context.request, inner),
  );
  return typeof score === 'number' || typeof score === 'boolean' ? Number(score) : Number.NaN;
}

/** A score between 0 and 1 is a quality; others are in the caller's own unit. */
export function asQuality(score: number): number | null {
  return score >= 0 && score <= 1 ? score : null;
}
