import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { fileError, LockHeldError, lockFile } from '../work/run-folder.ts';
import { quotePath, quoteText, type ScratchDatabase } from '../work/scratch-database.ts';
import { createLines, loadLines, nameOnce, sync } from './compact.ts';
import { listMerges, listParts, noteOfMerge, STORE_FILE } from './read.ts';

/** Days of a log, each a folder of Parquet files that are written once: `day=2026-11-30/<batch>.parquet`. */
export interface PartitionStore {
  readonly folder: string;
  /** Drawn once. What is claimed for it is called by it. */
  readonly id: string;
}

const LOCK_FILE = '.lock';
const BATCHES = 'batches';
const UNFINISHED_PREFIX = '.writing-';

/** @returns null where the folder is no store of partitions, or not there */
export async function findStore(folder: string): Promise<PartitionStore | null> {
  const text = await readFile(join(folder, STORE_FILE), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const { id, schemaVersion } = JSON.parse(text) as {
      readonly id?: unknown;
      readonly schemaVersion?: unknown;
    };
    if (schemaVersion === 1 && typeof id === 'string' && /^[0-9a-f]{8}$/.test(id)) return { folder, id };
  } catch {
    // Said below.
  }
  throw new InvalidInputError(
    `${join(folder, STORE_FILE)} must say {"schemaVersion":1,"id":"<8 hex digits>"}. Bring it back from a copy, or update pointsman where a newer version wrote it.`,
  );
}

/**
 * Does `work` with a store, which is made where there is none, while nobody else changes it. The lock is the operating system's, and
 * ends with its process.
 * @throws InvalidInputError where it cannot be made, or another has been at it for `patienceMs`
 */
export async function withStoreLocked<Result>(
  folder: string,
  work: (store: PartitionStore) => Promise<Result>,
  patienceMs = 600_000,
): Promise<Result> {
  const store = await openStore(folder);
  const release = await lockPatiently(join(await realpath(folder), LOCK_FILE), patienceMs);
  try {
    // Whoever began these holds the lock no more.
    for (const name of await readdir(folder))
      if (name.startsWith(UNFINISHED_PREFIX)) await rm(join(folder, name), { recursive: true, force: true });
    return await work(store);
  } finally {
    release();
  }
}

async function openStore(folder: string): Promise<PartitionStore> {
  try {
    await mkdir(join(folder, BATCHES), { recursive: true, mode: 0o700 });
    const found = await findStore(folder);
    if (found !== null) return found;
    const id = randomUUID().slice(0, 8);
    const aside = join(folder, `${STORE_FILE}.${id}`);
    await writeFile(aside, `${JSON.stringify({ schemaVersion: 1, id })}\n`, { mode: 0o600 });
    // Of two that make it at once, one does.
    await nameOnce(aside, join(folder, STORE_FILE)).catch(() => rm(aside, { force: true }));
    return (await findStore(folder)) as PartitionStore;
  } catch (cause) {
    throw fileError(
      cause,
      `The log cannot be kept in ${folder}`,
      'Name another folder with --out, or set its rights',
    );
  }
}

async function lockPatiently(file: string, patienceMs: number): Promise<() => void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      return await lockFile(file);
    } catch (cause) {
      if (!(cause instanceof LockHeldError)) throw cause;
      if (performance.now() > end)
        throw new InvalidInputError(
          `${dirname(file)} has been changed by ${cause.pid === null ? 'another process' : `process ${cause.pid}`} for ${Math.round(patienceMs / 1000)} seconds. Wait until it has ended, or end it.`,
          { cause },
        );
      await sleep(100 + (process.pid % 100));
    }
  }
}

/** Where records come from: a file of a log, or what was taken off a stream. */
export interface Segment {
  readonly name: string;
  readonly bytes: number;
  lines(): AsyncIterable<string> | Iterable<string>;
}

/** What a batch brought. */
export interface AddedBatch {
  readonly records: number;
  /** Records that were there already: a batch of the log that was written twice, or a segment that was read before. */
  readonly repeated: number;
  readonly parts: number;
  readonly bytes: number;
  readonly refused: readonly { readonly segment: Segment; readonly reason: string }[];
}

/** A name that sorts by time and that no other batch has. */
export function nameBatch(now: number): string {
  return `${new Date(now).toISOString().replace(/[-:.]/g, '')}-${randomUUID().slice(0, 8)}`;
}

/** The same for a decision that comes again, and for a line of another kind that is the same in every character. */
const KEY = `CASE WHEN kind = 'decision' THEN 'decision ' || id ELSE substr(sha256(record), 1, 32) END`;
const DAY_OF = `strftime("at", '%Y-%m-%d')`;

/**
 * Adds records to a store: each that is not there goes into a new file of its day. A file gets its name when it is whole and on the
 * disk; killed at any moment, the same records may be added again, and what is there is left out. A record's time is its own,
 * so one that comes again comes into the same day, and no other day is looked at.
 *
 * The store must be locked. What was written is noted last, in `batches/<batch>.json`.
 * @throws MemoryLimitError, InvalidInputError where a file of the store cannot be read or written
 */
export async function addToStore(
  { folder }: PartitionStore,
  database: ScratchDatabase,
  batch: string,
  segments: readonly Segment[],
): Promise<AddedBatch> {
  const connection = await database.connect();
  const aside = join(folder, `${UNFINISHED_PREFIX}${batch}`);
  try {
    const { refused, sizes } = await loadSegments(connection, segments);
    const days = await chooseNew(connection, folder);
    const parts: { path: string; records: number; bytes: number }[] = [];
    if (days.length > 0) await mkdir(aside, { mode: 0o700 });
    for (const { day, records } of days) {
      const whole = join(aside, `${day}.parquet`);
      await connection.run(
        `COPY (SELECT kind, id, "at", candidate, "user", ${KEY} AS key, record FROM lines SEMI JOIN chosen ON lines.rowid = chosen.place
          WHERE ${DAY_OF} = ${quoteText(day)}) TO ${quoteText(whole)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      await chmod(whole, 0o600);
      await sync(whole);
      const path = join(`day=${day}`, `${batch}.parquet`);
      await mkdir(join(folder, `day=${day}`), { recursive: true, mode: 0o700 });
      await rename(whole, join(folder, path));
      await sync(join(folder, `day=${day}`));
      parts.push({ path, records, bytes: (await stat(join(folder, path))).size });
    }
    const records = parts.reduce((sum, part) => sum + part.records, 0);
    const [[read]] = (
      await connection.runAndReadAll("SELECT count(*) FROM lines WHERE kind <> 'file'")
    ).getRows();
    const added = { records, repeated: Number(read) - records };
    await noteBatch(folder, batch, { ...added, segments: sizes, parts });
    return {
      ...added,
      parts: parts.length,
      bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
      refused,
    };
  } finally {
    await rm(aside, { recursive: true, force: true });
    connection.closeSync();
  }
}

/** Records of segments into the table `lines`; of one that is refused, none. */
async function loadSegments(connection: DuckDBConnection, segments: readonly Segment[]) {
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

/** Places of the lines whose records are not in the store into the table `chosen`. @returns their days */
async function chooseNew(
  connection: DuckDBConnection,
  folder: string,
): Promise<{ readonly day: string; readonly records: number }[]> {
  await connection.run(
    `CREATE OR REPLACE TABLE chosen AS SELECT min(rowid) AS place, ${DAY_OF} AS day, ${KEY} AS key FROM lines
      WHERE kind <> 'file' GROUP BY ALL`,
  );
  const daysOf = async () =>
    (await connection.runAndReadAll('SELECT day, count(*) FROM chosen GROUP BY day ORDER BY day'))
      .getRows()
      .map(([day, records]) => ({ day: String(day), records: Number(records) }));
  const known = await listParts(folder);
  for (const { day } of await daysOf()) {
    const paths = known.filter((part) => part.day === day).map(({ path }) => quotePath(path));
    if (paths.length === 0) continue;
    await connection
      .run(
        `DELETE FROM chosen WHERE day = ${quoteText(day)} AND key IN (
          SELECT key FROM read_parquet([${paths.join(', ')}], hive_partitioning = false))`,
      )
      .catch((cause: Error) => {
        throw new InvalidInputError(
          `The files of ${day} in ${folder} cannot be read: ${cause.message.split('\n')[0]} Bring them back from a copy, or remove what is damaged.`,
          { cause },
        );
      });
  }
  return daysOf();
}

/** Files of more bytes than these are long enough. */
const SMALL_BYTES = 64 * 2 ** 20;

export interface MergeOptions {
  /** A day with more small files than these has them merged into one. @default 8 */
  readonly mostParts?: number;
  /** Milliseconds that small files are left beside the merged one, for whoever is reading them. @default 3600000 */
  readonly graceMs?: number;
}

/**
 * Writes the small files of a day into one, where there are many, and removes those that were merged long ago. The store must be locked.
 * @returns how many were merged
 */
export async function mergeParts(
  { folder }: PartitionStore,
  database: ScratchDatabase,
  now: number,
  { graceMs = 3_600_000, mostParts = 8 }: MergeOptions,
): Promise<number> {
  await removeMerged(folder, now - graceMs);
  const days = new Map<string, string[]>();
  for (const { day, path } of await listParts(folder))
    if ((await stat(path)).size < SMALL_BYTES) days.set(day, [...(days.get(day) ?? []), path]);
  let merged = 0;
  for (const [day, paths] of days) {
    const own = join(folder, `day=${day}`);
    // One merge at a time: what another one made is not merged before that is over.
    if (paths.length <= mostParts || (await listMerges(own, await readdir(own))).length > 0) continue;
    const batch = nameBatch(now);
    const aside = join(folder, `${UNFINISHED_PREFIX}${batch}`);
    const [whole, note] = [join(aside, 'records.parquet'), join(aside, 'note.json')];
    await mkdir(aside, { mode: 0o700 });
    try {
      await database.run(
        `COPY (SELECT * FROM read_parquet([${paths.map(quotePath).join(', ')}], hive_partitioning = false))
          TO ${quoteText(whole)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      await chmod(whole, 0o600);
      await sync(whole);
      const parts = paths.map((path) => basename(path));
      await writeFile(note, JSON.stringify({ at: now, parts }), { mode: 0o600, flush: true });
      // From the moment that the merged one has its name, the others do not count.
      await rename(note, join(own, noteOfMerge(batch)));
      await sync(own);
      await rename(whole, join(own, `${batch}.parquet`));
      await sync(own);
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
    merged += paths.length;
  }
  return merged;
}

/** Removes files whose records have been in a merged one since `before`. The store must be locked. */
export async function removeMerged(folder: string, before: number): Promise<void> {
  for (const day of new Set((await listParts(folder)).map(({ path }) => dirname(path))))
    for (const { at, isWhole, note, parts } of await listMerges(day, await readdir(day))) {
      if (isWhole && at > before) continue;
      for (const part of isWhole ? parts : []) await rm(join(day, part), { force: true });
      await sync(day);
      await rm(join(day, note), { force: true });
    }
}

async function noteBatch(folder: string, batch: string, note: object): Promise<void> {
  const path = join(folder, BATCHES, `${batch}.json`);
  const aside = join(folder, `${UNFINISHED_PREFIX}${batch}.json`);
  await writeFile(aside, `${JSON.stringify({ schemaVersion: 1, batch, ...note })}\n`, { mode: 0o600 });
  await sync(aside);
  await rename(aside, path);
  await sync(dirname(path));
}

/** Whether everything of a batch is in the store. */
export async function isBatchDone({ folder }: PartitionStore, batch: string): Promise<boolean> {
  return (await stat(join(folder, BATCHES, `${batch}.json`)).catch(() => null)) !== null;
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
  { id }: PartitionStore,
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
