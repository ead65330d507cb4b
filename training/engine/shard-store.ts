import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { PointsmanError } from 'pointsman';

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
