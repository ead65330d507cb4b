import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { type Bucket, EngineError, IS_BUCKET, openBucket, type Tagged } from './objects.ts';

/**
 * A store of logs in a bucket. Which files count is said by one object, the list, and by no listing of the bucket: whoever changes the
 * store takes a lease in it, and each change of it is a conditional write. So whoever was stopped for longer than his lease, and
 * overtaken, can change nothing any more, whenever he wakes up; and what he had brought is swept away.
 */
export interface StoredList {
  readonly schemaVersion: 2;
  /** Drawn once: 8 hex digits. */
  readonly id: string;
  /** The files that count: `day=2026-11-30/<batch>.<id>.parquet`. */
  readonly files: readonly ListedFile[];
  /** Files that count no more, kept for whoever is reading them, and since when: milliseconds since 1970. */
  readonly gone: readonly { readonly name: string; readonly at: number }[];
  /** Another one for each change, by which one whose answer was lost is known. */
  readonly change: string;
  readonly holder: { readonly name: string; readonly leaseMs: number } | null;
}

/** A file of a store: records of one day. */
export interface ListedFile {
  /** `day=2026-11-30/<name>.parquet` */
  readonly name: string;
  readonly bytes: number;
}

/** A local file that is to be one of a store. */
export interface MadeFile {
  /** `day=2026-11-30` */
  readonly day: string;
  readonly file: string;
}

/** What says that a folder, or a prefix of a bucket, is a store of logs. */
export const LIST_FILE = 'log-store.json';

/** @returns the new tag; null where another one has changed it since */
export async function writeList(
  bucket: Bucket,
  list: StoredList,
  tag: string | null,
): Promise<string | null> {
  const written = await bucket.writeIf(LIST_FILE, Buffer.from(`${JSON.stringify(list)}\n`), tag);
  if (written !== null) return written;
  // An answer that was lost is asked for again, and what was written is then in its own way.
  const found = await bucket.readTagged(LIST_FILE);
  if (found === null) return null;
  return Buffer.from(found.bytes).includes(`"change":"${list.change}"`) ? found.tag : null;
}

export async function newList(bucket: Bucket, id = randomUUID().slice(0, 8)): Promise<StoredList> {
  for await (const { name } of bucket.list('day='))
    if (name.endsWith('.parquet'))
      throw new EngineError(
        `What files of a store count is said by its ${LIST_FILE}. ${bucket.address} has files of days, such as ${name}, and none. Bring it back; or put {"schemaVersion":1,"id":"${id}"} there, if all files that are there are to count.`,
      );
  return { schemaVersion: 2, id, files: [], gone: [], change: '', holder: null };
}

/** The list as it is there. A store that was copied from a folder has none yet: all files of its days count. */
export async function readList(bucket: Bucket, { bytes }: Pick<Tagged, 'bytes'>): Promise<StoredList> {
  let list: Partial<StoredList> | { readonly schemaVersion: 1; readonly id: string } = {};
  try {
    list = JSON.parse(Buffer.from(bytes).toString('utf8')) ?? {};
  } catch {
    // Said below.
  }
  const hasId = typeof list.id === 'string' && /^[0-9a-f]{8}$/.test(list.id);
  if (hasId && list.schemaVersion === 2 && Array.isArray((list as StoredList).files))
    return list as StoredList;
  if (!hasId || list.schemaVersion !== 1)
    throw new EngineError(
      `${LIST_FILE} in ${bucket.address} must be the list of a store's files. It is another thing, or of a newer version. Bring an earlier one back, or update pointsman.`,
    );
  const [found, merged] = [[] as ListedFile[], new Set<string>()];
  for await (const { bytes, name } of bucket.list('day=')) {
    const note = /^\.merged-(.+)\.json$/.exec(basename(name));
    if (name.endsWith('.parquet')) found.push({ name, bytes });
    else if (note !== null && (await bucket.has(`${dirname(name)}/${note[1]}.parquet`))) {
      const { parts } = JSON.parse(Buffer.from((await bucket.read(name)) ?? '{"parts":[]}').toString('utf8'));
      for (const part of parts) merged.add(`${dirname(name)}/${part}`);
    }
  }
  const files = found.filter(({ name }) => !merged.has(name));
  const gone = [...merged].map((name) => ({ name, at: 0 }));
  const { id } = list as { readonly id: string };
  return { schemaVersion: 2, id, files, gone, change: '', holder: null };
}

/** @returns a local copy of a file, or the one that is there already; null where it is not in the bucket any more */
export async function fetchInto(
  bucket: Bucket,
  { bytes, name }: ListedFile,
  folder: string,
): Promise<string | null> {
  const own = join(folder, dirname(name));
  const path = join(own, basename(name));
  if ((await stat(path).catch(() => null))?.size === bytes) return path;
  await mkdir(own, { recursive: true, mode: 0o700 });
  return bucket.localFile(name, own);
}

/** A local copy of a file of a log, and what it is called in the bucket. */
export interface FetchedFile extends ListedFile {
  readonly path: string;
}

const TURNS = 5;
const AT_ONCE = 4;

/**
 * Copies of the files of a store of logs in a bucket, by day, which must not be changed.
 * @param address `s3://bucket/prefix`, or with days: `s3://bucket/prefix/day=2026-11-*` @param folder where they go
 * @throws InvalidInputError where there is no store
 */
export async function fetchLog(address: string, folder: string): Promise<FetchedFile[]> {
  const [, store, days = '*'] = /^(.*?)(?:\/+(day=[^/]*(?:\/[^/]+)?))?\/*$/.exec(
    address,
  ) as unknown as string[];
  const bucket = await openBucket(store);
  const fetched = new Map<string, string>();
  for (let turn = 0; turn < TURNS; turn++) {
    const found = await bucket.read(LIST_FILE);
    if (found === null)
      throw new InvalidInputError(
        `A log in a bucket must be a store that logs were compacted into. There is no ${LIST_FILE} in ${store}. Check the address; compact logs into it (npx pointsman log compact <folder> --out ${store}); or copy files of other kinds to this machine.`,
      );
    const { files } = await readList(bucket, { bytes: found });
    const wanted = files.filter(({ name }) => days === '*' || isOfDays(name, days));
    const missing = wanted.filter(({ name }) => !fetched.has(name));
    for (let i = 0; i < missing.length; i += AT_ONCE)
      await Promise.all(
        missing.slice(i, i + AT_ONCE).map(async (file) => {
          const path = await fetchInto(bucket, file, folder);
          if (path !== null) fetched.set(file.name, path);
        }),
      );
    // What is not there was merged since, or forgotten: the list says into what.
    if (wanted.every(({ name }) => fetched.has(name)))
      return wanted.map(({ bytes, name }) => ({
        name: `${store.replace(/\/+$/, '')}/${name}`,
        bytes,
        path: fetched.get(name) as string,
      }));
  }
  throw missingFile(store, 'Some are');
}

/** A file that counts is not there, and was not replaced either. @param which `Some are`, or a name with `is` */
export function missingFile(address: string, which: string): EngineError {
  return new EngineError(
    `All files that are in the list of ${address} must be there. ${which} not. Bring them back from a copy or an old version, or take them out of ${LIST_FILE} there, if they are lost. What is old must go by \`pointsman log forget --older-than\`, and not by a rule of the bucket.`,
  );
}

/** Days may be a pattern, as names of files are: `day=2026-11-*`. */
function isOfDays(name: string, days: string): boolean {
  const pattern = days
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return new RegExp(`^${pattern}$`).test(days.includes('/') ? name : dirname(name));
}

/** What gateways call the files of a log. */
const SEGMENT = /^decisions-\d{8}T\d{9}Z-\d+\.(jsonl|parquet)$/;

/**
 * Copies of files of logs that were sent into a bucket, at whatever depth below an address, some at a time. What is no more there of
 * them when the next ones are asked for is removed from the bucket.
 * @param scratch a folder, for `folder`, in which `folders` hold them @throws InvalidInputError where it is a store
 */
export async function* fetchSegments(address: string, scratch: string, batchBytes: number) {
  const bucket = await openBucket(address);
  if (await bucket.has(LIST_FILE))
    throw new InvalidInputError(
      `Logs must be taken from where gateways, or others, put their files. ${address} is a store that they are taken into. Name it with --out, and another place to take logs from.`,
    );
  const found: (ListedFile & { readonly at: Date })[] = [];
  for await (const file of bucket.list('')) if (SEGMENT.test(basename(file.name))) found.push(file);
  for (let i = 0; i < found.length; ) {
    const folder = await mkdtemp(join(scratch, 'segments-'));
    const copies = new Map<string, string>();
    for (let bytes = 0; i < found.length && (bytes === 0 || bytes + found[i].bytes <= batchBytes); i++) {
      const path = await fetchInto(bucket, found[i], folder);
      bytes += found[i].bytes;
      if (path === null) continue;
      await utimes(path, found[i].at, found[i].at);
      copies.set(found[i].name, path);
    }
    yield { folder, folders: [...new Set([...copies.values()].map(dirname))] };
    for (const [name, path] of copies)
      if ((await stat(path).catch(() => null)) === null) await bucket.remove(name);
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a bucket may keep of what is removed: sentences. */
export async function versionsKept(address: string): Promise<string[]> {
  const keeps = IS_BUCKET.test(address) ? await (await openBucket(address)).keepsVersions() : false;
  if (keeps === false) return [];
  return [
    `The bucket of ${address} ${keeps ? 'keeps' : 'may keep, which these keys may not ask,'} old versions of what is deleted. Delete those below this address as well, or let a rule of the bucket do it (NoncurrentVersionExpiration).`,
  ];
}
