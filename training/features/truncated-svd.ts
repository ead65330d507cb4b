import { createRandom } from 'pointsman/math';
import { orthonormalise } from './orthonormalise.ts';
import type { SparseRows } from './sparse-rows.ts';
import { symmetricEigen } from './symmetric-eigen.ts';

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
    orthonormalise(left, sample.rows, width);
    right = transposedTimes(sample, left, columns, width);
    if (step < POWER_STEPS) left = times(sample, right, width);
  }
  // right = matrix' Q: its singular vectors on the left are the matrix's on the right.
  const { vectors, values } = symmetricEigen(gram(right, columns, width), width);
  const result = new Float64Array(columns * rank);
  for (let k = 0; k < Math.min(rank, width); k++) {
    const singular = Math.sqrt(Math.max(0, values[k]));
    if (singular < 1e-9) continue;
    let peak = 0;
    for (let c = 0; c < columns; c++) {
      let sum = 0;
      for (let j = 0; j < width; j++) sum += right[c * width + j] * vectors[j * width + k];
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

/** a' · a: [width, width] */
function gram(a: Float64Array, rows: number, width: number): Float64Array {
  const out = new Float64Array(width * width);
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < width; i++) {
      const value = a[row * width + i];
      if (value === 0) continue;
      for (let j = 0; j <= i; j++) out[i * width + j] += value * a[row * width + j];
    }
  for (let i = 0; i < width; i++) for (let j = i + 1; j < width; j++) out[i * width + j] = out[j * width + i];
  return out;
}
