import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { lines } from '../outcomes/ingest-fixture.ts';
import { logFixture, refusals, tableRows } from './log-fixture.ts';

const { ingest, out, path, rowsOf, write } = logFixture();
const at = (second: number): string => new Date(Date.UTC(2026, 10, 1, 12, 0, second)).toISOString();
const hash = 'ab'.repeat(32);

const decision = (id: string, candidate: string, more: object = {}) => ({
  schemaVersion: 1,
  kind: 'decision',
  id,
  at: at(0),
  artifactId: 'art-1',
  policyPath: ['utility'],
  candidate,
  propensity: 0.25,
  confidence: 0.8,
  probabilities: {},
  predictions: [],
  signals: {},
  promptHash: hash,
  request: { text: `Prompt ${id}` },
  task: 'sums',
  ...more,
});
const outcome = (id: string, candidate: string, more: object = {}) => ({
  schemaVersion: 1,
  kind: 'outcome',
  id,
  at: at(1),
  candidate,
  status: 'answered',
  costUsd: 0.002,
  latencyMs: 300,
  inputTokens: 12,
  outputTokens: 40,
  ...more,
});
const feedback = (id: string, quality: number, more: object = {}) => ({
  schemaVersion: 1,
  kind: 'feedback',
  id,
  at: at(9),
  quality,
  ...more,
});

const records = [
  feedback('d1', 1),
  { schemaVersion: 1, kind: 'file', at: at(0), state: 'opened' },
  outcome('d1', 'small'),
  decision('d1', 'small'),
  // A fallback: the decided candidate was not the one that answered.
  decision('d2', 'small'),
  outcome('d2', 'large'),
  feedback('d2', 0),
  feedback('d2', 0.5, { at: at(20) }),
  // Nobody answered.
  decision('d3', 'small'),
  outcome('d3', 'small', { status: 'failed', costUsd: null, latencyMs: null, error: 'TIMEOUT' }),
  // Routed by hand, and rated.
  decision('d4', 'large', { request: undefined, embedding: [0.5, -0.25] }),
  feedback('d4', 0.75),
  decision('d5', 'large', { request: { messages: [{ role: 'user', content: 'Hi' }] } }),
  outcome('d0', 'small'),
  feedback('d0', 1),
  { schemaVersion: 2, kind: 'decision' },
  { kind: 'gossip' },
  decision('d6', 'small', { promptHash: undefined, request: undefined }),
];
const format = 'pointsman' as const;

test('decisions, outcomes and feedback in any order become rows; a fallback has no propensity', async () => {
  const report = await ingest(write('log.jsonl', lines(records)), { format });
  const common = { task: 'sums', source: 'pointsman', timestamp: at(0) };
  const answered = { costUsd: 0.002, latencyMs: 300, inputTokens: 12, outputTokens: 40 };
  const metadata = { artifactId: 'art-1', decided: 'small' };
  expect(await tableRows(out)).toEqual([
    {
      requestId: 'd1',
      text: 'Prompt d1',
      candidate: 'small',
      quality: 1,
      propensity: 0.25,
      ...common,
      ...answered,
      metadata: { ...metadata, answeredAt: at(1), scoredAt: at(9) },
    },
    {
      requestId: 'd2',
      text: 'Prompt d2',
      candidate: 'large',
      quality: 0.5,
      ...common,
      ...answered,
      metadata: { ...metadata, answeredAt: at(1), scoredAt: at(20) },
    },
    {
      requestId: 'd3',
      text: 'Prompt d3',
      candidate: 'small',
      propensity: 0.25,
      ...common,
      inputTokens: 12,
      outputTokens: 40,
      metadata: { ...metadata, answeredAt: at(1), failed: true, error: 'TIMEOUT' },
    },
    {
      requestId: 'd4',
      promptHash: hash,
      embedding: [0.5, -0.25],
      candidate: 'large',
      quality: 0.75,
      propensity: 0.25,
      ...common,
      metadata: { artifactId: 'art-1', decided: 'large', awaiting: true, scoredAt: at(9) },
    },
    {
      requestId: 'd5',
      messages: [{ role: 'user', content: 'Hi' }],
      candidate: 'large',
      propensity: 0.25,
      ...common,
      metadata: { artifactId: 'art-1', decided: 'large', awaiting: true },
    },
  ]);
  expect(refusals(report)).toEqual({
    'the outcome is of a decision that is not there': [14],
    'the score is of a request that is not there': [15],
    'the record is of a newer version of the decision log': [16],
    'the record is of no kind that the format has': [17],
    '`text` or `messages` must be given, or `promptHash`': [18],
    'the record tells of the log itself': [2],
  });
  expect(report).toMatchObject({ rowsAccepted: 5, recordsJoined: 7, rowsUpdated: 0, rowsInTable: 5 });
});

test('failures can count as worthless', async () => {
  const rows = await rowsOf(write('failed.jsonl', lines(records)), { format, failures: 'zero' });
  expect(rows[2]).toMatchObject({ requestId: 'd3', quality: 0 });
});

test('the same log twice changes nothing, and a log in parts gives the table of the whole', async () => {
  const whole = await ingest(write('whole.jsonl', lines(records)), { format });
  const again = await ingest(path('whole.jsonl'), { format, append: true });
  expect(again).toMatchObject({
    fingerprint: whole.fingerprint,
    rowsAccepted: 0,
    rowsUpdated: 0,
    rowsInTable: 5,
  });

  const parts = path('parts.parquet');
  const append = { format, append: true, out: parts };
  const of = (...kinds: string[]) => lines(records.filter(({ kind }) => kinds.includes(kind)));
  await ingest(write('p1.jsonl', of('decision')), append);
  // Feedback comes before it is known who answered.
  const rated = await ingest(write('p2.jsonl', of('feedback')), append);
  expect(rated).toMatchObject({ rowsAccepted: 0, rowsUpdated: 3, recordsJoined: 4 });
  const settled = await ingest(write('p3.jsonl', of('outcome')), append);
  expect(settled).toMatchObject({ rowsUpdated: 3, fingerprint: whole.fingerprint });
  // Decisions that were settled long ago come again, without their outcomes.
  expect(await ingest(path('p1.jsonl'), append)).toMatchObject({ fingerprint: whole.fingerprint });
  expect(await ingest(path('p2.jsonl'), append)).toMatchObject({ fingerprint: whole.fingerprint });
});

test('a compacted log, in Parquet, is read as its lines were', async () => {
  const { fingerprint } = await ingest(write('compact.jsonl', lines(records)), { format });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (SELECT json->>'kind' AS kind, json->>'id' AS id, json->>'candidate' AS candidate, json::VARCHAR AS record
    FROM read_ndjson_objects('${path('compact.jsonl')}')) TO '${path('compact.parquet')}' (FORMAT parquet)`);
  instance.closeSync();
  expect(await ingest(path('compact.parquet'), { format })).toMatchObject({ fingerprint, rowsAccepted: 5 });
});

test('delayed feedback corrects a row; older feedback does not', async () => {
  const table = path('late.parquet');
  const append = { format, append: true, out: table };
  await ingest(
    write('l1.jsonl', lines([decision('a', 'small'), outcome('a', 'small'), feedback('a', 1)])),
    append,
  );
  await ingest(write('l2.jsonl', lines([feedback('a', 0.25, { at: at(30) })])), append);
  expect((await tableRows(table))[0]).toMatchObject({ quality: 0.25 });
  await ingest(path('l1.jsonl'), append);
  expect((await tableRows(table))[0]).toMatchObject({ quality: 0.25 });
});
