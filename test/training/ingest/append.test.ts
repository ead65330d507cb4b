import { chmodSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import { ingestFixture, lines, rows } from './ingest-fixture.ts';

const { ingest, out, path, write } = ingestFixture();
const append = { append: true };

test('appending keeps what is there, and the same file twice changes nothing', async () => {
  const [first, second] = [write('1.jsonl', lines(rows.slice(0, 1))), write('2.jsonl', lines(rows.slice(1)))];
  const whole = await ingest([first, second], { out: path('whole.parquet') });
  expect(await ingest(first, append)).toMatchObject({ rowsAccepted: 1, rowsInTable: 1 });
  expect(await ingest(second, append)).toMatchObject({
    rowsAccepted: 2,
    rowsInTable: 3,
    prompts: 2,
    candidates: ['large', 'small'],
    fingerprint: whole.fingerprint,
  });
  const again = await ingest([second, first], append);
  expect(again).toMatchObject({ rowsRead: 3, rowsAccepted: 0, rejected: [], fingerprint: whole.fingerprint });
  expect(again.passedOver).toMatchObject([
    { reason: 'the table has this requestId and candidate already', count: 3 },
  ]);
});

test('a row with a quality replaces one without; else the first stays', async () => {
  const table = { out: path('upgrade.parquet'), append: true };
  const row = { requestId: 'q', text: 'Hi', candidate: 'm', costUsd: 1 };
  await ingest(write('open.jsonl', lines([row])), table);
  await ingest(write('rated.jsonl', lines([{ ...row, quality: 0.5, costUsd: 2 }])), table);
  await ingest(write('later.jsonl', lines([{ ...row, quality: 1, costUsd: 3 }, row])), table);
  const { costUsd, quality } = await readOutcomeMatrix(table.out);
  expect([costUsd[0], quality[0]]).toEqual([2, 0.5]);
  // In one file as well, whatever the order.
  const report = await ingest(write('both.jsonl', lines([row, { ...row, quality: 1 }])));
  expect(report.rejected).toMatchObject([{ count: 1, examples: [{ line: 1 }] }]);
  expect((await readOutcomeMatrix(out)).quality[0]).toBe(1);
});

test('a file that is no outcomes table is not appended to', async () => {
  const other = write('other.parquet', 'no table');
  await expect(ingest(write('r.jsonl', lines(rows)), { out: other, append: true })).rejects.toThrow(
    /other\.parquet cannot be appended to, since it is no outcomes table/,
  );
});

test('a table can be read by its owner alone, also where it replaces one that everybody could read', async () => {
  const table = path('private.parquet');
  const file = write('private.jsonl', lines(rows));
  for (const options of [{}, append]) {
    await ingest(file, { out: table, ...options });
    expect((statSync(table).mode & 0o777).toString(8)).toBe('600');
    chmodSync(table, 0o644);
  }
});

test('a table that cannot be written says why, and leaves nothing behind', async () => {
  const file = write('a-file.parquet', 'mine');
  const below = `${file}/table.parquet`;
  await expect(ingest(write('ok.jsonl', lines(rows)), { out: below })).rejects.toThrow(
    /The table cannot be written to .*table\.parquet: .*in the way.* \((ENOTDIR|EEXIST)\)\. What was there stays/,
  );
});

test('two that write one table at a time give the one or the other, whole', async () => {
  const out = path('both.parquet');
  const reports = await Promise.all(
    rows.map((row, i) => ingest(write(`both-${i}.jsonl`, lines([{ ...row, requestId: `r${i}` }])), { out })),
  );
  const { prompts } = await readOutcomeMatrix(out);
  expect(reports.map(({ rowsAccepted }) => rowsAccepted)).toEqual([1, 1, 1]);
  expect(['r0', 'r1', 'r2']).toContain(prompts[0].requestId);
});
