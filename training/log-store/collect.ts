import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import type { LeaseOptions } from '../engine/log-bucket.ts';
import { fetchSegments } from '../engine/log-list.ts';
import { IS_BUCKET } from '../engine/objects.ts';
import { type ScratchDatabase, withScratchDatabase } from '../work/scratch-database.ts';
import { type Claim, claim, giveBack, listClaims, SETTLE_MS, type Segment } from './compact.ts';
import {
  addToStore,
  type MergeOptions,
  mergeParts,
  nameBatch,
  type PartitionStore,
  withStoreLocked,
} from './partitions.ts';
import { listLogFiles, logLines, parquetLines, whenClosed } from './read.ts';

export interface CollectOptions extends MergeOptions, LeaseOptions {
  /** Folders of decision logs, buckets that their files were copied into, and streams: `redis://host:6379?stream=pointsman_log`. */
  readonly sources: readonly string[];
  /** Folder of the store, made where it is not there; or `s3://bucket/prefix`. */
  readonly out: string;
  /** Milliseconds after its time that a file is left alone, unless it was closed in peace. @default 600000 */
  readonly settleMs?: number;
  /** Bytes of files that go into one file a day together, unless one alone has more. @default 536870912 */
  readonly batchBytes?: number;
  /** Memory for DuckDB; the rest goes to disk. @default a quarter of the memory there is */
  readonly memoryLimitMb?: number;
  /** Milliseconds since 1970. @default the system's time */
  readonly now?: () => number;
  readonly onProgress?: (progress: { readonly filesDone: number; readonly filesTotal: number }) => void;
}

/** What was taken into a store. */
export interface CollectReport {
  /** Files that are in the store, and are no more where they were. */
  readonly files: number;
  /** Records that are new in the store. */
  readonly records: number;
  /** Records that were there already. */
  readonly repeated: number;
  /** Parquet files written. */
  readonly parts: number;
  /** Small files of a day that were merged into one. */
  readonly merged: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Lines that a crash cut off, which are no records: at most one a file. */
  readonly linesCutOff: number;
  /** Files that a process may still write to, left as they are. */
  readonly open: number;
  /** Files that were claimed for another store, left as they are. */
  readonly elsewhere: number;
  /** Entries that a stream dropped, being full, before they were known to be in the store; at least so many. */
  readonly trimmed: number;
  /** Files and entries that are left as they are, and why. */
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
}

type Sums = { -readonly [Field in keyof Omit<CollectReport, 'refused'>]: number } & {
  refused: { path: string; reason: string }[];
};

interface Collection {
  readonly options: CollectOptions;
  readonly store: PartitionStore;
  readonly database: ScratchDatabase;
  readonly sums: Sums;
  readonly now: () => number;
  /** What a file is called, whose path may be that of a copy. */
  readonly nameOf: (path: string) => string;
}

const BATCH_BYTES = 512 * 2 ** 20;

/**
 * Takes the logs of many gateways into a store of Parquet files by day: closed files of folders, and what is in streams. May be run at
 * any time, on any machine, by several at once, and killed at any moment: what was under way is done again, and each record is
 * there once.
 *
 * @throws InvalidInputError when a folder is not there, or the store cannot be written
 */
export async function collectLogs(options: CollectOptions): Promise<CollectReport> {
  const { memoryLimitMb, now = Date.now, out, sources } = options;
  const sums: Sums = {
    ...{ files: 0, records: 0, repeated: 0, parts: 0, merged: 0, bytesBefore: 0, bytesAfter: 0 },
    ...{ linesCutOff: 0, open: 0, elsewhere: 0, trimmed: 0, refused: [] },
  };
  // First, since it says best what is wrong with a folder.
  const [streams, buckets] = [IS_STREAM, IS_BUCKET].map((is) => sources.filter((each) => is.test(each)));
  const folders = sources.filter((each) => !streams.includes(each) && !buckets.includes(each));
  for (const folder of folders) await listLogFiles(folder);
  const work = (store: PartitionStore) =>
    withScratchDatabase({ memoryLimitMb }, async (database) => {
      const collection = { options, store, database, sums, now, nameOf: (path: string) => path };
      for (const name of store.strangers)
        sums.refused.push({
          path: name,
          reason: `${name} in ${out} was not brought by this store, and does not count. Remove it, or move it elsewhere.`,
        });
      await collectFolders(collection, folders);
      for (const bucket of buckets) await collectBucket(collection, bucket);
      for (const stream of streams) await collectStream(collection, stream);
      sums.merged = await mergeParts(store, database, now(), options);
    });
  await withStoreLocked(out, work, options);
  return sums;
}

/** Files are taken off a bucket when they are in the store. They are not claimed there. */
async function collectBucket(collection: Collection, address: string): Promise<void> {
  const { batchBytes = BATCH_BYTES } = collection.options;
  for await (const { folder, folders } of fetchSegments(address, collection.database.folder, batchBytes))
    await collectFolders({ ...collection, nameOf: (path) => path.replace(folder, address) }, folders);
}

/** A file that is to be claimed. */
interface Found {
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
}

async function collectFolders(collection: Collection, folders: readonly string[]): Promise<void> {
  const { options, store } = collection;
  const { batchBytes = BATCH_BYTES, onProgress } = options;
  const found = await Promise.all(
    folders.map(async (folder) => [
      ...(await claimedBefore(collection, folder)),
      ...(await closedFiles(collection, folder)),
    ]),
  );
  const todo = found.flat();
  for (let done = 0; done < todo.length; ) {
    onProgress?.({ filesDone: done, filesTotal: todo.length });
    let bytes = 0;
    let end = done;
    while (end < todo.length && (end === done || bytes + todo[end].bytes <= batchBytes))
      bytes += todo[end++].bytes;
    const batch = nameBatch(collection.now());
    const claims: Claim[] = [];
    for (const { name, path } of todo.slice(done, end)) {
      const claimed = await claim(store, batch, path, name);
      if (claimed !== null) claims.push(claimed);
    }
    if (claims.length > 0) await collectBatch(collection, batch, claims);
    done = end;
  }
  onProgress?.({ filesDone: todo.length, filesTotal: todo.length });
}

/** What this store's compactor had claimed when it was killed: what is in the store goes, the rest is to be done again. */
async function claimedBefore({ store, sums }: Collection, folder: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const { batch, name, path, store: of } of await listClaims(folder)) {
    if (of !== store.id) sums.elsewhere++;
    else if (await store.hasBatch(batch)) await rm(path, { force: true });
    else found.push({ path, name, bytes: (await stat(path)).size });
  }
  return found;
}

async function closedFiles({ now, options, sums }: Collection, folder: string): Promise<Found[]> {
  const { settleMs = SETTLE_MS } = options;
  const found: Found[] = [];
  for (const { jsonl, path } of await listLogFiles(folder)) {
    // Of one that is there in both formats, what is in both is taken once.
    for (const each of jsonl === undefined ? [path] : [path, jsonl]) {
      try {
        if (each.endsWith('.jsonl') && (await whenClosed(each)) + settleMs > now()) sums.open++;
        else found.push({ path: each, name: basename(each), bytes: (await stat(each)).size });
      } catch (error) {
        // Another one was faster.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }
  return found;
}

async function collectBatch(
  { database, nameOf, store, sums }: Collection,
  batch: string,
  claims: readonly Claim[],
): Promise<void> {
  const segments: (Segment & { readonly claim: Claim })[] = [];
  for (const claimed of claims) {
    const { name, path } = claimed;
    segments.push({
      claim: claimed,
      name: nameOf(join(dirname(path), name)),
      bytes: (await stat(path)).size,
      lines: () =>
        name.endsWith('.parquet') ? parquetLines(database, path) : logLines(path, () => sums.linesCutOff++),
    });
  }
  const { bytes, parts, records, refused, repeated } = await addToStore(store, database, batch, segments);
  for (const segment of segments) {
    const refusal = refused.find((each) => each.segment === segment);
    if (refusal === undefined) {
      await rm(segment.claim.path, { force: true });
      sums.files++;
      sums.bytesBefore += segment.bytes;
    } else {
      await giveBack(segment.claim);
      sums.refused.push({ path: segment.name, reason: refusal.reason });
    }
  }
  sums.records += records;
  sums.repeated += repeated;
  sums.parts += parts;
  sums.bytesAfter += bytes;
}

/** Entries are taken off a stream when they are in the store. */
async function collectStream(
  { database, now, options, store, sums }: Collection,
  address: string,
): Promise<void> {
  const { batchBytes = BATCH_BYTES } = options;
  const stream = await openLogStream(address, store.id);
  try {
    sums.trimmed += await stream.countTrimmed();
    const told = new Set<string>();
    for await (const { entries, gone } of stream.batches(Math.min(batchBytes, STREAM_BYTES))) {
      sums.trimmed += gone.length;
      const good = entries.filter(({ id, line }) => {
        if (isRecord(line)) return true;
        if (told.has(id)) return false;
        told.add(id);
        sums.refused.push({
          path: stream.name,
          reason: `Entry ${id} of ${stream.name} is no log record. It stays in the stream: read it with XRANGE, and remove it with XDEL.`,
        });
        return false;
      });
      const read = good.reduce((sum, { line }) => sum + line.length, 0);
      const segment = { name: stream.name, bytes: read, lines: () => good.map(({ line }) => line) };
      if (good.length > 0) {
        const added = await addToStore(store, database, nameBatch(now()), [segment]);
        sums.records += added.records;
        sums.repeated += added.repeated;
        sums.parts += added.parts;
        sums.bytesBefore += read;
        sums.bytesAfter += added.bytes;
      }
      await stream.acknowledge([...good.map(({ id }) => id), ...gone]);
    }
  } finally {
    await stream.close();
  }
}

/** Of a stream so much is held in memory at a time. */
const STREAM_BYTES = 32 * 2 ** 20;

function isRecord(line: string): boolean {
  try {
    const record = JSON.parse(line);
    return typeof record?.kind === 'string' && !Number.isNaN(Date.parse(record.at));
  } catch {
    return false;
  }
}

/** What addresses of streams begin with. */
export const IS_STREAM = /^rediss?:\/\//;

interface StreamEntry {
  readonly id: string;
  readonly line: string;
}

const STREAM = 'pointsman_log';
const CONSUMER = 'compact';
const AT_ONCE = 500;

/** How often a command is sent again while Redis is away: for some 20 seconds. */
const RETRIES = 20;

/**
 * Opens a stream, of records of many gateways on their way, for a group of readers of its own, which is made at the stream's beginning where it is not there.
 * @param address `redis://host:6379`, with `?stream=` for another than `pointsman_log` @param reader names the group
 * @throws InvalidInputError when the package `ioredis` is missing, or Redis does not answer
 */
async function openLogStream(address: string, reader: string) {
  const { call, close, key, name } = await connectStream(address);
  const group = `pointsman-${reader}`;
  await call('XGROUP', ['CREATE', key, group, '0', 'MKSTREAM', 'ENTRIESREAD', 0]);
  return {
    /** Without its password. */
    name,
    /** Entries that the stream dropped, being full, before they were handed out: at least so many. */
    async countTrimmed(): Promise<number> {
      const stream = pairs(await call('XINFO', ['STREAM', key]));
      const groups = ((await call('XINFO', ['GROUPS', key])) as unknown[]).map(pairs);
      const read = groups.find((each) => each.name === group)?.['entries-read'];
      const removed = Number(stream['entries-added']) - Number(stream.length);
      return typeof read === 'number' ? Math.max(0, removed - read) : 0;
    },
    /** Entries that were handed out before and not acknowledged, then new ones, until there are no more. `gone` were dropped meanwhile. */
    async *batches(
      bytes: number,
    ): AsyncGenerator<{ entries: readonly StreamEntry[]; gone: readonly string[] }> {
      let entries: StreamEntry[] = [];
      let gone: string[] = [];
      let size = 0;
      // What a lost reply had handed out is found by looking again.
      for (const from of ['0', '>', '0']) {
        for (let after = from; ; ) {
          const read = (await call('XREADGROUP', [
            'GROUP',
            group,
            CONSUMER,
            'COUNT',
            AT_ONCE,
            'STREAMS',
            key,
            after,
          ])) as [string, [string, string[] | null][]] | null;
          const found = read?.[1] ?? [];
          if (found.length === 0) break;
          for (const [id, fields] of found) {
            const line = fields === null ? undefined : String(pairs(fields).record);
            if (line === undefined) gone.push(id);
            else entries.push({ id, line });
            size += line?.length ?? 0;
          }
          if (from === '0') after = found[found.length - 1][0];
          if (size < bytes) continue;
          yield { entries, gone };
          [entries, gone, size] = [[], [], 0];
        }
        // What is acknowledged is not handed out again.
        if (entries.length + gone.length > 0) yield { entries, gone };
        [entries, gone, size] = [[], [], 0];
      }
    },
    /** They are safe elsewhere. Where nobody else reads the stream, they are removed from it. */
    async acknowledge(ids: readonly string[]): Promise<void> {
      const groups = (await call('XINFO', ['GROUPS', key])) as unknown[];
      for (let i = 0; i < ids.length; i += AT_ONCE) {
        const some = ids.slice(i, i + AT_ONCE);
        await call('XACK', [key, group, ...some]);
        if (groups.length === 1) await call('XDEL', [key, ...some]);
      }
    },
    close,
  };
}

/**
 * Connects to the Redis of a stream, which must answer at first; later it is waited for.
 * @throws InvalidInputError, as each call does
 */
export async function connectStream(address: string) {
  const url = new URL(address);
  const key = url.searchParams.get('stream') ?? STREAM;
  url.search = '';
  const { Redis } = await import('ioredis').catch((cause) => {
    throw new InvalidInputError('Logs in Redis need the package ioredis. Install it: npm install ioredis.', {
      cause,
    });
  });
  const name = `${url.protocol}//${url.host}${url.pathname}?stream=${key}`;
  const client = new Redis(url.href, { lazyConnect: true, maxRetriesPerRequest: RETRIES });
  let said: Error | undefined;
  client.on('error', (error) => {
    said = error;
  });
  const asking = async <Answer>(answer: Promise<Answer>): Promise<Answer | null> => {
    try {
      return await answer;
    } catch (cause) {
      if (/^BUSYGROUP/.test((cause as Error).message)) return null;
      client.disconnect();
      throw new InvalidInputError(
        `The decision log cannot be read from ${name}: ${said?.message || (cause as Error).message}. Look whether the server runs, and at the address.`,
        { cause },
      );
    }
  };
  await asking(client.connect());
  return {
    key,
    name,
    call: (command: string, parts: readonly (string | number)[]): Promise<unknown> =>
      asking(client.call(command, [...parts])),
    close: async () => client.disconnect(),
  };
}

/** Names and values in turn, as Redis gives them. */
export function pairs(list: unknown): Record<string, unknown> {
  const items = list as unknown[];
  return Object.fromEntries(
    Array.from({ length: items.length / 2 }, (_, i) => [String(items[2 * i]), items[2 * i + 1]]),
  );
}
