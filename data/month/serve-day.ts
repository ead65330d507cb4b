import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Router } from 'pointsman';
import { createDecisionLog, type LogRecord } from 'pointsman/log';
import { loadRouter } from 'pointsman/node';
import type { SamplePrompt } from '../solvers/generate-prompts.ts';
import type { MonthWorld, Outcome } from './month-world.ts';

export interface ServeOptions {
  readonly world: MonthWorld;
  readonly prompts: readonly SamplePrompt[];
  /** The router's folder. */
  readonly router: string;
  readonly day: number;
  /** At which the day begins, in milliseconds since 1970. */
  readonly startMs: number;
  readonly logs: string;
  readonly seed: number;
  /** What becomes of a quality before it is logged. @default nothing */
  readonly distort?: (outcome: Outcome) => number;
}

const HOUR_MS = 3_600_000;

/** Serves a day's requests with the version in use, and writes its decision log. @returns who answered how many */
export async function serveDay(options: ServeOptions): Promise<ReadonlyMap<string, number>> {
  const { world, prompts, day, distort = ({ quality }) => quality } = options;
  const records: LogRecord[] = [];
  let now = options.startMs;
  let ids = 0;
  const log = createDecisionLog({
    sink: (batch) => {
      for (const record of batch) records.push(record);
    },
    newId: () => `day-${day}-${ids++}`,
    clock: { wallNow: () => now, after: () => () => {} },
  });
  const router: Router = await loadRouter(options.router, { log, seed: options.seed });
  const shares = new Map<string, number>();
  for (const [i, prompt] of prompts.entries()) {
    now = options.startMs + 6 * HOUR_MS + Math.floor((12 * HOUR_MS * i) / prompts.length);
    const { candidate, id } = await router.route({ text: prompt.text }, { signals: { task: prompt.family } });
    const outcome = await world.ask(candidate, prompt, day);
    const { costUsd, inputTokens, outputTokens } = outcome;
    // No latency: the clock differs from run to run, and a month must not.
    log.outcome(id!, { candidate, costUsd, inputTokens, outputTokens });
    router.feedback(id, { quality: distort(outcome) });
    shares.set(candidate, (shares.get(candidate) ?? 0) + 1);
  }
  await log.flush();
  await writeFile(
    join(options.logs, `decisions-${String(day).padStart(3, '0')}.jsonl`),
    records.map((record) => `${JSON.stringify(record)}\n`).join(''),
  );
  return shares;
}
