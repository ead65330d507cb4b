import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
} from 'apache-arrow';
import {
  type Artifact,
  type Embedder,
  EmbeddingError,
  InvalidInputError,
  type Request,
  readPrompt,
} from 'pointsman';
import { embedderSource, readFeatures, type SyncEmbedder } from 'pointsman/internal';
import { createMatrix, type Matrix } from '../fit/rows.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';

/** Shards are joined into one when there are more than this. */
const MOST_SHARDS = 16;

/** A file set aside for so long was left by a writer that was killed. */
const STALE_MS = 3_600_000;

/** Bytes of a key: SHA-256. */
const KEY_BYTES = 32;

/**
 * Vectors of one embedder on disk: a folder of Arrow files, each written aside and then renamed into place, so that
 * whoever is interrupted loses only what was not yet written. Files that are torn, edited or foreign are passed over.
 */
class EmbeddingCache {
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

/** Some texts' vectors, by the hash of the text. */
interface EmbeddingShard {
  /** `[rows, 32]` */
  readonly keys: Uint8Array;
  /** `[rows, dimensions]` */
  readonly vectors: Float32Array;
}

/** An Arrow IPC file of two columns: `key` (fixed-size binary) and `vector` (fixed-size list of float32). */
function encodeEmbeddingShard({ keys, vectors }: EmbeddingShard): Uint8Array {
  const rows = keys.length / KEY_BYTES;
  const keyType = new FixedSizeBinary(KEY_BYTES);
  const vectorType = new FixedSizeList(vectors.length / rows, new Field('item', new Float32(), false));
  const schema = new Schema([new Field('key', keyType, false), new Field('vector', vectorType, false)]);
  const children = [
    makeData({ type: keyType, length: rows, data: keys }),
    makeData({
      type: vectorType,
      length: rows,
      child: makeData({ type: new Float32(), length: vectors.length, data: vectors }),
    }),
  ];
  const struct = makeData({ type: new Struct(schema.fields), length: rows, children });
  return tableToIPC(new Table([new RecordBatch(schema, struct)]), 'file');
}

function decodeEmbeddingShard(bytes: Uint8Array): EmbeddingShard {
  const [batch] = tableFromIPC(bytes).batches;
  const [keys, vectors] = batch.data.children;
  return { keys: keys.values as Uint8Array, vectors: vectors.children[0].values as Float32Array };
}

/** The name says what is inside, so that a torn or edited file shows, and two writers never collide. */
function shardName(bytes: Uint8Array): string {
  return `${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}.arrow`;
}

export interface EmbedAllOptions {
  /** Where vectors are kept from run to run. @default none are kept */
  cacheFolder?: string | undefined;
  /** Texts a call of the embedder, and a write of the cache: what an interruption can cost. @default 64 */
  batchSize?: number;
  /** Called at the start and after each batch. */
  onProgress?: (progress: EmbedProgress) => void;
  /** Stops after the batch under way, which is kept; then its reason is thrown. */
  signal?: AbortSignal;
}

export interface EmbedProgress {
  /** Distinct texts whose vectors are there. */
  readonly done: number;
  /** Distinct texts in all. */
  readonly total: number;
  /** How many of `done` came from the cache. */
  readonly cached: number;
}

/**
 * Embeds texts, equal ones once. Started again after an interruption, it embeds only what is not in the cache.
 * A {@link SyncEmbedder} is quicker than any cache, and goes past it.
 *
 * @returns `[texts, dimensions]`
 * @throws EmbeddingError where the embedder gives too few vectors, or such that are no vectors of its dimensions.
 */
export async function embedAll(
  embedder: Embedder,
  texts: readonly string[],
  options: EmbedAllOptions = {},
): Promise<Float32Array> {
  const { cacheFolder, batchSize = 64, onProgress = () => {}, signal } = options;
  const { dimensions } = embedder;
  const distinct = [...new Set(texts)];
  const vectorOf = new Map<string, Float32Array>();
  const cache =
    cacheFolder === undefined || isSync(embedder)
      ? null
      : await EmbeddingCache.open(cacheFolder, embedder.id, dimensions);
  for (const text of cache === null ? [] : distinct) {
    const known = cache?.get(cache.keyOf(text));
    if (known !== undefined) vectorOf.set(text, known);
  }
  const cached = vectorOf.size;
  const missing = distinct.filter((text) => !vectorOf.has(text));
  onProgress({ done: cached, total: distinct.length, cached });
  for (let from = 0; from < missing.length; from += batchSize) {
    signal?.throwIfAborted();
    const batch = missing.slice(from, from + batchSize);
    const vectors = await embedder.embed(batch);
    checkVectors(vectors, batch.length, embedder);
    batch.forEach((text, i) => {
      vectorOf.set(text, vectors[i]);
    });
    if (cache !== null) await cache.add(new Map(batch.map((text, i) => [cache.keyOf(text), vectors[i]])));
    onProgress({ done: vectorOf.size, total: distinct.length, cached });
  }
  await cache?.compact();
  const out = new Float32Array(texts.length * dimensions);
  texts.forEach((text, row) => {
    out.set(vectorOf.get(text)!, row * dimensions);
  });
  return out;
}

function isSync(embedder: Embedder): embedder is SyncEmbedder {
  return 'embedInto' in embedder;
}

function checkVectors(vectors: readonly Float32Array[], count: number, { id, dimensions }: Embedder): void {
  if (vectors.length !== count) {
    throw new EmbeddingError(
      `The embedder ${id} must give a vector for each of ${count} texts. Got ${vectors.length}.`,
    );
  }
  for (const vector of vectors) {
    if (vector.length !== dimensions || !vector.every(Number.isFinite)) {
      throw new EmbeddingError(
        `The embedder ${id} must give vectors of ${dimensions} finite numbers. Got one of ${vector.length}: ` +
          `[${vector.slice(0, 4).join(', ')}, ...].`,
      );
    }
  }
}

interface EmbedPromptsOptions extends EmbedAllOptions {
  /** Embeds them on other machines: texts → `[texts, dimensions]`. @default here */
  readonly elsewhere?: ((texts: readonly string[]) => Promise<Float32Array>) | undefined;
}

/**
 * The embedding of every prompt: the one that the table keeps, where it keeps no words, else the embedder's.
 * @returns `[prompts, dimensions]`
 * @throws InvalidInputError when a kept embedding is missing, or is of another length.
 */
export async function embedPrompts(
  { prompts }: Pick<OutcomeMatrix, 'prompts'>,
  embedder: Embedder,
  { elsewhere, ...options }: EmbedPromptsOptions = {},
): Promise<Matrix> {
  const { dimensions } = embedder;
  const texts = prompts.map(({ request }) => readPrompt(request).text);
  const worded = prompts.flatMap(({ promptHash, embedding }, row) =>
    promptHash === undefined && embedding === undefined ? [row] : [],
  );
  const wanted = worded.map((row) => texts[row]);
  const made = elsewhere === undefined ? await embedAll(embedder, wanted, options) : await elsewhere(wanted);
  if (worded.length === prompts.length) return { rows: prompts.length, columns: dimensions, values: made };
  const values = new Float32Array(prompts.length * dimensions);
  worded.forEach((row, i) => {
    values.set(made.subarray(i * dimensions, (i + 1) * dimensions), row * dimensions);
  });
  for (const [row, { embedding, promptHash, requestId }] of prompts.entries()) {
    if (embedding?.length === dimensions) values.set(embedding, row * dimensions);
    else if (embedding !== undefined || promptHash !== undefined) {
      throw new InvalidInputError(
        `The prompt of request "${requestId}" is kept as ${embedding === undefined ? 'a hash without an embedding' : `an embedding of ${embedding.length} numbers`}, ` +
          `and the embedder "${embedder.id}" gives ${dimensions}. Train with the embedder that the prompts were kept with (--embedder), or log embeddings too.`,
      );
    }
  }
  return { rows: prompts.length, columns: dimensions, values };
}

/** The embeddings that the table keeps, `[prompts, dimensions]`; null unless each prompt has one, all of one length. */
export function keptEmbeddings({ prompts }: Pick<OutcomeMatrix, 'prompts'>): Matrix | null {
  const columns = prompts[0]?.embedding?.length ?? 0;
  if (columns === 0 || prompts.some(({ embedding }) => embedding?.length !== columns)) return null;
  const values = new Float32Array(prompts.length * columns);
  for (const [row, { embedding = [] }] of prompts.entries()) values.set(embedding, row * columns);
  return { rows: prompts.length, columns, values };
}

export interface RequestFeaturesOptions {
  /** The one that the router was trained with. @default the static one that the artifact carries */
  readonly embedder?: Embedder;
}

/**
 * What the heads of a router read of requests: the rows that `predict` of its TF.js models takes.
 *
 * @returns `[requests, manifest.features.length]`, standardised
 * @throws InvalidInputError when the embedder is another one, or is missing
 * @example
 * const { rows, columns, values } = await requestFeatures(artifact, [{ text: 'What is 17 * 23?' }]);
 * const probabilities = model.predict(tf.tensor2d(values, [rows, columns]));
 */
export async function requestFeatures(
  artifact: Artifact,
  requests: readonly Request[],
  options: RequestFeaturesOptions = {},
): Promise<Matrix> {
  const { dimensions, id, kind, table } = artifact.manifest.embedder;
  const embedder =
    options.embedder ?? (table === undefined ? undefined : embedderSource(kind).read?.(artifact.file(table)));
  if (embedder === undefined || embedder.id !== id || embedder.dimensions !== dimensions) {
    throw new InvalidInputError(
      `\`embedder\` of requestFeatures must be the one that the router was trained with, "${id}" (${kind}) of ` +
        `${dimensions} dimensions. Got ${embedder === undefined ? 'none' : `"${embedder.id}" of ${embedder.dimensions}`}.`,
    );
  }
  const extractor = readFeatures(artifact.manifest.features, (path) => artifact.file(path));
  const prompts = requests.map(readPrompt);
  const worded = prompts.filter(({ text }) => text.trim() !== '');
  const vectors = await embedAll(
    embedder,
    worded.map(({ text }) => text),
  );
  const features = createMatrix(requests.length, extractor.length);
  let at = 0;
  for (const [row, prompt] of prompts.entries()) {
    const vector =
      prompt.text.trim() === ''
        ? await vectorOfNothing(embedder, prompt.text)
        : vectors.subarray(at++ * dimensions, at * dimensions);
    extractor.extractInto(prompt, vector, features.values, row * extractor.length);
  }
  return features;
}

/** As a router has it: of no words some embedders make a mean of nothing. */
async function vectorOfNothing(embedder: Embedder, text: string): Promise<Float32Array> {
  const [vector] = await embedder.embed([text]);
  return vector.every(Number.isFinite) ? vector : new Float32Array(embedder.dimensions);
}

/** An embedder that need not be asked about some texts. @param vectors of all of them, or of none */
export function knowing(embedder: Embedder, texts: readonly string[], vectors: Float32Array): Embedder {
  if (vectors.length === 0) return embedder;
  const { dimensions, id } = embedder;
  const places = new Map(texts.map((text, i) => [text, i * dimensions]));
  return {
    ...{ dimensions, id },
    async embed(asked) {
      const missing = asked.filter((text) => !places.has(text));
      const made = await embedAll(embedder, missing);
      let next = 0;
      return asked.map((text) => {
        const at = places.get(text);
        if (at !== undefined) return vectors.subarray(at, at + dimensions);
        return made.subarray(next * dimensions, ++next * dimensions);
      });
    },
  };
}
