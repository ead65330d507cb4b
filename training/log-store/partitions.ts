import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { type LeaseOptions, withLogBucket } from '../engine/log-bucket.ts';
import type { ListedFile, MadeFile } from '../engine/log-list.ts';
import { IS_BUCKET } from '../engine/objects.ts';
import { fileError, LockHeldError, lockFile, saidBy } from '../work/run-folder.ts';
import { parquetFile, quotePath, quoteText, type ScratchDatabase } from '../work/scratch-database.ts';
import { loadSegments, nameOnce, type Segment, sync } from './compact.ts';
import { listMerges, listParts, noteOfMerge, STORE_FILE } from './read.ts';

/**
 * Days of a log, each a folder of Parquet files that are written once: `day=2026-11-30/<batch>.parquet`. In a folder, or in a bucket
 * (`LogBucket`). It is changed by one at a time.
 */
export interface PartitionStore {
  /** As the user gave it. */
  readonly address: string;
  /** Drawn once. What is claimed for it is called by it. */
  readonly id: string;
  /** Files of days that are there and are not of this store: they do not count. */
  readonly strangers: readonly string[];
  /** The files that count, by day and then by name. */
  list(): Promise<readonly ListedFile[]>;
  /** A local file with a file's bytes, itself or a copy in `folder`; not to be changed. */
  fetch(part: ListedFile, folder: string): Promise<string>;
  /** Where files are made that are to be brought: a folder that is not there yet. @param scratch of the process */
  aside(scratch: string): string;
  /** Brings files of a batch. Each is whole under its name, or not there. */
  add(batch: string, made: readonly MadeFile[]): Promise<ListedFile[]>;
  /** Whether files of a day were merged that are still there. */
  isMerging(day: string): Promise<boolean>;
  /** Brings a file in the place of others, which stay until `removeMerged`. @param at milliseconds since 1970 */
  merge(batch: string, made: MadeFile, parts: readonly ListedFile[], at: number): Promise<void>;
  /** Removes files whose records have been in a merged one since `before`. */
  removeMerged(before: number): Promise<void>;
  /** Puts another file in the place of one, or nothing, and removes it. */
  rewrite(part: ListedFile, file: string | null): Promise<void>;
  /** Notes last what a batch brought, in `batches/<batch>.json`. */
  noteBatch(batch: string, note: object): Promise<void>;
  hasBatch(batch: string): Promise<boolean>;
}

const LOCK_FILE = '.lock';
const BATCHES = 'batches';
const UNFINISHED_PREFIX = '.writing-';

/** @returns null where the folder is no store of partitions, or not there; of a bucket, which is looked at when it is locked, too */
export async function findStore(folder: string): Promise<PartitionStore | null> {
  const text = await readFile(join(folder, STORE_FILE), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const { id, schemaVersion } = JSON.parse(text) as {
      readonly id?: unknown;
      readonly schemaVersion?: unknown;
    };
    if (schemaVersion === 1 && typeof id === 'string' && /^[0-9a-f]{8}$/.test(id))
      return new FolderStore(folder, id);
    if (schemaVersion === 2)
      throw new InvalidInputError(
        `A store of a bucket must be named by its address, s3://bucket/prefix. ${folder} is a copy of one: read it as '${join(folder, 'day=*', '*.parquet')}'.`,
      );
  } catch (error) {
    if (error instanceof InvalidInputError) throw error;
  }
  throw new InvalidInputError(
    `${join(folder, STORE_FILE)} must say {"schemaVersion":1,"id":"<8 hex digits>"}. Bring it back from a copy, or update pointsman where a newer version wrote it.`,
  );
}

/**
 * Does `work` with a store, which is made where there is none, while nobody else changes it. The lock of a folder is the operating
 * system's, and ends with its process; a bucket has a lease.
 * @throws InvalidInputError, EngineError where it cannot be made, or another has been at it for `patienceMs`
 */
export async function withStoreLocked<Result>(
  folder: string,
  work: (store: PartitionStore) => Promise<Result>,
  lease: LeaseOptions = {},
): Promise<Result> {
  if (IS_BUCKET.test(folder)) return withLogBucket(folder, lease, work);
  const store = await openStore(folder);
  const release = await lockPatiently(join(await realpath(folder), LOCK_FILE), lease);
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

async function lockPatiently(
  file: string,
  { onWait = () => {}, patienceMs = 600_000 }: LeaseOptions,
): Promise<() => void> {
  const end = performance.now() + patienceMs;
  for (let turn = 0; ; turn++) {
    try {
      return await lockFile(file);
    } catch (cause) {
      if (!(cause instanceof LockHeldError)) throw cause;
      const holder = cause.pid === null ? 'another process' : `process ${cause.pid}`;
      if (turn === 0) onWait(holder);
      if (performance.now() > end)
        throw new InvalidInputError(
          `${dirname(file)} has been changed by ${holder} for ${Math.round(patienceMs / 1000)} seconds. Wait until it has ended, or end it.`,
          { cause },
        );
      await sleep(100 + (process.pid % 100));
    }
  }
}

/** A store in a folder: what lies there counts. */
class FolderStore implements PartitionStore {
  readonly address: string;
  readonly id: string;
  readonly strangers: readonly string[] = [];

  constructor(folder: string, id: string) {
    this.address = folder;
    this.id = id;
  }

  async list(): Promise<ListedFile[]> {
    return Promise.all(
      (await listParts(this.address)).map(async ({ day, path }) => ({
        name: `day=${day}/${basename(path)}`,
        bytes: (await stat(path)).size,
      })),
    );
  }

  async fetch({ name }: ListedFile): Promise<string> {
    return join(this.address, name);
  }

  aside(): string {
    return join(this.address, `${UNFINISHED_PREFIX}${randomUUID()}`);
  }

  async add(batch: string, made: readonly MadeFile[]): Promise<ListedFile[]> {
    const added: ListedFile[] = [];
    for (const { day, file } of made) {
      const name = `${day}/${batch}.parquet`;
      await mkdir(join(this.address, day), { recursive: true, mode: 0o700 });
      await rename(file, join(this.address, name));
      await sync(join(this.address, day));
      added.push({ name, bytes: (await stat(join(this.address, name))).size });
    }
    return added;
  }

  async isMerging(day: string): Promise<boolean> {
    const own = join(this.address, day);
    return (await listMerges(own, await readdir(own))).length > 0;
  }

  async merge(
    batch: string,
    { day, file }: MadeFile,
    parts: readonly ListedFile[],
    at: number,
  ): Promise<void> {
    const own = join(this.address, day);
    const note = join(dirname(file), 'note.json');
    const text = JSON.stringify({ at, parts: parts.map(({ name }) => basename(name)) });
    await writeFile(note, text, { mode: 0o600, flush: true });
    // From the moment that the merged one has its name, the others do not count.
    await rename(note, join(own, noteOfMerge(batch)));
    await sync(own);
    await rename(file, join(own, `${batch}.parquet`));
    await sync(own);
  }

  async removeMerged(before: number): Promise<void> {
    for (const day of new Set((await listParts(this.address)).map(({ path }) => dirname(path))))
      for (const { at, isWhole, note, parts } of await listMerges(day, await readdir(day))) {
        if (isWhole && at > before) continue;
        for (const part of isWhole ? parts : []) await rm(join(day, part), { force: true });
        await sync(day);
        await rm(join(day, note), { force: true });
      }
  }

  async rewrite({ name }: ListedFile, file: string | null): Promise<void> {
    const path = join(this.address, name);
    if (file === null) await rm(path, { force: true });
    else await rename(file, path);
    await sync(dirname(path));
  }

  async noteBatch(batch: string, note: object): Promise<void> {
    const path = join(this.address, BATCHES, `${batch}.json`);
    const aside = join(this.address, `${UNFINISHED_PREFIX}${batch}.json`);
    await writeFile(aside, `${JSON.stringify(note)}\n`, { mode: 0o600 });
    await sync(aside);
    await rename(aside, path);
    await sync(dirname(path));
  }

  async hasBatch(batch: string): Promise<boolean> {
    return (await stat(join(this.address, BATCHES, `${batch}.json`)).catch(() => null)) !== null;
  }
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
  store: PartitionStore,
  database: ScratchDatabase,
  batch: string,
  segments: readonly Segment[],
): Promise<AddedBatch> {
  const connection = await database.connect();
  const aside = store.aside(database.folder);
  try {
    await mkdir(aside, { mode: 0o700 });
    const { refused, sizes } = await loadSegments(connection, segments);
    const days = await chooseNew(connection, store, aside);
    const made: MadeFile[] = [];
    for (const { day } of days) {
      const file = join(aside, `${day}.parquet`);
      await connection.run(
        `COPY (SELECT kind, id, "at", candidate, "user", ${KEY} AS key, record FROM lines SEMI JOIN chosen ON lines.rowid = chosen.place
          WHERE ${DAY_OF} = ${quoteText(day)}) TO ${quoteText(file)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      await chmod(file, 0o600);
      await sync(file);
      made.push({ day: `day=${day}`, file });
    }
    const parts = made.length === 0 ? [] : await store.add(batch, made);
    const records = days.reduce((sum, day) => sum + day.records, 0);
    const [[read]] = (
      await connection.runAndReadAll("SELECT count(*) FROM lines WHERE kind <> 'file'")
    ).getRows();
    const added = { records, repeated: Number(read) - records };
    await store.noteBatch(batch, {
      ...{ schemaVersion: 1, batch, ...added, segments: sizes },
      parts: parts.map(({ bytes, name }, i) => ({ path: name, records: days[i].records, bytes })),
    });
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

/** Places of the lines whose records are not in the store into the table `chosen`. @returns their days */
async function chooseNew(
  connection: DuckDBConnection,
  store: PartitionStore,
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
  const known = await store.list();
  for (const { day } of await daysOf()) {
    for (const part of known) {
      if (dirname(part.name) !== `day=${day}`) continue;
      const path = await store.fetch(part, folder);
      await connection
        .run(
          `DELETE FROM chosen WHERE day = ${quoteText(day)} AND key IN (SELECT key FROM ${parquetFile(path)})`,
        )
        .catch((cause: Error) => {
          throw new InvalidInputError(
            `${part.name} in ${store.address} cannot be read: ${saidBy(cause)} Bring it back from a copy, or remove it.`,
            { cause },
          );
        });
      if (path.startsWith(folder)) await rm(path);
    }
  }
  return daysOf();
}

/** Files of more bytes than these are long enough. */
const SMALL_BYTES = 64 * 2 ** 20;

/** What is made of so many small ones can be sent to a bucket at one go, which takes 5 GB. */
const MOST_AT_ONCE = 64;

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
  store: PartitionStore,
  database: ScratchDatabase,
  now: number,
  { graceMs = 3_600_000, mostParts = 8 }: MergeOptions,
): Promise<number> {
  await store.removeMerged(now - graceMs);
  const days = new Map<string, ListedFile[]>();
  for (const part of await store.list()) {
    const day = dirname(part.name);
    if (part.bytes < SMALL_BYTES) days.set(day, [...(days.get(day) ?? []), part]);
  }
  let merged = 0;
  for (const [day, all] of days) {
    // One merge at a time: what another one made is not merged before that is over.
    if (all.length <= mostParts || (await store.isMerging(day))) continue;
    const parts = all.slice(0, MOST_AT_ONCE);
    const aside = store.aside(database.folder);
    const file = join(aside, 'records.parquet');
    await mkdir(aside, { mode: 0o700 });
    try {
      const paths: string[] = [];
      for (const part of parts) paths.push(quotePath(await store.fetch(part, aside)));
      await database.run(
        `COPY (SELECT * FROM read_parquet([${paths.join(', ')}], hive_partitioning = false))
          TO ${quoteText(file)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      await chmod(file, 0o600);
      await sync(file);
      await store.merge(nameBatch(now), { day, file }, parts, now);
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
    merged += parts.length;
  }
  return merged;
}
