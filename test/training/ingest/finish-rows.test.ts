import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Judged } from '../../../training/ingest/judge.ts';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import { logFixture, tableRows, tableWords } from './formats/log-fixture.ts';
import { lines } from './ingest-fixture.ts';

const { ingest, out, path, write } = logFixture();
const pair = (id: string, content: string, answer: string | null, more: object = {}) => ({
  id,
  request: { model: 'mini', messages: [{ role: 'user', content }] },
  response: answer === null ? { error: { code: 'down' } } : { choices: [{ message: { content: answer } }] },
  ...more,
});
const format = 'openai' as const;
const log = () =>
  write(
    'log.jsonl',
    lines([
      pair('a', 'Mail anna@mail.example', 'Sent to anna@mail.example'),
      pair('b', 'Rated', 'Good', { rating: 1 }),
      pair('c', 'Failed', null),
      pair('d', 'No answer kept', ''),
      pair('e', 'Order A-123456', 'Here'),
    ]),
  );

test('a judge is asked for what nobody rated, once; it sees no personal data', async () => {
  const seen: Judged[] = [];
  const judge = (judged: Judged): number => {
    seen.push(judged);
    return judged.answer.length / 100;
  };
  const redact = { ORDER: String.raw`A-\d+` };
  const first = await ingest(log(), { format, judge, redact });
  expect(seen.sort((x, y) => (x.prompt < y.prompt ? -1 : 1))).toEqual([
    { prompt: 'Mail [EMAIL]', answer: 'Sent to [EMAIL]', candidate: 'mini' },
    { prompt: 'Order [ORDER]', answer: 'Here', candidate: 'mini' },
  ]);
  expect(first.judgement).toEqual({ judged: 2, failed: 0, firstFailure: null, withoutAnswer: 2 });
  const rows = await tableRows(out);
  expect(rows.map(({ requestId, text, quality }) => [requestId, text, quality])).toEqual([
    ['a', 'Mail [EMAIL]', 0.15],
    ['b', 'Rated', 1],
    ['c', 'Failed', undefined],
    ['d', 'No answer kept', undefined],
    ['e', 'Order [ORDER]', 0.04],
  ]);
  expect(rows[0].metadata).toEqual({ judged: true });
  const again = await ingest(log(), { format, judge, redact });
  expect(again.fingerprint).toBe(first.fingerprint);
  expect(seen).toHaveLength(2);
});

test('a later judgement fills the open rows of a table', async () => {
  const table = { format, out: path('later.parquet'), append: true };
  await ingest(log(), table);
  const report = await ingest(log(), { ...table, judge: () => 0.5 });
  // A record stands in the place of each row of the table that it gave its answer.
  expect(report).toMatchObject({ rowsAccepted: 2, rowsInTable: 5, judgement: { judged: 2, failed: 0 } });
  expect((await tableRows(table.out)).map(({ quality }) => quality)).toEqual([
    0.5,
    1,
    undefined,
    undefined,
    0.5,
  ]);
});

test('a table without answers has none to judge', async () => {
  const row = { requestId: 'a', text: 'One', candidate: 'mini' };
  await expect(ingest(write('table.jsonl', lines([row])), { judge: () => 1 })).rejects.toThrow(
    /`judge` of IngestOptions needs answers/,
  );
});

test('kept as hashes, a table holds no word; the hash is of what was asked, the embedding of what may be known', async () => {
  const embedded: string[] = [];
  const embedder = {
    id: 'letters',
    embed: async (texts: readonly string[]) => {
      embedded.push(...texts);
      return texts.map((text) => Float32Array.of(text.length, 0.5));
    },
  };
  const report = await ingest(log(), { format, redact: true, keep: 'hashes', embedder });
  expect(embedded).toContain('Mail [EMAIL]');
  const rows = await tableWords(out);
  expect(rows[0]).toEqual({
    requestId: 'a',
    promptHash: createHash('sha256').update('Mail anna@mail.example').digest('hex'),
    embedding: [12, 0.5],
    candidate: 'mini',
    source: 'openai',
    metadata: { embedder: 'letters' },
  });
  expect(rows.every((row) => row.text === undefined && row.messages === undefined)).toBe(true);
  const { prompts } = await readOutcomeMatrix(out);
  expect(prompts[0]).toMatchObject({ request: {}, embedding: Float32Array.of(12, 0.5) });
  // Again, nothing changes; the table is a source like any other.
  const options = { format, redact: true, keep: 'hashes', embedder, append: true } as const;
  expect((await ingest(log(), options)).fingerprint).toBe(report.fingerprint);
  expect((await ingest(out, { out: path('copy.parquet') })).fingerprint).toBe(report.fingerprint);
  await expect(ingest(log(), { format, keep: 'hashes' })).rejects.toThrow('`embedder` of IngestOptions');
});

test('tables are redacted as logs are, also in metadata', async () => {
  const row = { requestId: 'r', candidate: 'm', quality: 1, metadata: { ip: '10.0.0.1', n: 1 } };
  const messages = [{ role: 'user', content: [{ type: 'text', text: 'Call +44 20 7946 0958' }] }];
  await ingest(write('table.jsonl', lines([{ ...row, messages }])), { redact: true });
  expect((await tableRows(out))[0]).toMatchObject({
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Call [PHONE]' }] }],
    metadata: { ip: '[IP]', n: 1 },
  });
});

test('ratings of a table are brought to 0 to 1 as well', async () => {
  const rows = [1, 3, '5', true, 6].map((score, i) => ({
    requestId: `${i}`,
    text: 't',
    candidate: 'm',
    score,
  }));
  for (const text of [lines(rows), `${lines(rows)}{broken`]) {
    const report = await ingest(write('stars.jsonl', text), { scoreRange: [1, 5] });
    expect((await tableRows(out)).map(({ quality }) => quality)).toEqual([0, 0.5, 1, 1]);
    expect(report.rejected).toContainEqual(
      expect.objectContaining({ count: 1, examples: [expect.objectContaining({ line: 5 })] }),
    );
  }
});
