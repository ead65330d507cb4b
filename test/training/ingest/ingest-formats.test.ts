import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { expect, test } from 'vitest';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import type { IngestReport } from '../../../training/ingest/report.ts';
import { ingestFixture, lines, reasons, rows } from './ingest-fixture.ts';

const { out, path, write, ingest } = ingestFixture();

test('JSONL, gzip, CSV, Parquet and Arrow of the same rows give the same table and fingerprint', async () => {
  const jsonl = write('same.jsonl', lines(rows));
  const files = [
    jsonl,
    write('same.jsonl.gz', gzipSync(lines(rows.toReversed()))),
    write(
      'same.csv',
      `﻿${Object.keys(rows[0]).join(';')}\r\n${rows
        .map((row) =>
          Object.values(row)
            .map((value) => `"${String(value).replaceAll('"', '""')}"`)
            .join(';'),
        )
        .join('\r\n')}`,
    ),
    path('same.parquet'),
    write('same.arrow', tableToIPC(tableFromArrays(columnsOf(rows)), 'file')),
    write('same.arrows', tableToIPC(tableFromArrays(columnsOf(rows)), 'stream')),
  ];
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(
    `COPY (SELECT * FROM read_json('${jsonl}')) TO '${path('same.parquet')}' (FORMAT parquet)`,
  );
  instance.closeSync();
  const reports: IngestReport[] = [];
  for (const file of files) reports.push(await ingest(file));
  for (const report of reports) {
    expect(report).toEqual({ ...reports[0], files: report.files, formats: report.formats });
    expect(report).toMatchObject({
      rowsRead: 3,
      rowsAccepted: 3,
      rejected: [],
      prompts: 2,
      candidates: ['large', 'small'],
    });
  }
  const matrix = await readOutcomeMatrix(out);
  expect(matrix.candidates).toEqual(['large', 'small']);
  expect(matrix.prompts.map((prompt) => prompt.request.text)).toEqual(['One, "two"', 'Three\nlines\nlong']);
  expect([...matrix.quality]).toEqual([1, 0.25, Number.NaN, 1]);
  expect(matrix.costUsd[0]).toBeCloseTo(0.02, 6);
  // The table itself is a source like any other.
  expect((await ingest(path('out.parquet'), { out: path('again.parquet') })).fingerprint).toBe(
    reports[0].fingerprint,
  );
});

test('wide rows: cells, bare qualities, aliases, and null for a candidate that was not asked', async () => {
  const report = await ingest(
    write(
      'wide.jsonl',
      lines([
        {
          id: 'p1',
          prompt: 'Hi',
          outcomes: { 'a.b': { quality: 1, cost_usd: 0.1, latency_ms: 5 }, c: null },
        },
        { id: 'p2', prompt: 'Ho', outcomes: { 'a.b': 0.5, c: { quality: true, costUsd: 0.2 } } },
        { id: 'p3', prompt: 'No', outcomes: 'none' },
        { id: 'p4', prompt: 'No', outcomes: {} },
        { id: 'p5', outcomes: { c: { quality: 1 } } },
        { id: 'p6', prompt: 'Q', outcomes: { c: { quality: 2 }, d: { quality: 0 } } },
      ]),
    ),
  );
  expect(reasons(report)).toEqual([
    ['the row holds no candidate: `outcomes` must be an object with a key per candidate', 2, [3, 4]],
    ['`quality` must be a number from 0 to 1', 1, [6]],
    ['`text` or `messages` must be given, or `promptHash`', 1, [5]],
  ]);
  expect(report).toMatchObject({
    rowsRead: 8,
    rowsAccepted: 4,
    cellsNotObserved: 1,
    candidates: ['a.b', 'c', 'd'],
  });
  expect(report.aliases).toEqual({
    requestId: ['id'],
    text: ['prompt'],
    costUsd: ['cost_usd'],
    latencyMs: ['latency_ms'],
  });
  const matrix = await readOutcomeMatrix(out);
  expect([...matrix.quality.subarray(0, 6)]).toEqual([1, Number.NaN, Number.NaN, 0.5, 1, Number.NaN]);
});

test("RouterBench's columns are read, from JSONL and CSV", async () => {
  const wide = {
    sample_id: 's1',
    prompt: 'Q',
    eval_name: 'mmlu',
    'gpt-4': 1,
    'gpt-4|model_response': 'A',
    'gpt-4|total_cost': 0.01,
    'yi/34b': 0,
    'yi/34b|total_cost': 0.001,
    oracle_model_to_route_to: 'gpt-4',
  };
  const jsonl = await ingest(write('rb.jsonl', lines([wide])));
  expect(jsonl).toMatchObject({
    rowsAccepted: 2,
    candidates: ['gpt-4', 'yi/34b'],
    ignoredColumns: ['oracle_model_to_route_to'],
  });
  expect(jsonl.aliases).toEqual({ requestId: ['sample_id'], text: ['prompt'], task: ['eval_name'] });
  const csv = await ingest(
    write('rb.csv', `${Object.keys(wide).join(',')}\n${Object.values(wide).join(',')}\n`),
  );
  expect(csv.fingerprint).toBe(jsonl.fingerprint);
});

test("the user's own names: plain, with dots, into lists; a name no row has is an error", async () => {
  const file = write(
    'own.jsonl',
    lines([{ key: 7, call: { llm: 'm', turns: [{ say: 'Hello' }] }, stars: '1' }]),
  );
  const map = { requestId: 'key', candidate: 'call.llm', text: 'call.turns.0.say', quality: 'stars' };
  expect(await ingest(file, { map })).toMatchObject({
    rowsAccepted: 1,
    candidates: ['m'],
    ignoredColumns: [],
  });
  expect((await readOutcomeMatrix(out)).prompts[0]).toMatchObject({
    requestId: '7',
    request: { text: 'Hello' },
  });
  await expect(ingest(file, { map: { ...map, tier: 'plan' } })).rejects.toThrow(
    'tier=plan, and no row has "plan"',
  );
});

test('messages are kept, an id with two texts is reported', async () => {
  const messages = [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }];
  const report = await ingest(
    write(
      'chat.jsonl',
      lines([
        { requestId: '1', messages, candidate: 'a' },
        { requestId: '1', text: 'Hi', candidate: 'b', timestamp: 1700000000 },
      ]),
    ),
  );
  expect(report).toMatchObject({ rowsAccepted: 2, promptsWithConflictingText: 1 });
  const { prompts } = await readOutcomeMatrix(out);
  expect(prompts[0]).toMatchObject({ request: { messages }, timestampMs: null });
});

function columnsOf(table: readonly Record<string, string | number>[]): Record<string, (string | number)[]> {
  return Object.fromEntries(Object.keys(table[0]).map((key) => [key, table.map((row) => row[key])]));
}
