import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type DuckDBConnection, DuckDBTimestampValue } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { saidBy } from '../work/run-folder.ts';
import { parquetFile, quoteText, withScratchDatabase } from '../work/scratch-database.ts';
import { CLAIMED_PREFIX, type LogFile, listLogFiles, logLines, whenClosed } from './read.ts';

/** How folders begin that hold what is not whole yet. */
const UNFINISHED_PREFIX = '.compacting-';

interface CompactedFile {
  readonly records: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly linesCutOff: number;
}

/**
 * Turns one closed JSONL file into Parquet beside it: `record` is the line as it was, and beside it stands what one
 * looks for. The Parquet gets its name when it is whole and on the disk, and only then the JSONL is removed; cut short
 * at any moment, the file is there in one format or in both. Nobody else can read either.
 *
 * @throws InvalidInputError when a line in the middle is no record, or the file grew: it is left as it is.
 */
async function compactFile(connection: DuckDBConnection, file: LogFile): Promise<CompactedFile> {
  const { size } = await stat(file.path);
  const { records, linesCutOff } = await loadFile(connection, file.path);
  const parquet = join(dirname(file.path), `${file.stem}.parquet`);
  const bytesAfter = records === 0 ? 0 : await writeParquet(connection, file.path, size, parquet);
  await removeRead(file, size);
  return { records, bytesBefore: size, bytesAfter, linesCutOff };
}

/**
 * The same where a Parquet of that name is there: compacting was cut short before the JSONL was removed, and it may have
 * grown since. Where it holds other records (a clock was set back, and a name came twice), it gets a name of its own.
 *
 * @returns null when all of it is in the Parquet already, or it was given another name.
 */
async function compactAgain(connection: DuckDBConnection, file: LogFile): Promise<CompactedFile | null> {
  const parquet = join(dirname(file.path), `${file.stem}.parquet`);
  const { size } = await stat(file.path);
  const { records, linesCutOff } = await loadFile(connection, file.path);
  const [known, others] = await compareLines(connection, parquet);
  if (others > 0) {
    await giveFreeName(file);
    return null;
  }
  const bytesAfter = records > known ? await writeParquet(connection, file.path, size, parquet, true) : 0;
  await removeRead(file, size);
  return records > known ? { records, bytesBefore: size, bytesAfter, linesCutOff } : null;
}

/** @returns records of a Parquet, and how many of them are not the lines at their place. */
async function compareLines(connection: DuckDBConnection, parquet: string): Promise<readonly number[]> {
  try {
    const compared = await connection.runAndReadAll(
      `SELECT count(*), count(*) FILTER (p.record IS DISTINCT FROM lines.record)
        FROM (SELECT file_row_number AS row, record FROM ${parquetFile(parquet, ', file_row_number = true')}) AS p
        LEFT JOIN lines ON lines.line = p.row`,
    );
    return compared.getRows()[0].map(Number);
  } catch (cause) {
    throw new InvalidInputError(
      `${parquet} cannot be read: ${saidBy(cause)} Bring it back from a copy, or remove it.`,
      { cause },
    );
  }
}

/** @returns bytes of the Parquet that has its name now. */
async function writeParquet(
  connection: DuckDBConnection,
  path: string,
  size: number,
  parquet: string,
  replace = false,
): Promise<number> {
  // DuckDB makes files that everybody can read: until it is ours alone, it is in a folder that is.
  const unfinished = join(dirname(path), `${UNFINISHED_PREFIX}${randomUUID()}`);
  const whole = join(unfinished, 'records.parquet');
  await mkdir(unfinished, { mode: 0o700 });
  try {
    await connection.run(
      `COPY (SELECT kind, id, "at", candidate, record FROM lines ORDER BY line) TO ${quoteText(whole)}
        (FORMAT parquet, COMPRESSION zstd)`,
    );
    await chmod(whole, 0o600);
    await sync(whole);
    if ((await stat(path)).size !== size) throw grown(path);
    if (replace) await rename(whole, parquet);
    else await nameOnce(whole, parquet);
    await sync(dirname(path));
    return (await stat(parquet)).size;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/**
 * Removes a JSONL file of which everything is in a Parquet. First its name is taken away: whoever writes to it by a clock
 * that is behind, looks for the name after each batch, and writes what comes later to another file.
 *
 * @throws InvalidInputError when it grew until then: it has its name again.
 */
async function removeRead({ path, stem }: LogFile, size: number): Promise<void> {
  const claimed = join(dirname(path), `${CLAIMED_PREFIX}${stem}.jsonl`);
  await rename(path, claimed);
  if ((await stat(claimed)).size !== size) {
    await rename(claimed, path);
    throw grown(path);
  }
  await rm(claimed, { force: true });
}

function grown(path: string): InvalidInputError {
  return new InvalidInputError(`${path} grew while it was read. Compact it when nobody writes to it.`);
}

/** Gives a file the next number that is free in both formats. */
async function giveFreeName({ path, stem }: LogFile): Promise<void> {
  const time = stem.slice(0, stem.lastIndexOf('-'));
  for (let n = 0; ; n++) {
    const name = join(dirname(path), `${time}-${n}`);
    if ((await stat(`${name}.parquet`).catch(() => null)) !== null) continue;
    try {
      return await nameOnce(path, `${name}.jsonl`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Renames a file, and never onto another one. @throws an error with the code EEXIST */
export async function nameOnce(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // Not every file system knows links.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' || (await stat(to).catch(() => null)) !== null)
      throw error;
    return rename(from, to);
  }
  await rm(from, { force: true });
}

/** Lines of a file that are whole, into the table `lines`, which holds nothing else then. */
async function loadFile(connection: DuckDBConnection, path: string) {
  let linesCutOff = 0;
  await createLines(connection);
  const records = await loadLines(
    connection,
    logLines(path, () => linesCutOff++),
    path,
  );
  return { records, linesCutOff };
}

/** Makes the table `lines` of records, and empties one that is there. */
export async function createLines(connection: DuckDBConnection): Promise<void> {
  await connection.run(
    'CREATE OR REPLACE TABLE lines (line INTEGER, kind VARCHAR, id VARCHAR, "at" TIMESTAMP, candidate VARCHAR, "user" VARCHAR, record VARCHAR)',
  );
}

/**
 * Adds records, one a line, to the table `lines`.
 * @param name of where they are from @returns how many there were
 * @throws InvalidInputError when a line is no record; those before it are in the table
 */
export async function loadLines(
  connection: DuckDBConnection,
  lines: AsyncIterable<string> | Iterable<string>,
  name: string,
): Promise<number> {
  const appender = await connection.createAppender('lines');
  let records = 0;
  const text = (value: unknown) => {
    if (typeof value === 'string') appender.appendVarchar(value);
    else appender.appendNull();
  };
  try {
    for await (const line of lines) {
      const record = readRecord(line, name, records + 1);
      appender.appendInteger(records++);
      text(record.kind);
      text(record.id);
      // Microseconds.
      appender.appendTimestamp(new DuckDBTimestampValue(1000n * BigInt(Date.parse(String(record.at)))));
      text(record.candidate);
      text(record.user);
      appender.appendVarchar(line);
      appender.endRow();
      if (records % FLUSH_ROWS === 0) appender.flushSync();
    }
  } finally {
    appender.closeSync();
  }
  return records;
}

const FLUSH_ROWS = 10_000;

/** Where records come from: a file of a log, or what was taken off a stream. */
export interface Segment {
  readonly name: string;
  readonly bytes: number;
  lines(): AsyncIterable<string> | Iterable<string>;
}

/** Records of segments into the table `lines`; of one that is refused, none. */
export async function loadSegments(connection: DuckDBConnection, segments: readonly Segment[]) {
  const refused: { segment: Segment; reason: string }[] = [];
  const sizes: { name: string; bytes: number; records: number }[] = [];
  await createLines(connection);
  for (const segment of segments) {
    const [[last]] = (await connection.runAndReadAll('SELECT coalesce(max(rowid), -1) FROM lines')).getRows();
    try {
      const records = await loadLines(connection, segment.lines(), segment.name);
      sizes.push({ name: segment.name, bytes: segment.bytes, records });
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      await connection.run(`DELETE FROM lines WHERE rowid > ${last}`);
      refused.push({ segment, reason: error.message });
    }
  }
  return { refused, sizes };
}

function readRecord(line: string, name: string, number: number): Readonly<Record<string, unknown>> {
  try {
    const record = JSON.parse(line);
    if (typeof record?.kind === 'string' && !Number.isNaN(Date.parse(record.at))) return record;
  } catch {
    // Said below.
  }
  throw new InvalidInputError(
    `Line ${number} of ${name} is no log record. The file is left as it is: mend or remove the line, and compact again.`,
  );
}

/** On the disk, and not only in the system's memory. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path);
  await handle.sync().finally(() => handle.close());
}

/** Clocks of machines that share a folder may differ by this much. */
export const SETTLE_MS = 600_000;

/** What is not finished after this time never will be. */
const ABANDONED_MS = 86_400_000;

export interface CompactOptions {
  /** The folder of a decision log. */
  readonly folder: string;
  /** Milliseconds after its time that a file is left alone, unless it was closed in peace. @default 600000 */
  readonly settleMs?: number;
  /** Memory for DuckDB; the rest goes to disk. @default a quarter of the memory there is */
  readonly memoryLimitMb?: number;
  /** Milliseconds since 1970. @default the system's time */
  readonly now?: () => number;
  readonly onProgress?: (progress: { readonly filesDone: number; readonly filesTotal: number }) => void;
}

/**
 * Turns the closed files of a decision log from JSONL into Parquet, one into one. May be run again at any time, by
 * several at once, and cut short at any moment: every record is there afterwards, and is read once.
 *
 * @throws InvalidInputError when there is no such folder.
 */
export async function compactLog(options: CompactOptions): Promise<CompactReport> {
  const { folder, settleMs = SETTLE_MS, memoryLimitMb, now = Date.now, onProgress } = options;
  // First, since it says best what is wrong with the folder.
  await listLogFiles(folder);
  await tidyUp(folder, now());
  const files = await listLogFiles(folder);
  const todo = files.flatMap((file): LogFile[] =>
    file.format === 'jsonl'
      ? [file]
      : file.jsonl === undefined
        ? []
        : [{ ...file, path: file.jsonl, format: 'jsonl' }],
  );
  const sum = { compacted: 0, records: 0, bytesBefore: 0, bytesAfter: 0, linesCutOff: 0, open: 0 };
  const refused: { path: string; reason: string }[] = [];
  await withScratchDatabase({ memoryLimitMb }, async (database) => {
    const connection = await database.connect();
    for (const [filesDone, file] of todo.entries()) {
      onProgress?.({ filesDone, filesTotal: todo.length });
      try {
        if ((await whenClosed(file.path)) + settleMs > now()) {
          sum.open++;
          continue;
        }
        const done = await (file.jsonl === undefined ? compactFile : compactAgain)(connection, file);
        if (done === null) continue;
        sum.compacted++;
        for (const field of ['records', 'bytesBefore', 'bytesAfter', 'linesCutOff'] as const) {
          sum[field] += done[field];
        }
      } catch (error) {
        // Another one was faster.
        if (['ENOENT', 'EEXIST'].includes(String((error as NodeJS.ErrnoException).code))) continue;
        if (!(error instanceof InvalidInputError)) throw error;
        refused.push({ path: file.path, reason: error.message });
      }
    }
    onProgress?.({ filesDone: todo.length, filesTotal: todo.length });
  });
  const alreadyCompacted = files.filter(({ format }) => format === 'parquet').length;
  return { ...sum, alreadyCompacted, refused };
}

/**
 * Removes what others began to write and did not live to finish, and gives files their names back that they were about to
 * remove: whether everything of them is in the Parquet is looked at again.
 */
async function tidyUp(folder: string, now: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.startsWith(CLAIMED_PREFIX)) {
      // Who is at work on it finds it gone, and goes on.
      await rename(path, join(folder, name.slice(CLAIMED_PREFIX.length))).catch(() => {});
    } else if (name.startsWith(UNFINISHED_PREFIX)) {
      const changed = await stat(path).catch(() => null);
      if (changed !== null && changed.mtimeMs + ABANDONED_MS < now)
        await rm(path, { recursive: true, force: true });
    }
  }
}

/** What compacting a log did. */
export interface CompactReport {
  /** Files that are Parquet now. */
  readonly compacted: number;
  /** Records in them. */
  readonly records: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Lines that a crash cut off, which are no records: at most one a file. */
  readonly linesCutOff: number;
  /** Files that a process may still write to, left as they are. */
  readonly open: number;
  /** Files that were Parquet before. */
  readonly alreadyCompacted: number;
  /** Files that are left as they are, and why. */
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
}

/** What a file of a log is called while it is taken into a store: `.taken-<store>-<batch>-<name>`. */
const TAKEN = /^\.taken-([0-9a-f]{8})-(\d{8}T\d{9}Z-[0-9a-f]{8})-(decisions-.*\.(?:jsonl|parquet))$/;

/** A file that was claimed, and by whom. */
export interface Claim {
  readonly path: string;
  readonly store: string;
  readonly batch: string;
  /** What it was called before. */
  readonly name: string;
}

/** Files of a log's folder that are claimed for a store. */
export async function listClaims(folder: string): Promise<Claim[]> {
  return (await readdir(folder)).sort().flatMap((file) => {
    const [, store, batch, name] = TAKEN.exec(file) ?? [];
    return name === undefined ? [] : [{ path: join(folder, file), store, batch, name }];
  });
}

/**
 * Claims a file for a batch by its name, which nobody finds then but who looks for claims.
 * @param path the file, or one that was claimed for an earlier batch @param name what it was called before
 * @returns null where somebody else was faster
 */
export async function claim(
  { id }: { readonly id: string },
  batch: string,
  path: string,
  name = basename(path),
): Promise<Claim | null> {
  const claimed = join(dirname(path), `.taken-${id}-${batch}-${name}`);
  try {
    await rename(path, claimed);
    return { path: claimed, store: id, batch, name };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Gives a file its name back. */
export async function giveBack({ name, path }: Claim): Promise<void> {
  await nameOnce(path, join(dirname(path), name));
}
