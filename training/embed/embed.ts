import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  decodeEmbeddingShard,
  type EmbeddingShard,
  encodeEmbeddingShard,
  KEY_BYTES,
  shardName,
} from '../embedder/embedding-shard.ts';

/** Shards are joined into one when there are more than this. */
const MOST_SHARDS = 16;

/** A file set aside for so long was left by a writer that was killed. */
const STALE_MS = 3_600_000;

/**
 * Vectors of one embedder on disk: a folder of Arrow files, each written aside and then renamed into place, so that
 * whoever is interrupted loses only what was not yet written. Files that are torn, edited or foreign are passed over.
 */
export class EmbeddingCache {
  private constructor(
    private readonly folder: string,
    private readonly found: Map<string, Float32Array>,
    private readonly shards: Set<string>,
    private readonly embedderId: string,
  ) {}

  /** @param folder may hold the caches of any number of embedders; it is made where it does not exist. */
  static async open(folder: string, embedderId: string, dimensions: number): Promise<EmbeddingCache> {
    const own = join(folder, createHash('sha256').update(embedderId).digest('hex').slice(0, 16));
    await mkdir(own, { recursive: true, mode: 0o700 });
    const found = new Map<string, Float32Array>();
    const shards = new Set<string>();
    for (const name of (await readdir(own)).sort()) {
      if (name.endsWith('.part')) await removeStale(join(own, name));
      if (!name.endsWith('.arrow')) continue;
      const shard = await readShard(join(own, name), name, dimensions);
      if (shard === null) continue;
      shards.add(name);
      addTo(found, shard, dimensions);
    }
    return new EmbeddingCache(own, found, shards, embedderId);
  }

  /** SHA-256 of the embedder's id and the text, in hexadecimal. */
  keyOf(text: string): string {
    // UTF-16, since in UTF-8 all lone surrogates look alike.
    return createHash('sha256').update(this.embedderId).update('\0').update(text, 'utf16le').digest('hex');
  }

  get(key: string): Float32Array | undefined {
    return this.found.get(key);
  }

  /** Keeps these vectors; when the promise is settled they are on disk. */
  async add(entries: ReadonlyMap<string, Float32Array>): Promise<void> {
    if (entries.size === 0) return;
    this.shards.add(await this.write(entries));
    for (const [key, vector] of entries) this.found.set(key, vector);
  }

  /** Joins many small files into one. Being interrupted here costs disk, never vectors. */
  async compact(): Promise<void> {
    if (this.shards.size <= MOST_SHARDS) return;
    const joined = await this.write(this.found);
    for (const name of this.shards) if (name !== joined) await rm(join(this.folder, name), { force: true });
    this.shards.clear();
    this.shards.add(joined);
  }

  private async write(entries: ReadonlyMap<string, Float32Array>): Promise<string> {
    const [first] = entries.values();
    const keys = new Uint8Array(entries.size * KEY_BYTES);
    const vectors = new Float32Array(entries.size * first.length);
    let row = 0;
    for (const [key, vector] of entries) {
      keys.set(Buffer.from(key, 'hex'), row * KEY_BYTES);
      vectors.set(vector, row * first.length);
      row++;
    }
    const bytes = encodeEmbeddingShard({ keys, vectors });
    const name = shardName(bytes);
    const aside = join(this.folder, `${name}.${randomUUID()}.part`);
    // Who has the embedder can guess at the prompts.
    await writeFile(aside, bytes, { mode: 0o600 });
    await rename(aside, join(this.folder, name));
    return name;
  }
}

async function readShard(path: string, name: string, dimensions: number): Promise<EmbeddingShard | null> {
  // Another process may have joined it into a larger one just now: then it is read there, or embedded again.
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null || shardName(bytes) !== name) return null;
  const shard = decodeEmbeddingShard(bytes);
  return shard.vectors.length * KEY_BYTES === shard.keys.length * dimensions ? shard : null;
}

function addTo(
  found: Map<string, Float32Array>,
  { keys, vectors }: EmbeddingShard,
  dimensions: number,
): void {
  const hex = Buffer.from(keys.buffer, keys.byteOffset, keys.byteLength).toString('hex');
  const digits = 2 * KEY_BYTES;
  for (let row = 0; row * digits < hex.length; row++) {
    found.set(
      hex.slice(row * digits, (row + 1) * digits),
      vectors.subarray(row * dimensions, (row + 1) * dimensions),
    );
  }
}

async function removeStale(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found !== null && Date.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true });
}
