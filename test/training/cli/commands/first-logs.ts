import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SampleRow } from '../../../../data/solvers/sample-traffic.ts';
import { root } from '../../../architecture/source-files.ts';
import { SOLVER_LOGS } from '../../ingest/formats/solver-logs.ts';
import { type PlantedRow, plantedRows } from '../planted-file.ts';

export const lines = (records: readonly object[]): string =>
  records.map((each) => `${JSON.stringify(each)}\n`).join('');

function csv(records: readonly PlantedRow[]): string {
  const names = Object.keys(records[0]);
  const cell = (value: unknown): string => `"${String(value ?? '').replaceAll('"', '""')}"`;
  return [names, ...records.map((row) => names.map((name) => row[name]))]
    .map((row) => `${row.map(cell).join(',')}\n`)
    .join('');
}

/** Planted traffic under column names of its own, rated by 1 to 5 stars; every ninth row has no rating. */
export const ODD = plantedRows({ prompts: 90, seed: 3 }).map((row, i) => ({
  frage: row.text,
  llm: row.candidate,
  'user-stars': i % 9 === 0 ? null : row.quality === 1 ? 5 - (i % 2) : 1 + (i % 2),
  usd: row.costUsd,
  took_ms: row.latencyMs,
  asked: { at: row.timestamp },
}));

/** One answer a request, with tokens whose prices are known. */
export const ANSWERS = plantedRows({ prompts: 240, seed: 4 })
  .filter((_, i) => i % 3 === Math.floor(i / 3) % 3)
  .map((row, i) => {
    const [inputTokens, outputTokens] = [20 + (i % 17), 5 + (i % 29)];
    const [input, output] = { large: [5, 15], poet: [0.15, 0.6], reckoner: [1, 4] }[
      row.candidate as string
    ] ?? [0, 0];
    return {
      ...row,
      messages: null,
      inputTokens,
      outputTokens,
      costUsd: (inputTokens * input + outputTokens * output) / 1e6,
      metadata: { answer: 'So be it.' },
    };
  }) as unknown as SampleRow[];

/** Files of first logs, by what they are. */
export const LOGS: Readonly<Record<string, () => Record<string, string>>> = {
  'the sample that is shipped': () => ({
    // Some of it, in its order.
    'traffic.jsonl': lines(
      readFileSync(join(root, 'training/samples/traffic.jsonl'), 'utf8')
        .split('\n')
        .slice(0, 300)
        .map((line) => JSON.parse(line)),
    ),
  }),
  'a table with names of its own and stars': () => ({ 'odd rows.jsonl': lines(ODD) }),
  'the same as CSV': () => ({
    'odd.csv': csv(ODD.map(({ asked, ...row }) => ({ ...row, asked_at: asked.at }))),
  }),
  'a log of LiteLLM with stars': () => ({
    'litellm.jsonl': lines(SOLVER_LOGS.litellm(ANSWERS)['litellm.jsonl']),
  }),
  'an export of Langfuse': () =>
    Object.fromEntries(
      Object.entries(SOLVER_LOGS.langfuse(ANSWERS)).map(([name, records]) => [name, lines(records)]),
    ),
};
