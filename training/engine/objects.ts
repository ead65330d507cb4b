import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { constants, copyFile, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { InvalidInputError, MissingPackageError, PointsmanError } from 'pointsman';

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

/** An object that may be changed under a condition. */
export interface Tagged {
  readonly bytes: Uint8Array;
  /** Another one whenever it was written anew. */
  readonly tag: string;
}

/** Objects in a bucket of S3, or of what speaks as S3 does. */
export interface Bucket extends Objects {
  /** Names that begin so, with sizes and when they were written, in the order of their names. */
  list(prefix: string): AsyncIterable<{ readonly name: string; readonly bytes: number; readonly at: Date }>;
  readTagged(name: string): Promise<Tagged | null>;
  /**
   * Writes where nobody has written since: a conditional write, which a server may ignore.
   * @param tag of what is to be there; null where nothing is to be
   * @returns its new tag; null where something else is there. After an answer that was lost it may be what was written
   */
  writeIf(name: string, bytes: Uint8Array, tag: string | null): Promise<string | null>;
  /** Whether the bucket keeps what was deleted or written over; null where it does not say. */
  keepsVersions(): Promise<boolean | null>;
}

/** An address of a bucket, or what was meant to be one. */
export const IS_BUCKET = /^s3:/i;

/**
 * @param address a folder, which is made where it is not there, or `s3://bucket/prefix`
 * @throws EngineError, InvalidInputError, MissingPackageError
 */
export async function openObjects(address: string): Promise<Objects> {
  return IS_BUCKET.test(address) ? openBucket(address) : openFolder(address);
}

/** Removes all that is below some folders of an address, one folder after the other. */
export async function removeBelow(address: string, folders: readonly string[]): Promise<void> {
  const bucket = IS_BUCKET.test(address) ? await openBucket(address) : null;
  for (const folder of folders) {
    if (bucket === null) await rm(join(address, folder), { recursive: true, force: true });
    else await removeListed(bucket, `${folder}/`);
  }
}

async function removeListed(bucket: Bucket, prefix: string): Promise<void> {
  const under = new Set<Promise<unknown>>();
  for await (const { name } of bucket.list(prefix)) {
    const removal = bucket.remove(name);
    under.add(removal);
    removal.finally(() => under.delete(removal)).catch(() => {});
    if (under.size >= AT_ONCE) await Promise.race(under);
  }
  await Promise.all(under);
}

/** A run on shards cannot go on: an engine or a store does not answer, or a job failed for good. */
export class EngineError extends PointsmanError {
  override readonly name: string = 'EngineError';
  readonly code: string = 'ENGINE';
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

/** What is not answered for so long is asked again, or given up. */
const CONNECT_MS = 10_000;
const SILENT_MS = 60_000;

/** How often something is sent that the SDK sends once: files, which it cannot rewind, and what met another at the same moment. */
const SENDINGS = 3;

async function sendAgain<T>(send: () => Promise<T>, mayBeSent: (cause: unknown) => boolean): Promise<T> {
  for (let sent = 1; ; sent++) {
    try {
      return await send();
    } catch (cause) {
      if (sent === SENDINGS || !mayBeSent(cause)) throw cause;
    }
    await sleep(200 * 2 ** sent);
  }
}

/** Objects that are removed at a time. */
const AT_ONCE = 16;

/**
 * A bucket of S3, or of what speaks as S3 does. Keys, region and endpoint are those of the environment: `AWS_ACCESS_KEY_ID`,
 * `AWS_REGION`, `AWS_ENDPOINT_URL_S3` and the others that the AWS SDK knows.
 *
 * @param address `s3://bucket/prefix`, with or without a slash at its end
 * @throws MissingPackageError, InvalidInputError
 */
export async function openBucket(address: string): Promise<Bucket> {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/*(.*)$/i.exec(address) ?? [];
  if (bucket === undefined)
    throw new InvalidInputError(
      `A store must be a folder, or a bucket as s3://bucket/prefix. Got "${address}".`,
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
    // What goes wrong is said here, and not by the SDK on the console.
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENT_MS },
  });
  const folder = prefix.replace(/\/+$/, '');
  return new S3Objects(sdk, client, { address, bucket, prefix: folder === '' ? '' : `${folder}/` });
}

class S3Objects implements Bucket {
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
    return (await this.readTagged(name))?.bytes ?? null;
  }

  async readTagged(name: string): Promise<Tagged | null> {
    return this.#ask('GetObject', async () => {
      const found = await this.#get(name);
      if (found?.Body === undefined) return null;
      return { bytes: await found.Body.transformToByteArray(), tag: found.ETag ?? '' };
    });
  }

  async write(name: string, content: Uint8Array | { readonly file: string }): Promise<void> {
    const { PutObjectCommand } = this.#sdk;
    const put = async (Body: Uint8Array | Readable, ContentLength: number) =>
      this.#client.send(new PutObjectCommand({ ...this.#named(name), Body, ContentLength }));
    await this.#ask('PutObject', async () => {
      if (content instanceof Uint8Array) return put(content, content.length);
      const { size } = await stat(content.file);
      return sendAgain(() => put(createReadStream(content.file), size), mayPass);
    });
  }

  async writeIf(name: string, bytes: Uint8Array, tag: string | null): Promise<string | null> {
    const condition = tag === null ? { IfNoneMatch: '*' } : { IfMatch: tag };
    const { PutObjectCommand } = this.#sdk;
    const input = { ...this.#named(name), ...condition, Body: bytes, ContentLength: bytes.length };
    return this.#ask('PutObject', async () => {
      try {
        // Of two at the very same moment neither may be told who was first.
        const send = () => this.#client.send(new PutObjectCommand(input));
        return (await sendAgain(send, (cause) => statusOf(cause) === 409)).ETag ?? '';
      } catch (cause) {
        const status = statusOf(cause);
        if (status === 412 || status === 409 || (cause as Error).name === 'NoSuchKey') return null;
        throw cause;
      }
    });
  }

  async has(name: string): Promise<boolean> {
    const { HeadObjectCommand } = this.#sdk;
    const found = await this.#ask('HeadObject', () =>
      objectOrNull(this.#client.send(new HeadObjectCommand(this.#named(name)))),
    );
    return found !== null;
  }

  async remove(name: string): Promise<void> {
    const { DeleteObjectCommand } = this.#sdk;
    await this.#ask('DeleteObject', () => this.#client.send(new DeleteObjectCommand(this.#named(name))));
  }

  async localFile(name: string, folder: string): Promise<string | null> {
    const found = await this.#ask('GetObject', () => this.#get(name));
    if (found?.Body === undefined) return null;
    const file = join(folder, basename(name));
    try {
      await pipeline(found.Body as Readable, createWriteStream(file, { mode: 0o600 }));
      return file;
    } catch (cause) {
      await rm(file, { force: true });
      if (!['EDQUOT', 'ENOSPC'].includes((cause as NodeJS.ErrnoException).code ?? ''))
        throw this.#failed(cause, 'GetObject');
      throw new InvalidInputError(
        `Copies of what is in ${this.address} must have room in ${folder}. Its disk is full. Make room there, or name a folder on another disk with --temporary-folder.`,
        { cause },
      );
    }
  }

  async *list(prefix: string) {
    const { ListObjectsV2Command } = this.#sdk;
    for (let from: string | undefined; ; ) {
      const asked = { Bucket: this.#bucket, Prefix: this.#prefix + prefix, ContinuationToken: from };
      const page = await this.#ask('ListObjects', () => this.#client.send(new ListObjectsV2Command(asked)));
      for (const { Key = '', LastModified = new Date(), Size = 0 } of page.Contents ?? [])
        yield { name: Key.slice(this.#prefix.length), bytes: Size, at: LastModified };
      from = page.NextContinuationToken;
      if (page.IsTruncated !== true || from === undefined) return;
    }
  }

  async keepsVersions(): Promise<boolean | null> {
    const { GetBucketVersioningCommand } = this.#sdk;
    try {
      const found = await this.#client.send(new GetBucketVersioningCommand({ Bucket: this.#bucket }));
      // One where it was suspended keeps what it had.
      return found.Status !== undefined;
    } catch {
      return null;
    }
  }

  #named(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + name };
  }

  #get(name: string): Promise<GetObjectCommandOutput | null> {
    return objectOrNull(this.#client.send(new this.#sdk.GetObjectCommand(this.#named(name))));
  }

  async #ask<Result>(what: keyof typeof RIGHTS, ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask();
    } catch (cause) {
      throw this.#failed(cause, what);
    }
  }

  #failed(cause: unknown, what: keyof typeof RIGHTS): EngineError {
    const { code, message, name } = cause as NodeJS.ErrnoException;
    return new EngineError(
      `The store ${this.address} must be a bucket that can be read and written. It said: ${code ?? name}${message === '' ? '' : `: ${message.replace(/\.+$/, '')}`}. ${this.#advice(cause, what)}`,
      { cause },
    );
  }

  #advice(cause: unknown, what: keyof typeof RIGHTS): string {
    const { code, name } = cause as NodeJS.ErrnoException;
    const is = (...names: string[]): boolean => names.includes(code ?? '') || names.includes(name);
    if (is('NoSuchBucket', 'InvalidBucketName'))
      return `Make the bucket ${this.#bucket} first, or check its name and AWS_ENDPOINT_URL_S3.`;
    if (is('InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken', 'CredentialsProviderError'))
      return 'Check the keys: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.';
    if (is('PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'))
      return "Set AWS_REGION to the bucket's region.";
    if (statusOf(cause) === 403) return `Give these keys the right to ${RIGHTS[what]} there.`;
    if (statusOf(cause) === undefined) {
      const { AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 } = process.env;
      const server =
        AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL ?? 'Amazon S3, as AWS_ENDPOINT_URL_S3 is not set';
      return `Look whether the server runs, and whether it can be reached from here: ${server}.`;
    }
    return 'Check its name, AWS_ENDPOINT_URL_S3, and the keys.';
  }
}

/** What is asked of a bucket, and the right that it takes. Who may not list is told of what is not there that he may not read it. */
const RIGHTS = {
  DeleteObject: 's3:DeleteObject',
  GetObject: 's3:GetObject and s3:ListBucket',
  HeadObject: 's3:GetObject and s3:ListBucket',
  ListObjects: 's3:ListBucket',
  PutObject: 's3:PutObject',
} as const;

function statusOf(cause: unknown): number | undefined {
  return (cause as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

/** Whether the same may be answered otherwise a moment later: a server that was away, or had too much to do. */
function mayPass(cause: unknown): boolean {
  return (statusOf(cause) ?? 500) >= 500 && (cause as Error).name !== 'CredentialsProviderError';
}

/** A bucket that is not there is another matter than an object that is not. */
async function objectOrNull<Value>(value: Promise<Value>): Promise<Value | null> {
  try {
    return await value;
  } catch (cause) {
    const { name } = cause as Error;
    if (name === 'NoSuchKey' || (name === 'NotFound' && statusOf(cause) === 404)) return null;
    throw cause;
  }
}
