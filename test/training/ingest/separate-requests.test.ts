import { describe, expect, it } from 'vitest';
import type { IngestOptions } from '../../../training/ingest/options.ts';
import { logFixture, tableRows } from './formats/log-fixture.ts';
import { lines } from './ingest-fixture.ts';

const { ingest, path, write } = logFixture();
const FORMAT = 'openai';
const OWN_ID = /^chatcmpl-0#[0-9a-f]{12}$/;
const CANNOT_BE_TOLD = 'several requests have this id and other prompts: whose record it is cannot be told';

const pair = (content: string, model: string, more: object = {}) => ({
  id: 'chatcmpl-0',
  request: { model, messages: [{ role: 'user', content }] },
  response: { choices: [{ message: { content: 'Yes' } }] },
  ...more,
});
/** A server that counted from 0 again; the first and the last are of one request. */
const log = [
  pair('Mail anna@mail.example', 'small', { rating: 1 }),
  pair('Mail bert@mail.example', 'small', { rating: 0 }),
  pair('Is it so?', 'small'),
  pair('Mail anna@mail.example', 'large'),
];
const feedback = {
  schemaVersion: 1,
  kind: 'feedback',
  id: 'chatcmpl-0',
  at: '2026-02-03T10:00:00Z',
  quality: 0.5,
};
const embedder = {
  id: 'letters',
  embed: async (texts: readonly string[]) => texts.map((text) => Float32Array.of(text.length, 0.5)),
};
/** Texts that only differ in what is personal are one where that is taken out: a table cannot tell them later. */
const MANNERS: readonly { title: string; options: Partial<IngestOptions>; isOne: boolean }[] = [
  { title: 'of prompts as they are', options: {}, isOne: false },
  { title: 'of prompts without what is personal', options: { redact: true }, isOne: true },
  { title: 'of hashes', options: { keep: 'hashes', embedder }, isOne: false },
  {
    title: 'of hashes without what is personal',
    options: { redact: true, keep: 'hashes', embedder },
    isOne: false,
  },
];

describe.each(MANNERS)('one id with several prompts, in a table $title', ({ options, isOne }) => {
  const rowsOfAll = isOne ? 3 : 4;
  const table = (name: string) => ({ format: FORMAT, ...options, out: path(name) }) as const;

  it('stands for as many requests, each with what its own record says', async () => {
    const report = await ingest(write('log.jsonl', lines(log)), table('one.parquet'));
    expect(report).toMatchObject({ rowsAccepted: rowsOfAll, repeatedIds: 1, prompts: rowsOfAll - 1 });
    const rows = await tableRows(path('one.parquet'));
    const told = rows.map(({ requestId, candidate, quality }) => [
      OWN_ID.test(String(requestId)) ? 'own' : requestId,
      candidate,
      quality ?? 'open',
    ]);
    expect(told.sort()).toEqual([
      ['chatcmpl-0', 'large', 'open'],
      ['chatcmpl-0', 'small', 1],
      ...(isOne ? [] : [['own', 'small', 0]]),
      ['own', 'small', 'open'],
    ]);
  });

  it('changes nothing when the log comes again', async () => {
    const file = write('again.jsonl', lines(log));
    const first = await ingest(file, table('again.parquet'));
    const second = await ingest(file, { ...table('again.parquet'), append: true });
    expect(second).toMatchObject({
      rowsRead: 4,
      rowsAccepted: 0,
      rowsInTable: rowsOfAll,
      fingerprint: first.fingerprint,
    });
  });

  it('is the same request as before where the prompt is, and another where it is not', async () => {
    const out = table('parts.parquet');
    await ingest(write('first.jsonl', lines(log.slice(0, 1))), out);
    const rest = write('rest.jsonl', lines(log.slice(1)));
    expect(await ingest(rest, { ...out, append: true })).toMatchObject({
      rowsAccepted: rowsOfAll - 1,
      rowsInTable: rowsOfAll,
    });
    const rows = await tableRows(out.out);
    expect(
      rows.filter(({ requestId }) => requestId === 'chatcmpl-0').map(({ candidate }) => candidate),
    ).toEqual(['large', 'small']);
  });

  it('takes no feedback, with the log or later, since whose it is cannot be told', async () => {
    const out = table('rated.parquet');
    const file = write('rated.jsonl', lines([...log, feedback]));
    const refused = { reason: CANNOT_BE_TOLD, count: 1 };
    const first = await ingest(file, { ...out, score: 'feedback' });
    expect(first.rejected[0]).toMatchObject(refused);
    const alone = write('feedback.jsonl', lines([feedback]));
    const later = await ingest(alone, { ...out, append: true });
    expect(later).toMatchObject({ rejected: [refused], fingerprint: first.fingerprint });
  });
});
