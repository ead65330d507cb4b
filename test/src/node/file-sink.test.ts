import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFileLog, createFileSink } from 'pointsman/internal';
import type { LogRecord } from 'pointsman/log';
import { expect, test } from 'vitest';
import { runTypescript } from '../../documents/run-typescript.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { aDecision } from '../log/a-decision.ts';
import { RECORDS } from '../log/log-records.ts';
import { decisionIds, readFiles } from './log-folder.ts';

const { folder: root } = temporaryFolder();

const AT = Date.UTC(2026, 10, 25, 3, 36, 47, 123);
const feedback = (id: string) => ({ ...RECORDS[2], id }) as LogRecord;

test('a file has its name from the time, begins with how long it is written to, and ends with that it is closed', async () => {
  const folder = join(root, 'one', 'deep');
  const sink = createFileSink({ folder, now: () => AT, maxAgeMs: 60_000 });
  await sink.write(RECORDS);
  await sink.close();
  const [file, ...others] = await readFiles(folder);
  expect(others).toEqual([]);
  expect(file).toMatchObject({ name: 'decisions-20261125T033647123Z-0.jsonl', rest: '' });
  expect(file.records[0]).toEqual({
    schemaVersion: 1,
    kind: 'file',
    at: '2026-11-25T03:36:47.123Z',
    state: 'opened',
    closesAt: '2026-11-25T03:37:47.123Z',
  });
  expect(file.records.slice(1, -1)).toEqual(RECORDS);
  expect(file.records.at(-1)).toMatchObject({ kind: 'file', state: 'closed' });
});

test('only the owner reads what was asked', async () => {
  const folder = join(root, 'mine');
  const sink = createFileSink({ folder, now: () => AT });
  await sink.write(RECORDS);
  await sink.close();
  const { mode } = await stat(join(folder, 'decisions-20261125T033647123Z-0.jsonl'));
  expect((mode & 0o777).toString(8)).toBe('600');
});

test('nothing is a file before there is something to write', async () => {
  const folder = join(root, 'nothing');
  await createFileSink({ folder }).close();
  await expect(stat(folder)).rejects.toThrow('ENOENT');
});

test('a file that is full is followed by the next; a batch is never in two', async () => {
  const folder = join(root, 'sized');
  const sink = createFileSink({ folder, maxBytes: 800, now: () => AT });
  for (let batch = 0; batch < 5; batch++) {
    await sink.write([feedback(`${batch}a`), feedback(`${batch}b`), feedback(`${batch}c`)]);
  }
  // One batch larger than a file has one of its own.
  await sink.write(Array.from({ length: 20 }, (_, i) => feedback(`large${i}`)));
  await sink.close();
  const files = await readFiles(folder);
  expect(files.map(({ name }) => Number(/-(\d+)\.jsonl$/.exec(name)?.[1]))).toEqual([0, 1, 2, 3, 4, 5]);
  const ids = files.map(({ records }) => records.flatMap((r) => (r.kind === 'feedback' ? [r.id] : [])));
  expect(ids.map((file) => file.length)).toEqual([3, 3, 3, 3, 3, 20]);
});

test('after its time nothing is written to a file, not even that it is closed', async () => {
  const folder = join(root, 'aged');
  let now = AT;
  const sink = createFileSink({ folder, maxAgeMs: 1000, now: () => now });
  await sink.write([feedback('a')]);
  now += 999;
  await sink.write([feedback('b')]);
  now += 1;
  await sink.write([feedback('c')]);
  const [old, young] = await readFiles(folder);
  expect(old.records.slice(1)).toEqual([feedback('a'), feedback('b')]);
  expect(young.records.slice(1)).toEqual([feedback('c')]);
  await sink.close();
});

test('a record that is no JSON is set aside, and the others of its batch are written', async () => {
  const folder = join(root, 'odd');
  const told: string[] = [];
  const log = createFileLog(folder, { onError: (error) => told.push(String(error)) });
  const itself: Record<string, unknown> = {};
  itself.itself = itself;
  let deep: unknown = 1;
  for (let i = 0; i < 20_000; i++) deep = [deep];
  const odd = [{ load: 10n }, { load: { toJSON: () => expect.unreachable() } }, { load: deep }, itself];
  const kept = [log.decided(aDecision(), { text: 'first' })];
  for (const signals of odd) log.decided(aDecision({ signals: signals as never }), { text: 'odd' });
  kept.push(log.decided(aDecision(), { text: 'last' }));
  await log.close();
  const { written, failed, dropped } = log.stats();
  expect({ written, lost: failed + dropped }).toEqual({ written: 2, lost: 4 });
  expect(told).toHaveLength(failed);
  expect(told[0]).toMatch(
    /The decision record ".*" is no JSON: .*It is not kept; the others of its batch are/,
  );
  expect(decisionIds(await readFiles(folder))).toEqual(kept);
});

test('a file that is taken away while it is written to is followed by another, and no batch is lost', async () => {
  const folder = join(root, 'taken');
  const elsewhere = join(root, 'taken-elsewhere');
  await mkdir(elsewhere);
  const sink = createFileSink({ folder, now: () => AT });
  const ids = (files: Awaited<ReturnType<typeof readFiles>>) =>
    files.flatMap(({ records }) => records.flatMap((r) => (r.kind === 'feedback' ? [r.id] : [])));
  await sink.write([feedback('a')]);
  await rename(join(folder, 'decisions-20261125T033647123Z-0.jsonl'), join(elsewhere, 'kept.jsonl'));
  await sink.write([feedback('b')]);
  // One of the same name is another file.
  await rename(join(folder, 'decisions-20261125T033647123Z-0.jsonl'), join(elsewhere, 'too.jsonl'));
  await writeFile(join(folder, 'decisions-20261125T033647123Z-0.jsonl'), '');
  await sink.write([feedback('c')]);
  await rm(folder, { recursive: true });
  await sink.write([feedback('d')]);
  await sink.close();
  expect(ids(await readFiles(folder))).toEqual(['d']);
  // What was moved away holds what was written before; a batch may be there twice, and none is in no file.
  expect(new Set(ids(await readFiles(elsewhere)))).toEqual(new Set(['a', 'b', 'c']));
});

test('many logs in one folder, opened in the same instant, do not mix', async () => {
  const folder = join(root, 'many');
  const sinks = Array.from({ length: 8 }, () => createFileSink({ folder, now: () => AT }));
  await Promise.all(
    sinks.map(async (sink, s) => {
      for (let i = 0; i < 5; i++) await sink.write([feedback(`${s}`)]);
      await sink.close();
    }),
  );
  const files = await readFiles(folder);
  const writers = files.map(({ records }) => new Set(records.flatMap((r) => ('id' in r ? [r.id] : []))));
  expect(writers.map((set) => set.size)).toEqual(Array(8).fill(1));
  expect(new Set(writers.flatMap((set) => [...set])).size).toBe(8);
});

test('a folder that is a file is an error of the log, not of the router', async () => {
  const folder = join(root, 'mine', 'decisions-20261125T033647123Z-0.jsonl');
  const log = createFileLog(folder, { retries: 0 });
  log.decided(aDecision(), { text: 'x' });
  await log.close();
  expect(log.stats()).toMatchObject({
    failed: 1,
    written: 0,
    error: expect.stringMatching(/EEXIST|ENOTDIR/),
  });
});

test('what a log in a folder is told can be read there when it is closed', async () => {
  const folder = join(root, 'whole');
  const log = createFileLog(folder, { maxBytes: 20_000, batch: 10 });
  const told = Array.from({ length: 100 }, (_, i) => log.decided(aDecision(), { text: `prompt ${i}` }));
  await log.close();
  const files = await readFiles(folder);
  expect(files.length).toBeGreaterThan(2);
  expect(decisionIds(files)).toEqual(told);
});

test('a process that comes to its end writes what waits, whether its sink takes it or not', async () => {
  const folder = join(root, 'ended');
  const program = (sink: string) => `
    import { createFileSink } from 'pointsman/internal';
    import { createDecisionLog } from 'pointsman/log';
    const log = createDecisionLog({ flushMs: 10, sink: ${sink} });
    for (let i = 0; i < 40; i++) log.feedback(String(i), { quality: 1 });
    process.on('exit', () => console.log(log.stats().pending));`;
  const [written, hanging] = await Promise.all([
    runTypescript(program(`createFileSink({ folder: ${JSON.stringify(folder)} })`), root),
    runTypescript(program('() => new Promise(() => {})'), root),
  ]);
  expect([written, hanging]).toEqual(['0\n', '40\n']);
  const [{ records, rest }] = await readFiles(folder);
  expect(rest).toBe('');
  expect(records.filter(({ kind }) => kind === 'feedback')).toHaveLength(40);
});
