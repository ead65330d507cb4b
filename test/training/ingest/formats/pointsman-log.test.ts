import { DuckDBInstance } from '@duckdb/node-api';
import { createDecisionLog } from 'pointsman/log';
import { describe, expect, it, test } from 'vitest';
import { readOutcomeMatrix } from '../../../../training/ingest/outcome-store.ts';
import type { IngestReport } from '../../../../training/ingest/report.ts';
import { aDecision } from '../../../src/log/a-decision.ts';
import { lines } from '../ingest-fixture.ts';
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
    'no words of the user were found in the prompt': [18],
    'the record tells of the log itself': [2],
  });
  expect(report).toMatchObject({ rowsAccepted: 5, recordsJoined: 7, rowsUpdated: 0, rowsInTable: 5 });
});

test('each record is counted once, also of a decision that comes twice, or that two candidates carried out', async () => {
  const twice = [decision('d1', 'small'), decision('d1', 'small'), outcome('d1', 'small')];
  const fallback = [
    decision('d2', 'small'),
    outcome('d2', 'small', { status: 'failed' }),
    outcome('d2', 'large'),
  ];
  const report = await ingest(write('counted.jsonl', lines([...twice, ...fallback])), {
    format: 'pointsman',
  });
  // Three rows: of a decision and its outcome one is the row, and the other is joined.
  expect(report).toMatchObject({
    rowsRead: 3,
    rowsAccepted: 3,
    recordsJoined: 3,
    rejected: [],
    passedOver: [],
  });
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
  const found = await ingest(path('compact.parquet'), { format: 'auto' });
  expect(found).toMatchObject({ fingerprint, formats: [{ format: 'pointsman' }] });
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

const prices = { small: { inputPricePerMillionTokens: 100, outputPricePerMillionTokens: 200 } };
/** 12 and 40 tokens by these prices. */
const PRICE = 0.0092;
const ignored = (report: IngestReport) =>
  Object.fromEntries(
    report.valuesIgnored.map(({ reason, examples }) => [reason, examples.map(({ line }) => line)]),
  );

describe('what an answer cost', () => {
  const expecting = (expectedCostUsd: number) => ({
    predictions: [{ candidate: 'small', successProbability: 0.5, expectedCostUsd, expectedLatencyMs: 1 }],
  });
  const cases = [
    ['what was reported stays', { costSource: 'reported' }, {}, 0.002, 0.002, 'reported'],
    ['what was computed is computed again', { costSource: 'computed' }, {}, 0.002, PRICE, 'computed'],
    ['what is not known is computed', { costUsd: null }, {}, undefined, PRICE, undefined],
    ['without a source it is taken as it is', {}, {}, 0.002, 0.002, undefined],
    ['a guess without a source is none', {}, expecting(0.002), undefined, PRICE, undefined],
    [
      'a guess a sample is none',
      { costUsd: 0.006, totalCostUsd: 0.006 },
      expecting(0.002),
      undefined,
      PRICE,
      undefined,
    ],
    ['one that is another than expected was seen', {}, expecting(0.0020000000001), 0.002, 0.002, undefined],
    [
      'three times as much for one attempt was seen',
      { costUsd: 0.006 },
      expecting(0.002),
      0.006,
      0.006,
      undefined,
    ],
    [
      'reported, it may be as expected',
      { costSource: 'reported' },
      expecting(0.002),
      0.002,
      0.002,
      'reported',
    ],
    ['nothing was nothing', { costUsd: 0 }, expecting(0), 0, 0, undefined],
    [
      'without tokens none is computed',
      { costSource: 'computed', inputTokens: null },
      {},
      0.002,
      0.002,
      'computed',
    ],
  ] as const;
  it('is what was seen, or what tokens cost by the prices given, and never what was only expected', async () => {
    const records = cases.flatMap(([id, said, decided]) => [
      decision(id, 'small', decided),
      outcome(id, 'small', said),
    ]);
    const log = write('cost.jsonl', lines(records));
    const found = async (options: object) =>
      Object.fromEntries(
        (await rowsOf(log, { format, ...options })).map(({ costUsd, metadata, requestId }) => [
          requestId,
          [costUsd, (metadata as { costSource?: string }).costSource],
        ]),
      );
    expect(await found({})).toEqual(
      Object.fromEntries(cases.map(([id, , , plain, , source]) => [id, [plain, source]])),
    );
    expect(await found({ prices })).toEqual(
      Object.fromEntries(
        cases.map(([id, , , , priced, source]) => [id, [priced, priced === PRICE ? 'computed' : source]]),
      ),
    );
  });

  it('that was only expected is counted with its line, also where the decision came long before', async () => {
    const [before, after] = [decision('a', 'small', expecting(0.002)), outcome('a', 'small')].map(
      (record, i) => write(`guess-${i}.jsonl`, lines([record])),
    );
    const append = { format, append: true, out: path('guess.parquet') };
    await ingest(before, append);
    const report = await ingest(after, append);
    expect(ignored(report)).toEqual({
      '`costUsd` of the outcome is what the router expected, and not what was seen': [1],
    });
    const [row] = await tableRows(append.out);
    expect(row).not.toHaveProperty('costUsd');
    expect(row.metadata).not.toHaveProperty('expectedCostUsd');
  });

  it('in a table that an earlier version made of guesses is corrected when the log is read again', async () => {
    const append = { format, append: true, out: path('made-before.parquet') };
    const old = lines([decision('a', 'small'), outcome('a', 'small')]);
    expect((await rowsOf(write('made-before.jsonl', old), append))[0]).toMatchObject({ costUsd: 0.002 });
    const log = write(
      'read-again.jsonl',
      lines([decision('a', 'small', expecting(0.002)), outcome('a', 'small')]),
    );
    expect((await rowsOf(log, append))[0]).not.toHaveProperty('costUsd');
  });

  it.each([
    ['a decision log', 'pointsman', [decision('a', 'small'), outcome('a', 'small', { costUsd: null })]],
    [
      'a table',
      'table',
      [{ requestId: 'a', text: 'x', candidate: 'small', inputTokens: 12, outputTokens: 40 }],
    ],
  ] as const)(
    'computed from %s follows the prices of the day, also in the table that is there',
    async (_, kind, records) => {
      const log = write('prices.jsonl', lines(records));
      const append = { format: kind, append: true, out: path(`prices-${kind}.parquet`) };
      expect(await ingest(log, { ...append, prices })).toMatchObject({ costsDerived: 1, costsRepriced: 0 });
      const dearer = { small: { inputPricePerMillionTokens: 300, outputPricePerMillionTokens: 600 } };
      expect(await ingest(log, { ...append, prices: dearer })).toMatchObject({
        rowsAccepted: 0,
        costsRepriced: 1,
      });
      expect((await tableRows(append.out))[0].costUsd).toBeCloseTo(3 * PRICE, 12);
      expect(await ingest(log, { ...append, prices: dearer })).toMatchObject({ costsRepriced: 0 });
      expect(await ingest(log, append)).toMatchObject({ costsRepriced: 0 });
      expect((await tableRows(append.out))[0].costUsd).toBeCloseTo(3 * PRICE, 12);
    },
  );
});

describe('an amount that cannot be', () => {
  const fields = ['costUsd', 'latencyMs', 'inputTokens', 'outputTokens'];
  const values = ['Infinity', '-Infinity', 'NaN', -5, 1e300, 1e12, {}, [], true, 'a lot'];
  it('is counted by its reason, and the row is read without it', async () => {
    const told = fields.flatMap((field) =>
      values.map((value, i) => ({ id: `${field}-${i}`, field, more: { [field]: value } })),
    );
    // As a writer names it that refused it itself.
    told.push({
      id: 'named',
      field: 'costUsd',
      more: { costUsd: null, refused: { costUsd: '-5' } } as never,
    });
    const log = write(
      'odd.jsonl',
      `${lines(told.flatMap(({ id, more }) => [decision(id, 'small'), outcome(id, 'small', more)]))}${JSON.stringify(
        outcome('1e999', 'small'),
      ).replace('0.002', '1e999')}\n${JSON.stringify(decision('1e999', 'small'))}\n`,
    );
    const report = await ingest(log, { format });
    expect(report).toMatchObject({ rowsAccepted: told.length + 1, rejected: [] });
    expect(report.valuesIgnored.map(({ count }) => count)).toEqual([
      values.length + 2,
      values.length,
      values.length,
      values.length,
    ]);
    expect(report.valuesIgnored[0].reason).toBe(
      '`costUsd` of the outcome cannot be: it must be a number from 0 to 1,000',
    );
    const read = new Map((await tableRows(out)).map((row) => [row.requestId, row]));
    for (const { id, field } of told) {
      const others = fields.filter((other) => other !== field);
      expect(Object.keys(read.get(id) ?? {}), id).toEqual(expect.arrayContaining(others));
      expect(read.get(id), id).not.toHaveProperty(field);
    }
  });

  it('that an earlier version took into a table is counted, and taken out', async () => {
    const table = path('before.parquet');
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await ingest(write('plain.jsonl', lines([decision('a', 'small'), outcome('a', 'small')])), {
      format,
      out: table,
    });
    await connection.run(`COPY (SELECT * REPLACE ('Infinity'::DOUBLE AS "costUsd", -5::DOUBLE AS "latencyMs", 'NaN'::DOUBLE AS "inputTokens")
      FROM '${table}') TO '${path('odd.parquet')}' (FORMAT parquet)`);
    instance.closeSync();
    const report = await ingest(write('more.jsonl', lines([decision('b', 'small'), outcome('b', 'small')])), {
      format,
      append: true,
      out: path('odd.parquet'),
    });
    expect(report.valuesIgnored).toMatchObject([
      { count: 1, examples: [] },
      { count: 1, examples: [] },
      { count: 1, examples: [] },
    ]);
    const [row] = await tableRows(path('odd.parquet'));
    for (const field of fields.slice(0, 3)) expect(row).not.toHaveProperty(field);
    expect(row).toMatchObject({ outputTokens: 40 });
  });

  it('of a table of rows turns its row down, with the reason', async () => {
    const row = { requestId: 'a', text: 'x', candidate: 'small', quality: 1 };
    const odd = fields.flatMap((field) =>
      ['Infinity', -5, 1e300].map((value) => ({ ...row, [field]: value })),
    );
    const report = await ingest(write('table.jsonl', lines([row, ...odd])), {});
    expect(report.rejected.map(({ count }) => count)).toEqual([3, 3, 3, 3]);
    expect(report).toMatchObject({ rowsRead: 13, rowsAccepted: 1 });
  });
});

test('halves of surrogate pairs anywhere in a log that is there are read as U+FFFD, and stop nothing', async () => {
  const half = 'cut \ud83d';
  const text = 'cut \ufffd';
  const log = write(
    'halves.jsonl',
    lines([
      decision('a', half, { request: { text: half }, task: half, signals: { [half]: half } }),
      outcome('a', half, { error: half, status: 'failed' }),
      decision('b', 'small', { request: { messages: [{ role: 'user', content: half }] } }),
      feedback('b', 1, { candidate: 'small', source: half }),
      outcome('b', 'small'),
      feedback(half, 1),
    ]),
  );
  const report = await ingest(log, { format });
  expect(report).toMatchObject({ rowsAccepted: 2, recordsJoined: 3 });
  expect(refusals(report)).toEqual({ 'the score is of a request that is not there': [6] });
  expect(await tableRows(out)).toMatchObject([
    { requestId: 'a', text, candidate: text, task: text, metadata: { error: text } },
    { requestId: 'b', messages: [{ role: 'user', content: text }], quality: 1 },
  ]);
});

test('how likely an exploring policy was to ask each candidate is read back, where who was drawn is who answered', async () => {
  const drawn = { propensity: 0.1, propensities: { large: 0.9, small: 0.1 } };
  const log = [
    decision('e1', 'small', drawn),
    outcome('e1', 'small'),
    feedback('e1', 1),
    // A fallback was not drawn.
    decision('e2', 'small', drawn),
    outcome('e2', 'large'),
    feedback('e2', 1),
    // Not said, and routed by hand.
    decision('e3', 'large'),
    outcome('e3', 'large'),
    feedback('e3', 1),
    decision('e4', 'large', { propensity: 1, propensities: { large: 1 } }),
    feedback('e4', 0),
    decision('e5', 'large', { propensities: { large: 'much' } }),
    outcome('e5', 'large'),
    feedback('e5', 0),
  ];
  await ingest(write('explored.jsonl', lines(log)), { format });
  const { candidates, policy, prompts } = await readOutcomeMatrix(out);
  expect(candidates).toEqual(['large', 'small']);
  const of = (id: string) => {
    const row = prompts.findIndex(({ requestId }) => requestId === id);
    return Array.from(policy!.subarray(2 * row, 2 * row + 2));
  };
  expect(of('e1')).toEqual([Math.fround(0.9), Math.fround(0.1)]);
  expect(of('e2')).toEqual([Number.NaN, Number.NaN]);
  expect(of('e3')).toEqual([Number.NaN, Number.NaN]);
  expect(of('e4')).toEqual([1, 0]);
  expect(of('e5')).toEqual([Number.NaN, Number.NaN]);
});

describe('answers of a decision log', () => {
  const said = 'Seven and eight are 15.';
  const log = async (answers: 'features' | 'text', finishReason = 'length'): Promise<string> => {
    const written: object[] = [];
    const decisions = createDecisionLog({ sink: (batch) => void written.push(...batch), answers });
    const request = { text: 'How much are seven and eight?' };
    for (const text of [said, 'It is 15.', '16']) {
      const id = decisions.decided({ ...aDecision(), candidate: 'mini' }, request);
      decisions.outcome(id, { candidate: 'mini', answer: { text, finishReason, request } });
    }
    const failed = decisions.decided(aDecision(), request);
    decisions.outcome(failed, { candidate: 'mini', status: 'failed', answer: { text: 'Sev', request } });
    await decisions.close();
    return lines(written);
  };

  it('are features alone unless their words are to be kept', async () => {
    const report = await ingest(write('log.jsonl', await log('features')), { format: 'pointsman' });
    expect(report.answers).toEqual({ known: 3, otherVersion: 0, sameForAll: 0, withoutPrompt: 0 });
    expect(JSON.stringify(await tableRows(out))).not.toContain('eight are 15');
    const { answers } = await readOutcomeMatrix(out);
    expect(answers).toMatchObject({ finishReasons: ['length', 'length', 'length'] });
    expect(answers).not.toHaveProperty('texts');
  });

  it('are what a table of the same answers has', async () => {
    await ingest(write('log.jsonl', await log('text')), { format: 'pointsman', answers: 'text' });
    const { answers, prompts } = await readOutcomeMatrix(out);
    const table = prompts.map(({ request: { text }, requestId, timestampMs }, i) => ({
      ...{ requestId, text, timestamp: timestampMs, candidate: 'mini', finish_reason: 'length' },
      response: answers?.texts?.[answers.places[i]],
    }));
    expect(table.map(({ response }) => response).sort()).toEqual(['16', 'It is 15.', said, undefined]);
    await ingest(write('table.jsonl', lines(table)), { answers: 'text' });
    expect((await readOutcomeMatrix(out)).answers).toEqual(answers);
  });

  it('change nothing where there are none, nor where they are of another version', async () => {
    const other = (await log('features')).replaceAll('"version":1', '"version":2');
    const report = await ingest(write('log.jsonl', other), { format: 'pointsman' });
    expect(report).toMatchObject({ rowsAccepted: 4, answers: { known: 0, otherVersion: 3 } });
    expect(await readOutcomeMatrix(out)).not.toHaveProperty('answers');
    const none = await ingest(write('log.jsonl', await log('features')), {
      format: 'pointsman',
      answers: 'none',
    });
    expect(none).toMatchObject({ rowsAccepted: 4, answers: { known: 0 } });
  });

  it('are read however wrong they are', async () => {
    const answers = [
      7,
      null,
      [],
      'text',
      { hash: 1, checks: 'x', version: 'one', text: 5 },
      { checks: [null, 'a'] },
    ];
    const records = answers.flatMap((answer, i) => [
      decision(`w${i}`, 'small'),
      outcome(`w${i}`, 'small', { answer }),
    ]);
    const report = await ingest(write('wrong.jsonl', lines(records)), { format: 'pointsman' });
    expect(report).toMatchObject({ rowsAccepted: answers.length, rejected: [], answers: { known: 0 } });
  });
});
