import { EmbeddingError } from 'pointsman';
import type { Embedder, SyncEmbedder } from 'pointsman/embedder';
import { EmbeddingCache } from '../embed/embed.ts';

export interface EmbedAllOptions {
  /** Where vectors are kept from run to run. @default none are kept */
  cacheFolder?: string;
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
