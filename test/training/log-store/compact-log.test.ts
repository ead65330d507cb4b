import { cp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ingestOutcomes, readDecisionLog } from '@pointsman/training';
import fc from 'fast-check';
import { createFileLog, createFileSink } from 'pointsman/internal';
import type { LogRecord } from 'pointsman/log';
import { describe, expect, it } from 'vitest';
import { compactLog } from '../../../training/log-store/compact.ts';
import { listLogFiles } from '../../../training/log-store/read.ts';
import { runCli } from '../../documents/run-cli.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { aDecision } from '../../src/log/a-decision.ts';
import { RECORDS } from '../../src/log/log-records.ts';

const { folder: root } = temporaryFolder();

const AT = Date.UTC(2026, 10, 25, 3);
const DAY_MS = 86_400_000;
let folders = 0;

async function read(folder: string) {
  const refused: string[] = [];
  const records: LogRecord[] = [];
  for await (const record of readDecisionLog(folder, { onRefused: (_, reason) => refused.push(reason) })) {
    records.push(record);
  }
  return { records, refused };
}

/** A log of several closed files. */
async function closedLog() {
  const folder = join(root, `log-${folders++}`);
  const log = createFileLog(folder, { maxBytes: 20_000, batch: 8, now: () => AT });
  for (let i = 0; i < 60; i++) {
    const id = log.decided(aDecision(), { text: `prompt ${i}` });
    log.outcome(id, { candidate: 'mini', costUsd: 0.001, latencyMs: 100 + i });
    log.feedback(id, { quality: (i % 5) / 4 });
  }
  await log.close();
  return folder;
}

/** One file that its process left open. */
async function openFile(records: readonly LogRecord[] = RECORDS.slice(0, 4)) {
  const folder = join(root, `log-${folders++}`);
  let now = AT;
  const sink = createFileSink({ folder, now: () => now });
  await sink.write(records);
  // Too late for a last line.
  now += DAY_MS;
  await sink.close();
  const [{ path }] = await listLogFiles(folder);
  return { folder, path };
}

describe('compacting a log', () => {
  it('keeps every record, in order, and is done once', async () => {
    const folder = await closedLog();
    const before = await read(folder);
    const files = await listLogFiles(folder);
    expect(files.length).toBeGreaterThan(2);
    const report = await compactLog({ folder });
    expect(report).toMatchObject({
      compacted: files.length,
      records: before.records.length,
      open: 0,
      alreadyCompacted: 0,
      linesCutOff: 0,
      refused: [],
    });
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore / 2);
    expect((await readdir(folder)).every((name) => name.endsWith('.parquet'))).toBe(true);
    expect(await read(folder)).toEqual(before);
    expect(await compactLog({ folder })).toMatchObject({
      compacted: 0,
      records: 0,
      alreadyCompacted: files.length,
    });
    expect(await read(folder)).toEqual(before);
  });

  it('is lossless whatever was asked', async () => {
    const { folder, path } = await openFile();
    const sink = createFileSink({ folder, now: () => AT + 1 });
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    const written: LogRecord[] = [];
    await fc.assert(
      fc.asyncProperty(text, async (prompt) => {
        const record = {
          ...RECORDS[0],
          id: `r${written.length}`,
          request: { text: `${prompt}\0\ud800` },
        } as LogRecord;
        written.push(record);
        await sink.write([record]);
      }),
      { numRuns: 25 },
    );
    await sink.close();
    await rm(path);
    const before = await read(folder);
    expect(before.records.slice(1, -1)).toEqual(written);
    await compactLog({ folder });
    expect(await read(folder)).toEqual(before);
  });

  it('leaves a file alone that its process may still write to', async () => {
    const { folder, path } = await openFile();
    const closesAt = AT + DAY_MS;
    for (const now of [AT, closesAt, closesAt + 600_000 - 1]) {
      expect(await compactLog({ folder, now: () => now })).toMatchObject({ compacted: 0, open: 1 });
    }
    expect((await stat(path)).size).toBeGreaterThan(0);
    expect(await compactLog({ folder, now: () => closesAt + 600_000 })).toMatchObject({
      compacted: 1,
      open: 0,
    });
  });

  it('cut short between the two formats reads each record once, and tidies up the next time', async () => {
    const folder = await closedLog();
    const before = await read(folder);
    const copy = `${folder}-before`;
    await cp(folder, copy, { recursive: true });
    await compactLog({ folder });
    // The JSONL is still there for half of the files: it was killed before it removed them.
    const names = (await readdir(copy)).slice(0, 2);
    for (const name of names) await cp(join(copy, name), join(folder, name));
    const young = join(folder, '.compacting-young');
    const old = join(folder, '.compacting-old');
    for (const path of [young, old]) await writeFile(path, 'half of a file');
    await utimes(old, new Date(Date.now() - 2 * DAY_MS), new Date(Date.now() - 2 * DAY_MS));
    expect(await read(folder)).toEqual(before);
    expect(await compactLog({ folder })).toMatchObject({ compacted: 0 });
    expect(await read(folder)).toEqual(before);
    const left = await readdir(folder);
    expect(left.filter((name) => name.endsWith('.jsonl'))).toEqual([]);
    // Another one may be at work on it.
    expect(left.filter((name) => name.startsWith('.'))).toEqual(['.compacting-young']);
  });

  it('by several at once loses nothing and doubles nothing', async () => {
    const folder = await closedLog();
    const before = await read(folder);
    const reports = await Promise.all([1, 2, 3].map(() => compactLog({ folder })));
    expect(reports.flatMap(({ refused }) => refused)).toEqual([]);
    expect(await read(folder)).toEqual(before);
    expect((await readdir(folder)).every((name) => name.endsWith('.parquet'))).toBe(true);
  });

  it('takes what is whole of a file that a crash cut off anywhere', async () => {
    const { folder, path } = await openFile(RECORDS.slice(0, 3));
    const bytes = await readFile(path);
    const ends = [...bytes.entries()].flatMap(([i, byte]) => (byte === 10 ? [i + 1] : []));
    const last = ends.at(-2) ?? 0;
    for (const length of [last, last + 1, bytes.length - 2, bytes.length - 1, bytes.length]) {
      const cut = `${folder}-${length}`;
      await cp(folder, cut, { recursive: true });
      const [file] = await listLogFiles(cut);
      await truncate(file.path, length);
      const whole = ends.filter((end) => end <= length).length;
      const half = ends.includes(length) ? 0 : 1;
      expect((await read(cut)).refused).toHaveLength(half);
      expect(await compactLog({ folder: cut, now: () => AT + 2 * DAY_MS })).toMatchObject({
        compacted: 1,
        records: whole,
        linesCutOff: half,
      });
      expect((await read(cut)).records).toHaveLength(whole);
    }
  });

  it('of a file that a crash left without a first line removes it once it is old', async () => {
    const { folder, path } = await openFile([]);
    await truncate(path, 10);
    const { mtimeMs } = await stat(path);
    expect(await compactLog({ folder, now: () => mtimeMs + DAY_MS })).toMatchObject({ open: 1 });
    const later = mtimeMs + DAY_MS + 600_001;
    expect(await compactLog({ folder, now: () => later })).toMatchObject({
      compacted: 1,
      records: 0,
      linesCutOff: 1,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses a file that is damaged in its middle, and leaves it as it is', async () => {
    const folder = await closedLog();
    const [first, second] = await listLogFiles(folder);
    const lines = (await readFile(first.path, 'utf8')).split('\n');
    lines[2] = lines[2].slice(0, 40);
    await writeFile(first.path, lines.join('\n'));
    const { code, stdout, stderr } = await runCli(['log', 'compact', folder]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^\d+ files compacted, \d+ records, 0\.\d MB to 0\.\d MB\n {2}1 file refused\n$/);
    expect(stderr).toMatch(/^Line 3 of .*jsonl is no log record. The file is left as it is/);
    expect(await readFile(first.path, 'utf8')).toBe(lines.join('\n'));
    expect((await listLogFiles(folder)).map(({ format }) => format).slice(0, 2)).toEqual([
      'jsonl',
      'parquet',
    ]);
    expect((await read(folder)).refused).toHaveLength(1);
    expect(second.format).toBe('jsonl');
  });
});

const feedback = (id: string) => ({ ...RECORDS[2], id }) as LogRecord;
const idsIn = async (folder: string) =>
  (await read(folder)).records.flatMap((record) => (record.kind === 'feedback' ? [record.id] : []));

describe('where clocks are apart', () => {
  it('compacting a file that is still written to loses no record and doubles none', async () => {
    const folder = join(root, `log-${folders++}`);
    let now = AT;
    const sink = createFileSink({ folder, now: () => now });
    const told = Array.from({ length: 110 }, (_, i) => `${i}`);
    for (const id of told.slice(0, 10)) await sink.write([feedback(id)]);
    // The writer's clock is set back an hour; by the other machine's the file's time is over.
    now -= 3_600_000;
    expect(await compactLog({ folder, now: () => AT + DAY_MS + 600_000 })).toMatchObject({ compacted: 1 });
    for (const id of told.slice(10)) await sink.write([feedback(id)]);
    await sink.close();
    expect((await idsIn(folder)).sort()).toEqual(told.toSorted());
    await compactLog({ folder });
    expect((await idsIn(folder)).sort()).toEqual(told.toSorted());
  });

  it('a name that comes again after its file was compacted is not given to another file', async () => {
    const folder = join(root, `log-${folders++}`);
    for (const id of ['a', 'b', 'c']) {
      const sink = createFileSink({ folder, now: () => AT });
      await sink.write([feedback(id)]);
      await sink.close();
      await compactLog({ folder });
    }
    expect(await idsIn(folder)).toEqual(['a', 'b', 'c']);
  });

  it('files of one name in both formats that hold other records are both read, and both kept', async () => {
    const folders = await Promise.all(
      ['a', 'b'].map(async (id) => (await openFile([feedback(id), feedback(`${id}2`)])).folder),
    );
    await compactLog({ folder: folders[0], now: () => AT + 2 * DAY_MS });
    await cp(folders[1], folders[0], { recursive: true });
    const ids = ['a', 'a2', 'b', 'b2'];
    expect(await idsIn(folders[0])).toEqual(ids);
    for (let i = 0; i < 2; i++) await compactLog({ folder: folders[0], now: () => AT + 2 * DAY_MS });
    expect(await idsIn(folders[0])).toEqual(ids);
    expect(await readdir(folders[0])).toHaveLength(2);
  });

  it('a file that grew after its Parquet was made is compacted again before it is removed', async () => {
    const { folder, path } = await openFile([feedback('a')]);
    const copy = await readFile(path);
    await compactLog({ folder, now: () => AT + 2 * DAY_MS });
    await writeFile(path, Buffer.concat([copy, Buffer.from(`${JSON.stringify(feedback('late'))}\n`)]));
    expect(await idsIn(folder)).toEqual(['a', 'late']);
    expect(await compactLog({ folder, now: () => AT + 2 * DAY_MS })).toMatchObject({
      compacted: 1,
      refused: [],
    });
    expect(await idsIn(folder)).toEqual(['a', 'late']);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('a file that was about to be removed when compacting was killed is looked at again', async () => {
    const { folder, path } = await openFile([feedback('a')]);
    const lines = await readFile(path, 'utf8');
    await compactLog({ folder, now: () => AT + 2 * DAY_MS });
    await writeFile(
      join(folder, `.claimed-${basename(path)}`),
      `${lines}${JSON.stringify(feedback('late'))}\n`,
    );
    await compactLog({ folder, now: () => AT + 2 * DAY_MS });
    expect(await idsIn(folder)).toEqual(['a', 'late']);
    expect(await readdir(folder)).toHaveLength(1);
  });
});

it('nobody but the owner can read a compacted log, or what is on its way', async () => {
  const folder = await closedLog();
  let seen = 0;
  const look = async () => {
    for (const name of await readdir(folder)) {
      const found = await stat(join(folder, name)).catch(() => null);
      if (found === null) continue;
      expect(`${name} ${(found.mode & 0o077).toString(8)}`).toBe(`${name} 0`);
      seen++;
    }
  };
  let done = false;
  const compacting = compactLog({ folder }).finally(() => {
    done = true;
  });
  while (!done) {
    await look();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  await compacting;
  await look();
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect(seen).toBeGreaterThan(0);
});

describe('a compacted log', () => {
  it('is the same traffic to learn from', async () => {
    const folder = await closedLog();
    const ingest = async (name: string) => {
      const out = join(root, name);
      const report = await ingestOutcomes({ files: [join(folder, 'decisions-*')], format: 'pointsman', out });
      return { rows: report.rowsAccepted, fingerprint: report.fingerprint };
    };
    const before = await ingest('before.parquet');
    expect(before.rows).toBe(60);
    await compactLog({ folder });
    expect(await ingest('after.parquet')).toEqual(before);
  });

  it('can be told of in JSON', async () => {
    const folder = await closedLog();
    const { code, stdout } = await runCli(['log', 'compact', folder, '--settle', '0', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ records: expect.any(Number), refused: [] });
  });
});

it('a folder that is not there is an error with what to do', async () => {
  const { code, stderr } = await runCli(['log', 'compact', join(root, 'nowhere')]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/nowhere cannot be read: ENOENT.*Give the folder of a decision log/);
});
