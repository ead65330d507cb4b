import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import { promptProblem } from '../../../training/ingest/record/format.ts';
import type { IngestReport } from '../../../training/ingest/report.ts';
import { parseOutcomeRow } from '../../../training/outcomes/outcome.ts';
import { ingestFixture, lines, reasons, rows } from './ingest-fixture.ts';

const { out, path, write, ingest } = ingestFixture();
const total = (report: IngestReport): number =>
  report.rejected.reduce((sum, { count }) => sum + count, report.rowsAccepted);

test('the order of files and rows does not matter, the rows do', async () => {
  const [one, two] = [write('o1.jsonl', lines(rows.slice(0, 1))), write('o2.jsonl', lines(rows.slice(1)))];
  const { fingerprint } = await ingest([one, two]);
  expect((await ingest([two, one])).fingerprint).toBe(fingerprint);
  expect((await ingest(path('o[12].jsonl'))).fingerprint).toBe(fingerprint);
  expect(
    (await ingest(write('o3.jsonl', lines([{ ...rows[0], quality: 0.26 }, ...rows.slice(1)])))).fingerprint,
  ).not.toBe(fingerprint);
});

test('every line is accepted or counted with its reason and number', async () => {
  const good = JSON.stringify(rows[0]);
  const content = Buffer.concat([
    Buffer.from(`﻿${good}\r\n\r\n{broken\n[1]\n`),
    Buffer.from('{"requestId":"x\xff"}\n', 'latin1'),
    Buffer.from(`${good}\n   \n${JSON.stringify({ ...rows[1], quality: null, costUsd: -1 })}\n`),
    Buffer.from(
      `{"requestId":"n","text":"t","candidate":"c","quality":NaN}\n${JSON.stringify({ ...rows[2], text: 'x'.repeat(2 ** 20) })}`,
    ),
  ]);
  const report = await ingest(write('bad.jsonl', content));
  expect(reasons(report).sort()).toEqual([
    ['`costUsd` must be a number from 0 to 1,000', 1, [8]],
    ['`quality` must be a number from 0 to 1', 1, [9]],
    ['the line is not a JSON object', 1, [4]],
    ['the line is not valid JSON', 1, [3]],
    ['the line is not valid UTF-8', 1, [5]],
    [
      'the same requestId and candidate came already (kept is the first that has a quality, else the first)',
      1,
      [6],
    ],
  ]);
  expect(report).toMatchObject({ rowsRead: 8, rowsAccepted: 2 });
});

test('a regular file, read whole, and one with a broken line, read line by line, give the same', async () => {
  const many = Array.from({ length: 20_000 }, (_, i) => ({
    ...rows[i % 3],
    // Divisible by 3, so that an id that comes again comes with the same words.
    requestId: `${i % 19_989}`,
    quality: i % 5_000 === 4_321 ? 7 : 0.5,
  }));
  const content = lines(many).replaceAll('{"requestId":"100"', '\n  \r\n\n{"requestId":"100"');
  const whole = await ingest(write('whole.jsonl', content));
  const byLine = await ingest(write('by-line.jsonl', `${content}{broken`));
  expect(reasons(byLine)).toEqual([...reasons(whole), ['the line is not valid JSON', 1, [20_004]]]);
  expect(reasons(whole)).toEqual([
    [
      'the same requestId and candidate came already (kept is the first that has a quality, else the first)',
      11,
      [19_993, 19_994, 19_995, 19_996, 19_997],
    ],
    ['`quality` must be a number from 0 to 1', 4, [4_325, 9_325, 14_325, 19_325]],
  ]);
  expect(byLine.fingerprint).toBe(whole.fingerprint);
});

test.each([
  ['a table', rows],
  [
    'a log of LiteLLM',
    [1, 2, 3].map((id) => ({
      id: `c${id}`,
      call_type: 'acompletion',
      model: 'm',
      model_group: 'm',
      messages: [{ role: 'user', content: 'What?' }],
      metadata: { requester_metadata: { grade: 1 } },
    })),
  ],
])('a line `null` of %s is no object, whether the file is read whole or line by line', async (_, records) => {
  const content = `null\n${lines(records)} null \n`;
  const whole = await ingest(write('nulls.jsonl', content), { score: 'grade' });
  const byLine = await ingest(write('nulls-by-line.jsonl', `${content}{broken`), { score: 'grade' });
  expect(reasons(whole)).toEqual([['the line is not a JSON object', 2, [1, 5]]]);
  expect(reasons(byLine)).toEqual([...reasons(whole), ['the line is not valid JSON', 1, [6]]]);
  expect(byLine.fingerprint).toBe(whole.fingerprint);
});

test('broken CSV records are counted, and numbers are those of the file', async () => {
  const csv =
    'id,prompt,model,score\n1,"two\nlines",m,1\n\n2,short,m\n3,x,m,7\n4,ok,m,true\n5,"never closed,m,1\n6,x,m,1\n';
  const report = await ingest(write('bad.csv', csv));
  expect(reasons(report).sort()).toEqual([
    ['`quality` must be a number from 0 to 1', 1, [6]],
    ['the CSV record has another number of columns than the header', 1, [5]],
    ['the CSV record is broken (a quote is not closed)', 1, [8]],
  ]);
  // The line behind the open quote is a row.
  expect(report.rowsAccepted).toBe(3);
});

test('costs are computed from tokens and prices where a row has none, and counted', async () => {
  const file = write(
    'tokens.jsonl',
    lines([
      { requestId: '1', text: 't', candidate: 'm', inputTokens: 1000, outputTokens: 100 },
      { requestId: '2', text: 't', candidate: 'm', inputTokens: 1000 },
      { requestId: '3', text: 't', candidate: 'm', costUsd: 5, inputTokens: 1, outputTokens: 1 },
      { requestId: '4', text: 't', candidate: 'other', inputTokens: 1, outputTokens: 1 },
    ]),
  );
  const prices = { m: { inputPricePerMillionTokens: 2, outputPricePerMillionTokens: 10 } };
  expect(await ingest(file, { prices })).toMatchObject({ rowsAccepted: 4, costsDerived: 1, costsMissing: 2 });
  expect((await readOutcomeMatrix(out)).costUsd[0]).toBeCloseTo(0.003, 9);
});

test('strict stops at the first bad row, in the order of the file', async () => {
  const file = write(
    'strict.jsonl',
    lines([rows[0], { ...rows[1], quality: 'good' }, { ...rows[1], candidate: '' }]),
  );
  await expect(ingest(file, { strict: true })).rejects.toThrow(
    /strict\.jsonl, line 2: `quality` must be a number from 0 to 1/,
  );
  const twice = write('twice.jsonl', lines([rows[0], rows[0]]));
  await expect(ingest(twice, { strict: true })).rejects.toThrow(/line 2: the same requestId and candidate/);
});

test('a file with no usable row, a missing file, and a broken file say what to do', async () => {
  const strange = write('strange.jsonl', lines([{ q: 'x', who: 'm' }]));
  await expect(ingest([write('fine.jsonl', lines(rows)), strange])).rejects.toThrow(
    /no usable row in .*strange\.jsonl: 1 × `requestId` must be a non-empty string\. Columns seen: q, who\. Looked for: requestId \(or request_id, .*--map/,
  );
  await expect(ingest(write('empty.jsonl', ''))).rejects.toThrow(
    /no usable row in .*empty\.jsonl: the file is empty\./,
  );
  await expect(ingest(path('missing.jsonl'))).rejects.toThrow('There is no file');
  await expect(ingest(path('*.nothing'))).rejects.toThrow('There is no file');
  await expect(ingest(write('table.xlsx', ''))).rejects.toThrow('format of');
  await expect(ingest(write('cut.jsonl.gz', gzipSync(lines(rows)).subarray(0, 40)))).rejects.toThrow(
    /cut\.jsonl\.gz cannot be read/,
  );
  await expect(ingest(write('no.parquet', 'PAR1nope'))).rejects.toThrow(
    /no\.parquet cannot be read as Parquet/,
  );
  await expect(ingest(write('no.arrow', 'nope'))).rejects.toThrow(/no\.arrow/);
  await expect(readOutcomeMatrix(path('no.parquet'))).rejects.toThrow('is not an outcomes table');
  await expect(ingestOutcomes({ files: [], out })).rejects.toThrow(
    /^`files` of IngestOptions: .*\. Correct it and try again\.$/,
  );
  // As in a config, what is misspelled is told with what may have been meant.
  const misspelled = { files: ['a.jsonl'], out, apend: true } as never;
  await expect(ingestOutcomes(misspelled)).rejects.toThrow(
    /^`apend` is no field of IngestOptions\. Did you mean append\?/,
  );
});

test('fuzzed files lose nothing: rows add up, and what zod accepts is accepted where the prompt has words', async () => {
  const value = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.double(),
    fc.constantFrom(null, true, '', 'm', 0.5, [], {}),
  );
  const row = fc.record(
    {
      requestId: fc.oneof(fc.integer({ min: 0, max: 20 }), value),
      text: value,
      candidate: fc.oneof(fc.constantFrom('m', 'n'), value),
      quality: value,
    },
    { requiredKeys: [] },
  );
  const line = fc.oneof(
    row.map((each) => Buffer.from(JSON.stringify(each))),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text.replaceAll('\n', ' '))),
    fc
      .uint8Array({ maxLength: 20 })
      .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 10 ? 32 : byte)))),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 100 }), async (fuzzed) => {
      const all = [Buffer.from(lines([rows[0]])), ...fuzzed.flatMap((each) => [each, Buffer.from('\n')])];
      const report = await ingest(write('fuzz.jsonl', Buffer.concat(all)));
      const blank = fuzzed.filter((each) => /^[ \t\r]*$/.test(each.toString('latin1'))).length;
      expect(report.rowsRead).toBe(fuzzed.length - blank + 1);
      expect(total(report)).toBe(report.rowsRead);
      const keys = new Set(['a small']);
      for (const each of fuzzed) {
        const parsed = parseJson(each);
        const judged = parseOutcomeRow(parsed);
        if ('row' in judged && promptProblem(judged.row) === null)
          keys.add(`${judged.row.requestId} ${judged.row.candidate}`);
      }
      expect(report.rowsAccepted).toBe(keys.size);
    }),
    { numRuns: 8 },
  );
});

test('the same rows give the same bytes', async () => {
  const file = write(
    'bytes.jsonl',
    lines(Array.from({ length: 5000 }, (_, i) => ({ ...rows[i % 3], requestId: `${i}` }))),
  );
  await ingest(file, { out: path('bytes-1.parquet') });
  await ingest(file, { out: path('bytes-2.parquet') });
  expect(readFileSync(path('bytes-1.parquet')).equals(readFileSync(path('bytes-2.parquet')))).toBe(true);
});

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
