import { join } from 'node:path';
import { parseRetrainConfig, type RetrainConfigInput } from '../../../training/retrain/config.ts';
import { type PlantedRow, plantedRows, writeRows } from '../cli/planted-file.ts';

const DAY_MS = 86_400_000;
const FIRST_MS = Date.UTC(2026, 0, 1);

/** Planted traffic spread over days of January 2026, as rows of a table. */
export function plantedDays(perDay: number, days: number, seed = 1): PlantedRow[] {
  return plantedRows({ prompts: perDay * days, seed }).map((row, i) => {
    const prompt = Math.floor(i / 3);
    const at = FIRST_MS + Math.floor(prompt / perDay) * DAY_MS + (prompt % perDay) * 1000;
    return { ...row, timestamp: new Date(at).toISOString() };
  });
}

/** The day of a row: 1 for the first of January. */
export function dayOfRow({ timestamp }: PlantedRow): number {
  return Number(String(timestamp).slice(8, 10));
}

/** A config that is quick to train with. */
export function quickConfig(folder: string, rest: Partial<RetrainConfigInput> = {}) {
  return parseRetrainConfig({
    router: join(folder, 'router'),
    logs: { files: [join(folder, 'logs', '*.jsonl')] },
    work: join(folder, 'work'),
    train: { seed: 1, heads: ['linear'], folds: 2, resamples: 100, ngrams: { dimensions: 8 } },
    traffic: { learnDays: 30, holdoutDays: 2, holdoutPrompts: 150 },
    ...rest,
  });
}

/** Writes the rows of some days to a log of their own. */
export async function writeDays(folder: string, name: string, rows: readonly PlantedRow[]): Promise<void> {
  await writeRows(join(folder, 'logs', `${name}.jsonl`), rows);
}

/** Planted rows as a decision log would have them: each candidate answered, with 100 tokens, and its cost computed. */
export function decisionLog(rows: readonly PlantedRow[]): PlantedRow[] {
  return rows.flatMap(({ candidate, latencyMs, quality, requestId, task, text, timestamp }, i) => {
    const common = { schemaVersion: 1, id: requestId, at: timestamp };
    const decision = {
      ...common,
      kind: 'decision',
      artifactId: 'a',
      candidate,
      propensity: 1,
      predictions: [],
      request: { text },
      task,
    };
    const tokens = { inputTokens: 60, outputTokens: 40 };
    const outcome = {
      ...common,
      kind: 'outcome',
      candidate,
      status: 'answered',
      costUsd: 0.5,
      costSource: 'computed',
    };
    return [
      ...(i % 3 === 0 ? [decision] : []),
      { ...outcome, latencyMs, ...tokens },
      { ...common, kind: 'feedback', candidate, quality },
    ];
  });
}
