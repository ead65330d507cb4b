import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { constants, copyFile, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { InvalidInputError, MissingPackageError, PointsmanError } from 'pointsman';

/**
 * The store at an address: a folder that all machines of a run see under the same path or another, or `s3://bucket/prefix`.
 * @throws EngineError where it cannot be written to; InvalidInputError where it is no address of a store
 */
export async function openStore(address: string, scratch: string): Promise<ShardStore> {
  const objects = address.startsWith('s3://') ? await openS3Objects(address) : await openFolder(address);
  const store = new ShardStore(objects);
  await store.check(scratch);
  return store;
}

/** Where whole objects are kept under names: a folder, or a bucket. */
export interface Objects {
  /** As the user gave it. */
  readonly address: string;
  /** @returns null where there is none of that name */
  read(name: string): Promise<Uint8Array | null>;
  /** Afterwards there is a whole object of that name, or the one that was there before. */
  write(name: string, content: Uint8Array | { readonly file: string }): Promise<void>;
  has(name: string): Promise<boolean>;
  remove(name: string): Promise<void>;
  /**
   * A local file with an object's bytes: the object itself, or a copy in `folder`.
   * @returns null where there is none of that name
   */
  localFile(name: string, folder: string): Promise<string | null>;
}

/** A run on shards cannot go on: an engine or a store does not answer, or a job failed for good. */
export class EngineError extends PointsmanError {
  override readonly name: string = 'EngineError';
  readonly code: string = 'ENGINE';
}

/** A shard that is in the store is not what its name says. */
export class DamagedShardError extends PointsmanError {
  override readonly name = 'DamagedShardError';
  readonly code = 'DAMAGED_SHARD';
  /** Its digest, as it should be. */
  readonly shard: string;

  constructor(shard: string, address: string, found: string) {
    super(
      `A shard must have the digest that it is named by. ${objectOf(shard)} in ${address} has ${found.slice(0, 16)}…: it is damaged. Delete it, and run the same command again, which makes it anew.`,
    );
    this.shard = shard;
  }
}

/**
 * The files of runs, each under the digest of its bytes, so that equal files are one and a damaged one shows; and for each job
 * that was done, which files it made. Nothing that is there is ever changed: a worker that is killed, a job that is done twice or a
 * run that starts again leaves the same files under the same names.
 */
export class ShardStore {
  readonly #objects: Objects;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  get address(): string {
    return this.#objects.address;
  }

  /** @returns its digest: SHA-256 in hexadecimal */
  async put(content: Uint8Array | { readonly file: string }): Promise<string> {
    const digest = content instanceof Uint8Array ? digestOf(content) : await digestOfFile(content.file);
    const name = objectOf(digest);
    if (!(await this.#objects.has(name))) await this.#objects.write(name, content);
    return digest;
  }

  /**
   * A local file with the bytes of a shard, which are checked; not to be written to.
   * @param folder where it may be copied to
   * @throws DamagedShardError, MissingShardError
   */
  async fetch(digest: string, folder: string): Promise<string> {
    const file = await this.#objects.localFile(objectOf(digest), folder);
    if (file === null) throw this.#missing(digest);
    const found = await digestOfFile(file);
    if (found !== digest) throw new DamagedShardError(digest, this.address, found);
    return file;
  }

  /** @throws DamagedShardError, MissingShardError */
  async read(digest: string): Promise<Uint8Array> {
    const bytes = await this.#objects.read(objectOf(digest));
    if (bytes === null) throw this.#missing(digest);
    const found = digestOf(bytes);
    if (found !== digest) throw new DamagedShardError(digest, this.address, found);
    return bytes;
  }

  /** @returns digests of what a job made; null where it has not been done, or some of it is gone */
  async outputsOf(key: string): Promise<readonly string[] | null> {
    const record = await this.#objects.read(recordOf(key));
    if (record === null) return null;
    const outputs = readRecord(record);
    for (const digest of outputs ?? []) if (!(await this.#objects.has(objectOf(digest)))) return null;
    return outputs;
  }

  /** Called last, when all that a job made is there. */
  async noteDone(key: string, outputs: readonly string[]): Promise<void> {
    await this.#objects.write(recordOf(key), Buffer.from(JSON.stringify({ outputs })));
  }

  /** Removes what runs leave that nobody will ask for again. */
  async remove(digests: Iterable<string>): Promise<void> {
    for (const digest of digests) await this.#objects.remove(objectOf(digest));
  }

  /** @throws EngineError where the store cannot be written to and read from, saying why */
  async check(folder: string): Promise<void> {
    const digest = await this.put(Buffer.from('pointsman'));
    const file = await this.fetch(digest, folder);
    if (file.startsWith(folder)) await rm(file, { force: true });
  }

  #missing(digest: string): MissingShardError {
    return new MissingShardError(
      `A shard must be in the store until the run has ended. ${objectOf(digest)} is not in ${this.address}. Start the run again: what is there is not made anew.`,
    );
  }
}

/** A shard that a job needs is not in the store. */
export class MissingShardError extends PointsmanError {
  override readonly name = 'MissingShardError';
  readonly code = 'MISSING_SHARD';
}

function objectOf(digest: string): string {
  return `shards/${digest.slice(0, 2)}/${digest}`;
}

function recordOf(key: string): string {
  return `done/${key.slice(0, 2)}/${key}.json`;
}

/** A record that was half written by something other than us is none. */
function readRecord(bytes: Uint8Array): readonly string[] | null {
  try {
    const { outputs } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { readonly outputs?: unknown };
    const isDigest = (each: unknown): boolean => typeof each === 'string' && /^[0-9a-f]{64}$/.test(each);
    return Array.isArray(outputs) && outputs.every(isDigest) ? (outputs as string[]) : null;
  } catch {
    return null;
  }
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  return hash.digest('hex');
}

async function openFolder(address: string): Promise<Objects> {
  try {
    await mkdir(address, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw storeError(cause, address);
  }
  return new FolderObjects(address);
}

function storeError(cause: unknown, address: string): EngineError {
  return new EngineError(
    `The store ${address} must be a folder that can be written to. It said: ${(cause as Error).message}. Name another with --store, set its rights or make room; what was there stays.`,
    { cause },
  );
}

/** Objects as files: each is written under another name, brought to the disk and renamed. */
class FolderObjects implements Objects {
  readonly address: string;
  readonly #folder: string;

  constructor(address: string) {
    this.address = address;
    this.#folder = resolve(address);
  }

  async read(name: string): Promise<Uint8Array | null> {
    return orNull(readFile(join(this.#folder, name)));
  }

  async write(name: string, content: Uint8Array | { readonly file: string }): Promise<void> {
    const path = join(this.#folder, name);
    const aside = join(dirname(path), `.writing-${randomUUID()}`);
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      if (!(content instanceof Uint8Array)) await copyFile(content.file, aside, constants.COPYFILE_FICLONE);
      const handle = await open(aside, content instanceof Uint8Array ? 'wx' : 'r+', 0o600);
      try {
        // Prompts are their owner's alone.
        await handle.chmod(0o600);
        if (content instanceof Uint8Array) await handle.writeFile(content);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(aside, path);
    } catch (cause) {
      throw storeError(cause, this.address);
    } finally {
      await rm(aside, { force: true }).catch(() => {});
    }
  }

  async has(name: string): Promise<boolean> {
    return (await orNull(stat(join(this.#folder, name)))) !== null;
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }

  async localFile(name: string): Promise<string | null> {
    return (await this.has(name)) ? join(this.#folder, name) : null;
  }
}

async function orNull<Value>(value: Promise<Value>): Promise<Value | null> {
  try {
    return await value;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw cause;
  }
}

type Sdk = typeof import('@aws-sdk/client-s3');

/**
 * A bucket of S3, or of what speaks as S3 does. Keys, region and endpoint are those of the environment: `AWS_ACCESS_KEY_ID`,
 * `AWS_REGION`, `AWS_ENDPOINT_URL_S3` and the others that the AWS SDK knows.
 *
 * @param address `s3://bucket/prefix`
 * @throws MissingPackageError, InvalidInputError, EngineError
 */
async function openS3Objects(address: string): Promise<Objects> {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(address) ?? [];
  if (bucket === undefined)
    throw new InvalidInputError(
      `\`--store\` must be a folder, or a bucket as s3://bucket/prefix. Got "${address}".`,
    );
  const sdk = await import('@aws-sdk/client-s3').catch(() => {
    throw new MissingPackageError('@aws-sdk/client-s3', `The store ${address}`);
  });
  const { env } = process;
  const client = new sdk.S3Client({
    ...(env.AWS_REGION === undefined && env.AWS_DEFAULT_REGION === undefined ? { region: 'us-east-1' } : {}),
    // A server of one's own has no name for each bucket.
    forcePathStyle: (env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL) !== undefined,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  return new S3Objects(sdk, client, {
    address,
    bucket,
    prefix: prefix === '' ? '' : `${prefix.replace(/\/+$/, '')}/`,
  });
}

class S3Objects implements Objects {
  readonly address: string;
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(
    sdk: Sdk,
    client: S3Client,
    place: { readonly address: string; readonly bucket: string; readonly prefix: string },
  ) {
    this.#sdk = sdk;
    this.#client = client;
    this.address = place.address;
    this.#bucket = place.bucket;
    this.#prefix = place.prefix;
  }

  async read(name: string): Promise<Uint8Array | null> {
    return (await this.#get(name))?.Body?.transformToByteArray() ?? null;
  }

  async write(name: string, content: Uint8Array | { readonly file: string }): Promise<void> {
    const isBytes = content instanceof Uint8Array;
    const Body = isBytes ? content : createReadStream(content.file);
    const ContentLength = isBytes ? content.length : (await stat(content.file)).size;
    await this.#ask(() =>
      this.#client.send(new this.#sdk.PutObjectCommand({ ...this.#named(name), Body, ContentLength })),
    );
  }

  async has(name: string): Promise<boolean> {
    const found = await this.#ask(() =>
      objectOrNull(this.#client.send(new this.#sdk.HeadObjectCommand(this.#named(name)))),
    );
    return found !== null;
  }

  async remove(name: string): Promise<void> {
    await this.#ask(() => this.#client.send(new this.#sdk.DeleteObjectCommand(this.#named(name))));
  }

  async localFile(name: string, folder: string): Promise<string | null> {
    const found = await this.#get(name);
    if (found?.Body === undefined) return null;
    const file = join(folder, basename(name));
    try {
      await pipeline(found.Body as Readable, createWriteStream(file, { mode: 0o600 }));
      return file;
    } catch (cause) {
      await rm(file, { force: true });
      throw this.#failed(cause);
    }
  }

  #named(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + name };
  }

  #get(name: string): Promise<GetObjectCommandOutput | null> {
    return this.#ask(() =>
      objectOrNull(this.#client.send(new this.#sdk.GetObjectCommand(this.#named(name)))),
    );
  }

  async #ask<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask();
    } catch (cause) {
      throw this.#failed(cause);
    }
  }

  #failed(cause: unknown): EngineError {
    const { message, name } = cause as Error;
    return new EngineError(
      `The store ${this.address} must be a bucket that can be read and written. It said: ${name}${message === '' ? '' : `: ${message}`}. Check its name, AWS_ENDPOINT_URL_S3, and the keys.`,
      { cause },
    );
  }
}

/** A bucket that is not there is another matter than an object that is not. */
async function objectOrNull<Value>(value: Promise<Value>): Promise<Value | null> {
  try {
    return await value;
  } catch (cause) {
    const { $metadata, name } = cause as { readonly $metadata?: { httpStatusCode?: number }; name: string };
    if (name === 'NoSuchKey' || (name === 'NotFound' && $metadata?.httpStatusCode === 404)) return null;
    throw cause;
  }
}
