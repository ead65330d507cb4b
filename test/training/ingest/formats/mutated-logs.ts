import { expect } from 'vitest';
import { createRandom, type Random } from '../../../../src/math.ts';
import { LOG_READERS, type LogFormat, mapLogBlock } from '../../../../training/ingest/formats/log-formats.ts';
import { LOG_REASONS, promptProblem } from '../../../../training/ingest/record/format.ts';
import { LOG_CASES } from './cases/index.ts';
import { type FormatCases, logLines } from './cases/log-case.ts';
import { type logFixture, tableRows } from './log-fixture.ts';
import { mutateRecord } from './mutate-record.ts';

type ReadFormat = Exclude<LogFormat, 'table'>;

const decided = { schemaVersion: 1, id: 'd1', at: '2026-02-03T10:00:00Z', candidate: 'small' };
/** Records to start from, with what belongs to one request in one list. A format of `LOG_CASES` is here by itself. */
const SEEDS: Readonly<Partial<Record<ReadFormat, readonly (readonly object[])[]>>> = {
  ...Object.fromEntries(
    (Object.entries(LOG_CASES) as [ReadFormat, FormatCases][]).map(([format, { records, joins = [] }]) => [
      format,
      [
        ...records.map(({ record, further = [] }) => [record, ...further]),
        ...joins.flatMap(({ files }) => [
          Object.values(files)
            .filter((file) => typeof file !== 'string')
            .flat(),
        ]),
      ],
    ]),
  ),
  pointsman: [
    [
      {
        ...decided,
        kind: 'decision',
        request: { text: 'How many moons has Mars?' },
        propensity: 0.5,
        task: 'x',
      },
      { ...decided, kind: 'outcome', status: 'answered', costUsd: 0.01, latencyMs: 100, inputTokens: 3 },
      { ...decided, kind: 'feedback', quality: 0.5 },
    ],
  ],
};

export const MUTATED_FORMATS = Object.keys(SEEDS) as ReadFormat[];

/**
 * Reads so many records of a format, changed at random, and looks whether each became a row or was counted, and whether
 * rows are what rows have to be.
 */
export async function readMutated(
  { ingest, path, write }: ReturnType<typeof logFixture>,
  format: ReadFormat,
  count: number,
  seed: number,
): Promise<void> {
  const text = logLines(mutatedRecords(format, count, createRandom(seed)));
  const mapping = {
    map: {},
    score: undefined,
    failureQuality: null,
    answers: true,
  };
  let entries = 0;
  for (const [i, line] of text.trimEnd().split('\n').entries()) {
    const block = mapLogBlock({ bytes: Buffer.from(line), firstLine: i + 1 }, LOG_READERS[format], mapping);
    const { rows, outcomes, scores, prompts, openCalls } = block;
    expect(
      rows.filter((row) => row.includes(LOG_REASONS.unforeseen)),
      `no form is unforeseen in ${line} with seed ${seed}`,
    ).toEqual([]);
    const ofLine = rows.length + outcomes.length + scores.length + prompts.length + openCalls.length;
    expect(ofLine, `entries of ${line} with seed ${seed}`).toBeGreaterThan(0);
    entries += ofLine;
  }
  const out = path(`${format}-${seed}.parquet`);
  const report = await ingest(write(`${format}-${seed}.jsonl`, text), {
    format,
    out,
    score: 'helpful',
    scoreRange: [0, 1],
  });
  const { rowsRead, rowsAccepted, rejected, passedOver, recordsJoined } = report;
  const counted = [...rejected, ...passedOver].reduce((sum, { count: some }) => sum + some, 0);
  const of = `of ${format} with seed ${seed}`;
  expect(rowsAccepted + counted, `accepted and counted ${of}`).toBe(rowsRead);
  expect(rowsRead + recordsJoined, `read and joined ${of}`).toBe(entries);
  const rows = await tableRows(out);
  expect(rows, `rows ${of}`).toHaveLength(rowsAccepted);
  expect(
    rows.filter((row) => !isSound(row)),
    `unsound rows ${of}`,
  ).toEqual([]);
}

/** Half of them each under an id of its own, so that not all are the same request. */
export function mutatedRecords(format: ReadFormat, count: number, random: Random): object[] {
  const seeds = SEEDS[format] ?? [];
  const records: object[] = [];
  while (records.length < count) {
    const group = seeds[random.integer(seeds.length)];
    const number = records.length;
    const isOwn = random.integer(2) === 0;
    for (const record of group)
      records.push(mutateRecord(isOwn ? renumbered(record, number) : record, random));
  }
  return records.slice(0, count);
}

/** Ends of all ids and hashes. */
function renumbered(record: object, number: number): object {
  const digits = number.toString(16).padStart(6, '0');
  return JSON.parse(
    JSON.stringify(record, (name, value) =>
      typeof value === 'string' && /id$/i.test(name) && value.length >= 2
        ? `${value.slice(0, -6)}${digits}`
        : value,
    ),
  ) as object;
}

/** A row has words and amounts that can be; a failed call has neither cost nor latency. */
function isSound(row: Record<string, unknown>): boolean {
  const { costUsd = 0, latencyMs = 0, inputTokens = 1, quality = 0, metadata, promptHash } = row;
  const amounts = [costUsd, latencyMs, inputTokens, quality] as number[];
  if (amounts.some((amount) => !(Number(amount) >= 0)) || Number(quality) > 1) return false;
  if (promptHash === undefined && promptProblem(row) !== null) return false;
  const { failed } = metadata as { failed?: boolean };
  return failed !== true || (row.costUsd === undefined && row.latencyMs === undefined);
}
