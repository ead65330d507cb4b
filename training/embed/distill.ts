import { createHash } from 'node:crypto';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { buildPieceTrie, encodeStaticTable, type StaticTable } from 'pointsman/internal';

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
      const x = product(vectors[a], vectors[b]) - meanX;
      const y = product(reference[a], reference[b]) - meanY;
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

function product(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
