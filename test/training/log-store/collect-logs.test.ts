import { cp, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ingestOutcomes, readDecisionLog, readOutcomeMatrix } from '@pointsman/training';
import { createFileLog, createFileSink } from 'pointsman/internal';
import { createDecisionLog, type LogRecord } from 'pointsman/log';
import { describe, expect, it } from 'vitest';
import { collectLogs } from '../../../training/log-store/collect.ts';
import { compactLog } from '../../../training/log-store/compact.ts';
import { forgetInLogs } from '../../../training/log-store/forget.ts';
import { listLogFiles, listParts } from '../../../training/log-store/read.ts';
import { runCli } from '../../documents/run-cli.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { aDecision } from '../../src/log/a-decision.ts';
import { RECORDS } from '../../src/log/log-records.ts';
import { storeKinds } from './store-kinds.ts';

const { folder: root } = temporaryFolder();
const AT = Date.UTC(2026, 10, 25, 23, 59, 30);
let folders = 0;

/** A log of several closed files, whose minute before midnight is not its last. */
async function closedLog() {
  const folder = join(root, `log-${folders++}`);
  let ms = 0;
  const clock = {
    wallNow: () => AT + 500 * ms++,
    after(wait: number, done: () => void) {
      const timer = setTimeout(done, wait);
      return () => clearTimeout(timer);
    },
  };
  const log = createFileLog(folder, { maxBytes: 20_000, batch: 8, now: () => AT, clock });
  for (let i = 0; i < 60; i++) {
    const id = log.decided(aDecision(), { text: `prompt ${i}` });
    log.outcome(id, { candidate: 'mini', costUsd: 0.001, latencyMs: 100 + i });
    log.feedback(id, { quality: (i % 5) / 4 });
  }
  await log.close();
  return folder;
}

async function read(folder: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const record of readDecisionLog(folder))
    if (record.kind !== 'file') lines.push(JSON.stringify(record));
  return lines.sort();
}

const kinds = storeKinds(join(root, 'stores'));
const dayOf = (part: string) => part.split('/')[0];

describe.each(kinds)('logs that are taken into a store in a $kind', (kind) => {
  const { newStore } = kind;

  it('are there by day, once, and no more where they were', async () => {
    const [first, second] = [await closedLog(), await closedLog()];
    const before = [...(await read(first)), ...(await read(second))].sort();
    const files = (await listLogFiles(first)).length + (await listLogFiles(second)).length;
    const out = newStore();
    const report = await collectLogs({ sources: [first, second], out });
    expect(report).toMatchObject({
      files,
      records: 360,
      repeated: 0,
      parts: 2,
      open: 0,
      elsewhere: 0,
      refused: [],
    });
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore / 2);
    expect(await read(out)).toEqual(before);
    expect((await kind.parts(out)).map(dayOf)).toEqual(['day=2026-11-25', 'day=2026-11-26']);
    for (const folder of [first, second]) expect(await readdir(folder)).toEqual([]);
    expect(await collectLogs({ sources: [first, second], out })).toMatchObject({
      files: 0,
      records: 0,
      parts: 0,
    });
    expect(await read(out)).toEqual(before);
    const [batch] = (await kind.names(out)).filter((name) => name.startsWith('batches/'));
    const note = JSON.parse((await kind.read(out, batch)).toString());
    expect(note).toMatchObject({ schemaVersion: 1, records: 360, repeated: 0 });
    expect(note.segments).toHaveLength(files);
    expect(note.segments.reduce((sum: number, each: { bytes: number }) => sum + each.bytes, 0)).toBe(
      report.bytesBefore,
    );
  });

  it('that come again, compacted in between or under another name, add nothing', async () => {
    const folder = await closedLog();
    const copies = [`${folder}-1`, `${folder}-2`];
    for (const copy of copies) await cp(folder, copy, { recursive: true });
    await compactLog({ folder: copies[0] });
    const before = await read(folder);
    const out = newStore();
    await collectLogs({ sources: [folder], out });
    expect(await collectLogs({ sources: copies, out })).toMatchObject({
      records: 0,
      repeated: 360,
      parts: 0,
    });
    expect(await read(out)).toEqual(before);
  });

  it('hold a batch once that a gateway wrote twice, since its file was taken while it wrote', async () => {
    const folder = join(root, `log-${folders++}`);
    const sink = createFileSink({ folder, now: () => AT });
    await sink.write(RECORDS.slice(0, 2));
    const out = newStore();
    // By a clock that is a day ahead.
    const later = { settleMs: 0, now: () => AT + 2 * 86_400_000 };
    expect(await collectLogs({ sources: [folder], out, ...later })).toMatchObject({ files: 1, records: 2 });
    await sink.write(RECORDS.slice(0, 3));
    await sink.close();
    expect(await collectLogs({ sources: [folder], out, ...later })).toMatchObject({
      records: 1,
      repeated: 2,
    });
    const kinds = (await read(out)).map((line) => JSON.parse(line).kind);
    expect(kinds.sort()).toEqual(['decision', 'feedback', 'outcome']);
  });

  it('are left where they are while a gateway may write to them', async () => {
    const folder = join(root, `log-${folders++}`);
    const log = createDecisionLog({ sink: createFileSink({ folder, now: () => AT }), batch: 1 });
    log.decided(aDecision(), { text: 'a' });
    await log.flush();
    const out = newStore();
    expect(await collectLogs({ sources: [folder], out, now: () => AT })).toMatchObject({ open: 1, files: 0 });
    expect(await listLogFiles(folder)).toHaveLength(1);
    await log.close();
    expect(await collectLogs({ sources: [folder], out, now: () => AT })).toMatchObject({ open: 0, files: 1 });
  });

  it('leave a damaged file as it is, and take the others', async () => {
    const folder = await closedLog();
    const before = await read(folder);
    const [{ path }] = await listLogFiles(folder);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"kind":"decision"', '"kind:"decision"'));
    const out = newStore();
    const { code, stderr, stdout } = await runCli(['log', 'compact', folder, '--out', out]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Line \d+ of .*jsonl is no log record. The file is left as it is/);
    expect(stdout).toMatch(
      /^\d+ records taken in, of \d files, into 2 parts, 0\.\d MB to 0\.\d MB\n {2}1 refused\n$/,
    );
    expect((await listLogFiles(folder)).map((file) => file.path)).toEqual([path]);
    await writeFile(path, text);
    await collectLogs({ sources: [folder], out });
    expect(await read(out)).toEqual(before);
  });

  it('go on with what a compactor had claimed that was killed, and not with what is claimed for another store', async () => {
    const folder = await closedLog();
    const before = await read(folder);
    const out = newStore();
    await collectLogs({ sources: [await closedLog()], out });
    const id = JSON.parse((await kind.read(out, 'log-store.json')).toString()).id as string;
    const [mine, others] = await listLogFiles(folder);
    const name = (of: string, stem: string) =>
      join(folder, `.taken-${of}-20261125T000000000Z-0badf00d-${stem}.jsonl`);
    await rename(mine.path, name(id, mine.stem));
    await rename(others.path, name('00000000', others.stem));
    const report = await collectLogs({ sources: [folder], out });
    expect(report).toMatchObject({ elsewhere: 1 });
    expect(await readdir(folder)).toEqual([
      `.taken-00000000-20261125T000000000Z-0badf00d-${others.stem}.jsonl`,
    ]);
    await rename(name('00000000', others.stem), others.path);
    await collectLogs({ sources: [folder], out });
    const all = await read(out);
    expect(before.every((line) => all.includes(line))).toBe(true);
    expect(all).toHaveLength(360);
  });

  it('by several at once are there once', async () => {
    const places = [await closedLog(), await closedLog()];
    const before = [...(await read(places[0])), ...(await read(places[1]))].sort();
    const out = newStore();
    const waitedFor: string[] = [];
    const onWait = (holder: string) => void waitedFor.push(holder);
    const reports = await Promise.all(
      [1, 2, 3].map(() => collectLogs({ sources: places, out, batchBytes: 30_000, onWait })),
    );
    // Whoever is first waits for nobody, and the others may come when he has ended.
    expect(waitedFor.length).toBeLessThanOrEqual(2);
    for (const holder of waitedFor) expect(holder).toContain(`process ${process.pid}`);
    expect(reports.reduce((sum, { records }) => sum + records, 0)).toBe(360);
    expect(await read(out)).toEqual(before);
  });

  it('are the same traffic to learn from, by the name of the store alone', async () => {
    const folder = await closedLog();
    const out = newStore();
    const [direct, stored] = [join(root, 'direct.parquet'), join(root, 'stored.parquet')];
    await ingestOutcomes({ files: [folder], format: 'pointsman', out: direct });
    await collectLogs({ sources: [folder], out });
    await ingestOutcomes({ files: [out], format: 'auto', out: stored });
    expect(await readOutcomeMatrix(stored)).toEqual(await readOutcomeMatrix(direct));
  });
});

describe.each(kinds)('small files of a day in a $kind', (kind) => {
  /** A store of four batches, and what is in it. */
  async function fourBatches(options: { readonly mostParts: number }) {
    const out = kind.newStore();
    const all: string[] = [];
    const reports = [];
    for (let i = 0; i < 4; i++) {
      const folder = await closedLog();
      all.push(...(await read(folder)));
      reports.push(await collectLogs({ sources: [folder], out, ...options, now: () => AT + i }));
    }
    return { out, all: all.sort(), reports };
  }
  const partsOf = async (out: string, day: string) =>
    (await kind.names(out)).filter((name) => dayOf(name) === `day=${day}` && name.endsWith('.parquet'));

  it('are merged into one where there are many, which holds the same', async () => {
    const { all, out, reports } = await fourBatches({ mostParts: 3 });
    expect(reports.map(({ merged }) => merged)).toEqual([0, 0, 0, 8]);
    expect(await read(out)).toEqual(all);
    expect((await kind.parts(out)).map(dayOf)).toEqual(['day=2026-11-25', 'day=2026-11-26']);
    if (kind.kind === 'folder')
      for (const { path } of await listParts(out)) expect((await stat(path)).mode & 0o077).toBe(0);
    // What has been read is known, and whoever reads the small ones may go on for an hour.
    expect(await partsOf(out, '2026-11-25')).toHaveLength(5);
    const again = { sources: [await closedLog()], out, mostParts: 1 };
    const hour = 3_600_000;
    expect(await collectLogs({ ...again, now: () => AT + hour })).toMatchObject({ merged: 0, records: 180 });
    expect(await partsOf(out, '2026-11-25')).toHaveLength(6);
    const later = await collectLogs({ ...again, now: () => AT + 2 * hour });
    expect(later).toMatchObject({ merged: 4, records: 0 });
    expect(await partsOf(out, '2026-11-25')).toHaveLength(3);
    expect(await collectLogs({ ...again, now: () => AT + 4 * hour })).toMatchObject({ merged: 0 });
    expect(await partsOf(out, '2026-11-25')).toHaveLength(1);
    expect(await read(out)).toHaveLength(all.length + 180);
  });

  if (kind.kind === 'folder')
    it('count where a merge was cut short before the merged one was there, and are merged again', async () => {
      const { all, out } = await fourBatches({ mostParts: 10 });
      const day = join(out, 'day=2026-11-25');
      const parts = (await partsOf(out, '2026-11-25')).map((part) => part.split('/')[1]);
      await writeFile(join(day, '.merged-gone.json'), JSON.stringify({ at: AT, parts }));
      expect(await read(out)).toEqual(all);
      expect(await collectLogs({ sources: [], out, mostParts: 3 })).toMatchObject({ merged: 8 });
      expect(await read(out)).toEqual(all);
    });

  it('are not what is left of somebody who is forgotten', async () => {
    const { out } = await fourBatches({ mostParts: 3 });
    await forgetInLogs({ places: [out], forgetting: { before: AT + 86_400_000 } });
    expect(await read(out)).toEqual([]);
    for (const day of ['2026-11-25', '2026-11-26']) expect(await partsOf(out, day)).toEqual([]);
  });
});

it('a store in a folder can be read by their owner alone', async () => {
  const out = kinds[0].newStore();
  await collectLogs({ sources: [await closedLog()], out });
  for (const { path } of await listParts(out)) expect((await stat(path)).mode & 0o077).toBe(0);
  expect((await stat(join(out, 'batches'))).mode & 0o077).toBe(0);
});

it.each(kinds)(
  'a store without a record yet in a $kind is a night without a log, and a folder of something else is refused',
  async ({ newStore }) => {
    const out = newStore();
    const empty = join(root, `empty-${folders++}`);
    await mkdir(empty);
    await collectLogs({ sources: [empty], out });
    const reading = { format: 'pointsman' as const, out: join(root, 'none.parquet') };
    await expect(ingestOutcomes({ ...reading, files: [out] })).rejects.toMatchObject({
      name: 'NoFilesError',
    });
    await expect(ingestOutcomes({ ...reading, files: [empty] })).rejects.toThrow(
      'is a folder. Give its files',
    );
    await expect(collectLogs({ sources: [join(root, 'gone')], out })).rejects.toThrow(
      'Give the folder of a decision log',
    );
    const records: LogRecord[] = [];
    for await (const record of readDecisionLog(out)) records.push(record);
    expect(records).toEqual([]);
  },
);
