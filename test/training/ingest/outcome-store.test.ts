import { copyFileSync, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { OutcomeStore } from '../../../training/ingest/outcome-store.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { tableRows } from './formats/log-fixture.ts';
import { lines } from './ingest-fixture.ts';

const { path, write } = temporaryFolder();
const row = (id: string, quality: number | null, more: object = {}) => ({
  requestId: id,
  text: `Words of ${id}`,
  candidate: 'm',
  quality,
  ...more,
});
let runs = 0;

/** A run: takes rows into a copy of the store, and keeps what is new. */
async function run(store: OutcomeStore, rows: readonly object[], keep = true) {
  const nth = ++runs;
  const [base, table] = [path(`base-${nth}.parquet`), path(`run-${nth}.parquet`)];
  const hasBase = await store.copyTo(base);
  if (hasBase) await store.copyTo(table);
  const report = await ingestOutcomes({
    files: [write(`rows-${nth}.jsonl`, lines(rows))],
    out: table,
    append: true,
  });
  return { report, added: keep ? await store.add(table, hasBase ? base : null) : 0 };
}

async function rowsOf(store: OutcomeStore): Promise<[unknown, unknown][]> {
  const copy = path(`copy-${++runs}.parquet`);
  if (!(await store.copyTo(copy))) return [];
  return (await tableRows(copy)).map(({ requestId, quality }) => [requestId, quality]);
}

test('a store has what runs added to it, and each file of it is written once', async () => {
  const folder = path('grows');
  const store = new OutcomeStore(folder);
  expect([await store.isEmpty(), await rowsOf(store)]).toEqual([true, []]);
  expect(await run(store, [row('a', 1), row('b', null)])).toMatchObject({ added: 2 });
  const [first] = readdirSync(folder);
  const before = statSync(join(folder, first));
  // Of b the quality is known now; a is there already.
  expect(await run(store, [row('a', 0), row('b', 0.5), row('c', 0)])).toMatchObject({ added: 2 });
  expect(await rowsOf(store)).toEqual([
    ['a', 1],
    ['b', 0.5],
    ['c', 0],
  ]);
  expect(await run(store, [row('c', 1)])).toMatchObject({ added: 0 });
  expect(readdirSync(folder)).toHaveLength(2);
  expect(statSync(join(folder, first))).toMatchObject({ mtimeMs: before.mtimeMs, size: before.size });
});

test('rows that are none any more are gone: a decision whose outcome came', async () => {
  const store = new OutcomeStore(path('decisions'));
  const at = '2026-01-01T00:00:00.000Z';
  const decision = {
    schemaVersion: 1,
    kind: 'decision',
    id: 'd',
    at,
    request: { text: 'Hi' },
    candidate: 'small',
    propensity: 0.5,
  };
  const outcome = {
    schemaVersion: 1,
    kind: 'outcome',
    id: 'd',
    at,
    candidate: 'large',
    status: 'ok',
    costUsd: 1,
    latencyMs: 2,
  };
  const take = async (records: readonly object[]) => {
    const [base, table] = [path(`base-${++runs}.parquet`), path(`run-${runs}.parquet`)];
    const hasBase = await store.copyTo(base);
    if (hasBase) await store.copyTo(table);
    const files = [write(`log-${runs}.jsonl`, lines(records))];
    await ingestOutcomes({ files, format: 'pointsman', out: table, append: true });
    await store.add(table, hasBase ? base : null);
    const copy = path(`seen-${runs}.parquet`);
    await store.copyTo(copy);
    return (await tableRows(copy)).map(({ candidate }) => candidate);
  };
  expect(await take([decision])).toEqual(['small']);
  expect(await take([outcome])).toEqual(['large']);
});

test('a run that keeps nothing changes nothing, and of two at once both are kept', async () => {
  const folder = path('two');
  const store = new OutcomeStore(folder);
  await run(store, [row('a', 1)]);
  await run(store, [row('z', 1)], false);
  expect(await rowsOf(store)).toEqual([['a', 1]]);
  await Promise.all([run(store, [row('b', 1)]), run(store, [row('c', 0)])]);
  expect(await rowsOf(store)).toEqual([
    ['a', 1],
    ['b', 1],
    ['c', 0],
  ]);
});

test('many files are joined into one, which says the same', async () => {
  const folder = path('many');
  const store = new OutcomeStore(folder);
  await run(store, [row('x', null)]);
  const [file] = readdirSync(folder);
  // Copies of the first stand for many nights.
  for (let i = 2; i <= 52; i++)
    copyFileSync(join(folder, file), join(folder, file.replace('00000001', String(i).padStart(8, '0'))));
  await store.compact();
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^00000053\.whole-/)]);
  expect(await rowsOf(store)).toEqual([['x', undefined]]);
  await run(store, [row('x', 1), row('y', 0)]);
  expect(await rowsOf(store)).toEqual([
    ['x', 1],
    ['y', 0],
  ]);
});

test('its files are their owner’s alone, and what is half-written counts for nothing', async () => {
  const folder = path('private');
  const store = new OutcomeStore(folder);
  await run(store, [row('a', 1)]);
  if (process.platform !== 'win32') {
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  }
  write('private/.writing-half', 'PAR1');
  write('private/notes.txt', 'mine');
  expect(await rowsOf(store)).toEqual([['a', 1]]);
});

test('a folder whose name looks like a pattern is itself', async () => {
  const [odd, plain] = [new OutcomeStore(path('s[1]')), new OutcomeStore(path('s1'))];
  await run(odd, [row('odd', 1)]);
  await run(plain, [row('plain', 1)]);
  await run(odd, [row('odd', 1), row('more', 0)]);
  expect(await rowsOf(odd)).toEqual([
    ['more', 0],
    ['odd', 1],
  ]);
});

test('a file in its place is not written over, and the message says how to take it in', async () => {
  const file = write('old.parquet', 'PAR1');
  await expect(new OutcomeStore(file).copyTo(path('never'))).rejects.toThrow(
    /must be a folder, and .*old\.parquet is a file.*--import/,
  );
  expect(existsSync(path('never'))).toBe(false);
});
