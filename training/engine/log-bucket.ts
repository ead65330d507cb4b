import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidInputError } from 'pointsman';
import {
  fetchInto,
  LIST_FILE,
  type ListedFile,
  type MadeFile,
  missingFile,
  newList,
  readList,
  type StoredList,
  writeList,
} from './log-list.ts';
import { type Bucket, EngineError, openBucket } from './objects.ts';

const LEASE_MS = 30_000;

export interface LeaseOptions {
  /** Milliseconds after its last sign that a holder counts as dead. @default 30000 */
  readonly leaseMs?: number | undefined;
  /** Milliseconds that another holder is waited for. @default 600000 */
  readonly patienceMs?: number | undefined;
  /** Told once who is waited for, where anybody is: `process 7 on gateway-3`. */
  readonly onWait?: ((holder: string) => void) | undefined;
}

/** Changes a store of logs in a bucket, while nobody else does. */
export class LogBucket {
  readonly #bucket: Bucket;
  #list: StoredList;
  #tag: string;
  #strangers: string[] = [];
  #isLost = false;
  /** Changes follow each other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(bucket: Bucket, list: StoredList, tag: string) {
    this.#bucket = bucket;
    this.#list = list;
    this.#tag = tag;
  }

  get address(): string {
    return this.#bucket.address;
  }

  get id(): string {
    return this.#list.id;
  }

  /** Files of days that are there and are not of this store: they do not count. */
  get strangers(): readonly string[] {
    return this.#strangers;
  }

  async list(): Promise<readonly ListedFile[]> {
    return this.#list.files;
  }

  /** Whether files of a day were replaced that are still there. @param day `day=2026-11-30` */
  async isMerging(day: string): Promise<boolean> {
    return this.#list.gone.some(({ name }) => dirname(name) === day);
  }

  /** Where files are made that are to be brought. */
  aside(scratch: string): string {
    return join(scratch, `.writing-${randomUUID()}`);
  }

  /** A local copy of a file, in `folder`; not to be changed. */
  async fetch(part: ListedFile, folder: string): Promise<string> {
    const { name } = part;
    const path = await fetchInto(this.#bucket, part, folder);
    if (path !== null) return path;
    throw missingFile(this.address, `${name} is`);
  }

  /**
   * Brings files of a batch, which count from the moment that all of them are there.
   * @param made local files, and the day that each is of @throws EngineError where the lease was lost: then nothing has changed
   */
  add(batch: string, made: readonly MadeFile[]): Promise<ListedFile[]> {
    return this.#replace(made.map(({ day, file }) => ({ name: this.#nameOf(day, batch), file })));
  }

  /** Brings a file in the place of others, which stay until `removeMerged`. @param at milliseconds since 1970 */
  async merge(
    batch: string,
    { day, file }: MadeFile,
    files: readonly ListedFile[],
    at: number,
  ): Promise<void> {
    await this.#replace([{ name: this.#nameOf(day, batch), file }], files, at);
  }

  /** Puts another file in the place of one, or nothing, and removes it. */
  async rewrite(part: ListedFile, file: string | null): Promise<void> {
    const stem = basename(part.name).replace(/(~[0-9a-f]{8})?(\.[0-9a-f]{8})?\.parquet$/, '');
    const name = this.#nameOf(dirname(part.name), `${stem}~${randomUUID().slice(0, 8)}`);
    await this.#replace(file === null ? [] : [{ name, file }], [part], 0);
    await this.removeMerged(0);
  }

  async #replace(
    made: readonly { readonly name: string; readonly file: string }[],
    replaced: readonly ListedFile[] = [],
    at = 0,
  ): Promise<ListedFile[]> {
    const added: ListedFile[] = [];
    for (const { file, name } of made) {
      await this.#bucket.write(name, { file });
      added.push({ name, bytes: (await stat(file)).size });
    }
    const { files, gone } = this.#list;
    const old = new Set(replaced.map(({ name }) => name));
    await this.#change({
      files: [...files.filter(({ name }) => !old.has(name)), ...added].sort(byName),
      gone: [...gone, ...[...old].map((name) => ({ name, at }))],
    });
    return added;
  }

  #nameOf(day: string, stem: string): string {
    return `${day}/${stem}.${this.id}.parquet`;
  }

  /** Removes what has not counted since `before`. */
  async removeMerged(before: number): Promise<void> {
    const old = this.#list.gone.filter(({ at }) => at <= before);
    if (old.length === 0) return;
    for (const { name } of old) await this.#bucket.remove(name);
    await this.#change({ gone: this.#list.gone.filter((each) => !old.includes(each)) });
  }

  /** Removes what others brought who were killed, or overtaken, before it counted. */
  async sweep(): Promise<void> {
    const { files, gone, id } = this.#list;
    const known = new Set([...files, ...gone].map(({ name }) => name));
    this.#strangers = [];
    for await (const { name } of this.#bucket.list('day=')) {
      if (known.has(name) || !name.endsWith('.parquet')) continue;
      if (name.endsWith(`.${id}.parquet`)) await this.#bucket.remove(name);
      else this.#strangers.push(name);
    }
  }

  async noteBatch(batch: string, note: object): Promise<void> {
    await this.#bucket.write(noteOf(batch), Buffer.from(JSON.stringify(note)));
  }

  hasBatch(batch: string): Promise<boolean> {
    return this.#bucket.has(noteOf(batch));
  }

  /** Says that this process is still there. A server that is away for a moment is asked again the next time. */
  async renew(): Promise<void> {
    if (!this.#isLost) await this.#change({}).catch(() => {});
  }

  async release(): Promise<void> {
    // Whoever comes next finds out, where this is not heard.
    if (!this.#isLost) await this.#change({ holder: null }).catch(() => {});
  }

  #change(changed: Partial<StoredList>): Promise<void> {
    const done = this.#last.then(async () => {
      if (this.#isLost) throw this.#lost();
      const next = { ...this.#list, ...changed, change: randomUUID() };
      const tag = await writeList(this.#bucket, next, this.#tag);
      if (tag === null) {
        this.#isLost = true;
        throw this.#lost();
      }
      [this.#list, this.#tag] = [next, tag];
    });
    this.#last = done.catch(() => {});
    return done;
  }

  #lost(): EngineError {
    return new EngineError(
      `A store must be changed by one at a time. ${this.address} was taken over by another process, since this one gave no sign for ${(this.#list.holder?.leaseMs ?? 0) / 1000} seconds. Run the same command again: nothing is lost, and nothing is there twice.`,
    );
  }
}

const noteOf = (batch: string): string => `batches/${batch}.json`;
const byName = (a: ListedFile, b: ListedFile): number => (a.name < b.name ? -1 : 1);

/**
 * Does `work` with a store in a bucket, which is made where there is none, while nobody else changes it.
 * @throws EngineError where the bucket cannot be read or written, its server ignores conditions of writes, or another one has held
 * it for `patienceMs`
 */
export async function withLogBucket<Result>(
  address: string,
  { leaseMs = LEASE_MS, onWait = () => {}, patienceMs = 600_000 }: LeaseOptions,
  work: (store: LogBucket) => Promise<Result>,
): Promise<Result> {
  const bucket = await openBucket(address);
  await checkConditions(bucket);
  const store = await takeLease(bucket, { leaseMs, onWait, patienceMs });
  const timer = setInterval(() => void store.renew(), leaseMs / 3);
  try {
    await store.sweep();
    return await work(store);
  } finally {
    clearInterval(timer);
    await store.release();
  }
}

const PROBE = '.conditional-writes';
const NO_TAG = `"${'0'.repeat(32)}"`;

/** Writes what is there already, and what has another tag: a server that lets this pass would let two change the list at once. */
async function checkConditions(bucket: Bucket): Promise<void> {
  const write = (tag: string | null): Promise<string | null> =>
    bucket.writeIf(PROBE, Buffer.from('Says whether the server heeds If-None-Match and If-Match.'), tag);
  let isHeeded: boolean;
  try {
    isHeeded =
      ((await write(null)) === null || (await write(null)) === null) && (await write(NO_TAG)) === null;
  } catch (cause) {
    if (((cause as Error).cause as Error | undefined)?.name !== 'NotImplemented') throw cause;
    isHeeded = false;
  }
  if (isHeeded) return;
  await bucket.remove(PROBE).catch(() => {});
  throw new EngineError(
    `The server of ${bucket.address} must heed If-None-Match and If-Match when it writes an object, or two that change the store at once would lose records. It ignores one of them, or both. No log was touched. Use a server that heeds them, as Amazon S3 does, or bring it up to date; or keep the log in a folder that all machines share: --out /mnt/shared/log.`,
  );
}

async function takeLease(
  bucket: Bucket,
  {
    leaseMs,
    onWait,
    patienceMs,
  }: Required<{ [Option in keyof LeaseOptions]: NonNullable<LeaseOptions[Option]> }>,
): Promise<LogBucket> {
  let hasTold = false;
  const holder = { name: `process ${process.pid} on ${hostname()}`, leaseMs };
  const began = performance.now();
  // Clocks of machines differ, so what counts is how long this one has seen no sign of the holder.
  let seen = { tag: '', since: began };
  for (;;) {
    const found = await bucket.readTagged(LIST_FILE);
    const list = found === null ? await newList(bucket) : await readList(bucket, found);
    const now = performance.now();
    if (found !== null && found.tag !== seen.tag) seen = { tag: found.tag, since: now };
    if (list.holder === null || now - seen.since > list.holder.leaseMs) {
      const mine = { ...list, change: randomUUID(), holder };
      const tag = await writeList(bucket, mine, found?.tag ?? null);
      if (tag !== null) return new LogBucket(bucket, mine, tag);
    }
    if (now - began > patienceMs)
      throw new InvalidInputError(
        `${bucket.address} has been changed by ${list.holder?.name ?? 'others'} for ${Math.round(patienceMs / 1000)} seconds. Wait until it has ended, or end it.`,
      );
    if (!hasTold && list.holder !== null) {
      hasTold = true;
      onWait(`${list.holder.name} (${list.holder.leaseMs / 1000} seconds at most, if it has died)`);
    }
    // Not all at the same moment.
    await sleep(Math.min(1000, leaseMs / 5) * (0.75 + (process.pid % 100) / 200));
  }
}
