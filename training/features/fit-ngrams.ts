import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import {
  createNgramCounter,
  createRandom,
  createTextScan,
  type NgramSpec,
  type NgramTable,
  prepareText,
  scanText,
} from 'pointsman/internal';

export interface NgramTableOptions extends NgramSpec {
  /** Columns of the dense block. */
  readonly dimensions: number;
  /** An n-gram in fewer texts than this is left out. @default 2 */
  readonly minDocuments?: number;
  readonly seed: number;
}

/**
 * Fits the n-gram block on the texts of the fit split: document frequencies, then latent semantic analysis
 * (truncated SVD of TF-IDF, Deerwester et al. 1990) for the projection, kept as int8.
 *
 * @param texts prompts; at least one. More than 20,000 are thinned evenly for the projection, not for the frequencies.
 */
export function fitNgramTable(texts: readonly string[], options: NgramTableOptions): NgramTable {
  const { buckets, minDocuments = 2 } = options;
  const counts = countAll(texts, options);
  const idf = new Float32Array(buckets);
  for (const bucket of counts.columns) idf[bucket]++;
  for (let b = 0; b < buckets; b++)
    idf[b] = idf[b] < minDocuments ? 0 : Math.log((1 + texts.length) / (1 + idf[b])) + 1;
  weigh(counts, idf);
  const dimensions = Math.min(options.dimensions, texts.length);
  const directions = truncatedSvd(counts, buckets, dimensions, options.seed);
  return quantise(directions, idf, options.dimensions, dimensions);
}

function countAll(texts: readonly string[], spec: NgramSpec): SparseRows {
  const counter = createNgramCounter(spec);
  const scan = createTextScan();
  const offsets = new Int32Array(texts.length + 1);
  const rows = texts.map((text, row) => {
    const prepared = prepareText(text);
    scanText(prepared, scan);
    const { size, buckets, counts } = counter.count(scan);
    offsets[row + 1] = offsets[row] + size;
    return { columns: buckets.slice(0, size), values: counts.slice(0, size) };
  });
  const columns = new Int32Array(offsets[texts.length]);
  const values = new Float32Array(offsets[texts.length]);
  rows.forEach((row, i) => {
    columns.set(row.columns, offsets[i]);
    values.set(row.values, offsets[i]);
  });
  return { rows: texts.length, offsets, columns, values };
}

/** Counts to unit-length TF-IDF, in place; must stay the same sum as `createNgramBlock` makes. */
function weigh({ rows, offsets, columns, values }: SparseRows, idf: Float32Array): void {
  for (let row = 0; row < rows; row++) {
    let squares = 0;
    for (let i = offsets[row]; i < offsets[row + 1]; i++) {
      values[i] = (1 + Math.log(values[i])) * idf[columns[i]];
      squares += values[i] * values[i];
    }
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let i = offsets[row]; i < offsets[row + 1]; i++) values[i] *= scale;
  }
}

/** One int8 step a column. Columns beyond the rank of the texts stay zero. */
function quantise(directions: Float64Array, idf: Float32Array, dimensions: number, rank: number): NgramTable {
  const buckets = idf.length;
  const steps = new Float32Array(dimensions);
  const projection = new Int8Array(buckets * dimensions);
  for (let d = 0; d < rank; d++) {
    let largest = 0;
    for (let b = 0; b < buckets; b++) largest = Math.max(largest, Math.abs(directions[b * rank + d]));
    steps[d] = largest / 127;
    if (largest === 0) continue;
    for (let b = 0; b < buckets; b++)
      if (idf[b] > 0) projection[b * dimensions + d] = Math.round(directions[b * rank + d] / steps[d]);
  }
  return { buckets, dimensions, idf, steps, projection };
}

/** A sparse matrix, row by row (CSR). */
export interface SparseRows {
  readonly rows: number;
  /** Row r is entries offsets[r] to offsets[r + 1]: [rows + 1] */
  readonly offsets: Int32Array;
  readonly columns: Int32Array; // [entries]
  readonly values: Float32Array; // [entries]
}

const OVERSAMPLING = 10;
const POWER_STEPS = 3;
const MOST_ROWS = 20_000;

/**
 * The right singular vectors of the largest singular values, by randomised subspace iteration
 * (Halko, Martinsson and Tropp 2011, algorithm 4.4). Signs are fixed, so that the same seed gives the same numbers.
 *
 * @param matrix `[rows, columns]`; of more than 20,000 rows every k-th is used.
 * @returns `[columns, rank]`, row-major, orthonormal columns; zeros where the matrix has lower rank.
 */
export function truncatedSvd(matrix: SparseRows, columns: number, rank: number, seed: number): Float64Array {
  const sample = thin(matrix, MOST_ROWS);
  const width = Math.min(rank + OVERSAMPLING, sample.rows);
  const random = createRandom(seed);
  let left = new Float64Array(sample.rows * width).map(() => random.normal());
  let right = new Float64Array(columns * width);
  for (let step = 0; step <= POWER_STEPS; step++) {
    left = orthonormalised(left, sample.rows, width);
    right = transposedTimes(sample, left, columns, width);
    if (step < POWER_STEPS) left = times(sample, right, width);
  }
  // right = matrix' Q: its singular vectors on the left are the matrix's on the right.
  const { values, vectors } = gramEigen(right, columns, width);
  const result = new Float64Array(columns * rank);
  // Most buckets are empty where there are few texts.
  const used = Int32Array.from(new Set(sample.columns)).sort();
  for (let k = 0; k < Math.min(rank, width); k++) {
    const singular = Math.sqrt(Math.max(0, values[k]));
    if (singular < 1e-9) continue;
    let peak = 0;
    for (const c of used) {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += right[c * width + j] * vectors[k][j];
      result[c * rank + k] = sum / singular;
      if (Math.abs(sum) > Math.abs(peak)) peak = sum;
    }
    if (peak < 0) for (let c = 0; c < columns; c++) result[c * rank + k] *= -1;
  }
  return result;
}

function thin(matrix: SparseRows, most: number): SparseRows {
  const every = Math.ceil(matrix.rows / most);
  if (every <= 1) return matrix;
  const kept = Array.from({ length: Math.ceil(matrix.rows / every) }, (_, i) => i * every);
  const offsets = new Int32Array(kept.length + 1);
  kept.forEach((row, i) => {
    offsets[i + 1] = offsets[i] + matrix.offsets[row + 1] - matrix.offsets[row];
  });
  const columns = new Int32Array(offsets[kept.length]);
  const values = new Float32Array(offsets[kept.length]);
  kept.forEach((row, i) => {
    columns.set(matrix.columns.subarray(matrix.offsets[row], matrix.offsets[row + 1]), offsets[i]);
    values.set(matrix.values.subarray(matrix.offsets[row], matrix.offsets[row + 1]), offsets[i]);
  });
  return { rows: kept.length, offsets, columns, values };
}

/** matrix · right: [rows, width] */
function times(matrix: SparseRows, right: Float64Array, width: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(matrix.rows * width);
  for (let row = 0; row < matrix.rows; row++) {
    const to = row * width;
    for (let i = matrix.offsets[row]; i < matrix.offsets[row + 1]; i++) {
      const value = matrix.values[i];
      const from = matrix.columns[i] * width;
      for (let j = 0; j < width; j++) out[to + j] += value * right[from + j];
    }
  }
  return out;
}

/** matrix' · left: [columns, width] */
function transposedTimes(matrix: SparseRows, left: Float64Array, columns: number, width: number) {
  const out = new Float64Array(columns * width);
  for (let row = 0; row < matrix.rows; row++) {
    const from = row * width;
    for (let i = matrix.offsets[row]; i < matrix.offsets[row + 1]; i++) {
      const value = matrix.values[i];
      const to = matrix.columns[i] * width;
      for (let j = 0; j < width; j++) out[to + j] += value * left[from + j];
    }
  }
  return out;
}

/** An orthonormal basis of the columns of `a`, by the eigenvectors of their Gram matrix: [rows, width] */
function orthonormalised(a: Float64Array, rows: number, width: number): Float64Array<ArrayBuffer> {
  const { values, vectors } = gramEigen(a, rows, width);
  const out = new Float64Array(rows * width);
  for (let k = 0; k < width; k++) {
    if (values[k] <= 1e-12 * values[0]) break;
    const scale = 1 / Math.sqrt(values[k]);
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += a[row * width + j] * vectors[k][j];
      out[row * width + k] = sum * scale;
    }
  }
  return out;
}

/** Eigenvalues of a' · a, largest first, and their vectors: [width], [width][width] */
function gramEigen(a: Float64Array, rows: number, width: number): { values: number[]; vectors: number[][] } {
  const gram = Matrix.zeros(width, width);
  const sums = new Float64Array(width * width);
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < width; i++) {
      const value = a[row * width + i];
      if (value === 0) continue;
      for (let j = 0; j <= i; j++) sums[i * width + j] += value * a[row * width + j];
    }
  for (let i = 0; i < width; i++)
    for (let j = 0; j <= i; j++) gram.set(i, j, sums[i * width + j]).set(j, i, sums[i * width + j]);
  const eigen = new EigenvalueDecomposition(gram, { assumeSymmetric: true });
  const order = eigen.realEigenvalues
    .map((_, i) => i)
    .sort((i, j) => eigen.realEigenvalues[j] - eigen.realEigenvalues[i]);
  return {
    values: order.map((i) => eigen.realEigenvalues[i]),
    vectors: order.map((i) => eigen.eigenvectorMatrix.getColumn(i)),
  };
}

/** Writes a table, as `decodeNgramTable` reads it. Little-endian: idf float32 [buckets], steps float32 [dimensions], projection int8 [buckets, dimensions]. */
export function encodeNgramTable(table: NgramTable): Uint8Array {
  const floats = table.buckets + table.dimensions;
  const bytes = new Uint8Array(floats * 4 + table.buckets * table.dimensions);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < table.buckets; i++) view.setFloat32(i * 4, table.idf[i], true);
  for (let i = 0; i < table.dimensions; i++) view.setFloat32((table.buckets + i) * 4, table.steps[i], true);
  bytes.set(
    new Uint8Array(table.projection.buffer, table.projection.byteOffset, table.projection.length),
    floats * 4,
  );
  return bytes;
}
