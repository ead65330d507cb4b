import type { TensorFlow } from './backend.ts';
import { type Matrix, takeRows } from './rows.ts';

/** Second moments of the features, from which the curvature of any linear fit follows. */
export interface Curvature {
  /** Factor of `weight * second moments + penalties`; null where there are too many features to factor. */
  factor(weight: number, penalties: Float64Array): Cholesky | null;
  /** Mean square of each feature. `[inputs]` */
  readonly diagonal: Float64Array;
}

/** More rows than this add nothing to a preconditioner that is worth their time. */
const mostRows = 8192;

/** Factoring takes inputs³ / 3 multiplications; beyond this the diagonal must do. */
const mostInputs = 1600;

/**
 * @param sample rows to look at, spread evenly over the matrix. @default at most 8192
 */
export function measureCurvature(tf: TensorFlow, features: Matrix, sample = mostRows): Curvature {
  const { columns } = features;
  const used = Math.min(features.rows, sample);
  const picked = takeRows(features, evenly(features.rows, used));
  const diagonal = new Float64Array(columns);
  for (let row = 0; row < used; row++) {
    for (let j = 0; j < columns; j++) diagonal[j] += picked.values[row * columns + j] ** 2 / used;
  }
  if (columns > mostInputs) return { diagonal, factor: () => null };
  const gram = tf.tidy(() => {
    const rows = tf.tensor2d(picked.values, [used, columns]);
    return tf.matMul(tf.transpose(rows), rows);
  });
  // Read outside of `tidy`, which would search every number of what it returns for tensors.
  const products = gram.dataSync();
  gram.dispose();
  // A sample knows the directions it spans too well: mix in its diagonal, the more the fewer rows it has.
  const mix = used === features.rows ? 1e-6 : Math.min(0.5, columns / (4 * used));
  const moments = new Float64Array(products.length);
  for (let i = 0; i < moments.length; i++) moments[i] = ((1 - mix) * products[i]) / used;
  for (let j = 0; j < columns; j++) moments[j * columns + j] += mix * diagonal[j] + 1e-9;
  return {
    diagonal,
    factor(weight, penalties) {
      const matrix = new Float64Array(moments.length);
      for (let i = 0; i < matrix.length; i++) matrix[i] = weight * moments[i];
      for (let j = 0; j < columns; j++) matrix[j * columns + j] += penalties[j];
      return cholesky(matrix, columns);
    },
  };
}

/** `count` of the indices below `total`, ascending and evenly spread. */
function evenly(total: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => Math.floor((i * total) / count));
}

/** A positive definite matrix, factored: A = L Lᵀ. */
interface Cholesky {
  readonly size: number;
  /** Solves A X = B in place, B being the first `size` rows of `[rows, columns]`. */
  solveInPlace(b: Float64Array, columns: number): void;
  /** Solves Lᵀ X = B in place, `[size, columns]`. */
  solveTransposedInPlace(b: Float64Array, columns: number): void;
  /** L, zeros above its diagonal: `[size, size]` */
  lower(): Float32Array<ArrayBuffer>;
}

/**
 * How many rows, or right-hand sides, are worked on together. Each is a sum that waits for its last step; four at once keep a
 * processor busy, and read the factor once. What is added to what, in which order, is the same as one by one.
 */
const TOGETHER = 4;

/**
 * Factors the symmetric `[size, size]` matrix (row-major) in its place. A pivot that is not positive is raised to a
 * billionth of the largest on the diagonal, so that a matrix that is only nearly positive definite still gives a
 * usable, positive definite factor.
 */
export function cholesky(lower: Float64Array, size: number): Cholesky {
  let largest = 0;
  for (let i = 0; i < size; i++) largest = Math.max(largest, lower[i * size + i]);
  const floor = Math.max(largest * 1e-9, Number.MIN_VALUE);
  for (let from = 0; from < size; from += TOGETHER) {
    const to = Math.min(size, from + TOGETHER);
    const whole = to - from === TOGETHER;
    if (whole) for (let j = 0; j < from; j++) factorFour(lower, size, from, j);
    for (let i = from; i < to; i++)
      for (let j = whole ? from : 0; j <= i; j++) factorOne(lower, size, i, j, floor);
  }
  const four = new Float64Array(TOGETHER * size);
  return {
    size,
    lower: () =>
      Float32Array.from({ length: size * size }, (_, at) =>
        at % size <= Math.floor(at / size) ? lower[at] : 0,
      ),
    solveTransposedInPlace(b, columns) {
      for (let i = size - 1; i >= 0; i--)
        for (let c = 0; c < columns; c++) {
          b[i * columns + c] /= lower[i * size + i];
          const value = b[i * columns + c];
          for (let k = 0; k < i; k++) b[k * columns + c] -= lower[i * size + k] * value;
        }
    },
    solveInPlace(b, columns) {
      for (let from = 0; from < columns; from += TOGETHER) {
        const count = Math.min(TOGETHER, columns - from);
        for (let i = 0; i < size; i++)
          for (let c = 0; c < count; c++) four[TOGETHER * i + c] = b[i * columns + from + c];
        solveFour(lower, size, four);
        for (let i = 0; i < size; i++)
          for (let c = 0; c < count; c++) b[i * columns + from + c] = four[TOGETHER * i + c];
      }
    },
  };
}

/** Sums over even and odd positions are kept apart, for the same reason. */
function factorOne(lower: Float64Array, size: number, i: number, j: number, floor: number): void {
  const [a, b] = [i * size, j * size];
  let even = 0;
  let odd = 0;
  let k = 0;
  for (; k + 1 < j; k += 2) {
    even += lower[a + k] * lower[b + k];
    odd += lower[a + k + 1] * lower[b + k + 1];
  }
  if (k < j) even += lower[a + k] * lower[b + k];
  const rest = lower[a + j] - even - odd;
  lower[a + j] = i === j ? Math.sqrt(Math.max(rest, floor)) : rest / lower[b + j];
}

/** Column j of rows i to i + 3. */
function factorFour(lower: Float64Array, size: number, i: number, j: number): void {
  const a0 = i * size;
  const a1 = a0 + size;
  const a2 = a1 + size;
  const a3 = a2 + size;
  const b = j * size;
  let [even0, even1, even2, even3] = [0, 0, 0, 0];
  let [odd0, odd1, odd2, odd3] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 1 < j; k += 2) {
    const even = lower[b + k];
    const odd = lower[b + k + 1];
    even0 += lower[a0 + k] * even;
    odd0 += lower[a0 + k + 1] * odd;
    even1 += lower[a1 + k] * even;
    odd1 += lower[a1 + k + 1] * odd;
    even2 += lower[a2 + k] * even;
    odd2 += lower[a2 + k + 1] * odd;
    even3 += lower[a3 + k] * even;
    odd3 += lower[a3 + k + 1] * odd;
  }
  if (k < j) {
    const even = lower[b + k];
    even0 += lower[a0 + k] * even;
    even1 += lower[a1 + k] * even;
    even2 += lower[a2 + k] * even;
    even3 += lower[a3 + k] * even;
  }
  const pivot = lower[b + j];
  lower[a0 + j] = (lower[a0 + j] - even0 - odd0) / pivot;
  lower[a1 + j] = (lower[a1 + j] - even1 - odd1) / pivot;
  lower[a2 + j] = (lower[a2 + j] - even2 - odd2) / pivot;
  lower[a3 + j] = (lower[a3 + j] - even3 - odd3) / pivot;
}

/** Solves L Lᵀ X = B in place for B of `[size, 4]`. */
function solveFour(lower: Float64Array, size: number, x: Float64Array): void {
  for (let i = 0; i < size; i++) {
    const row = i * size;
    const at = TOGETHER * i;
    let x0 = x[at];
    let x1 = x[at + 1];
    let x2 = x[at + 2];
    let x3 = x[at + 3];
    for (let k = 0; k < i; k++) {
      const l = lower[row + k];
      const from = TOGETHER * k;
      x0 -= l * x[from];
      x1 -= l * x[from + 1];
      x2 -= l * x[from + 2];
      x3 -= l * x[from + 3];
    }
    const pivot = lower[row + i];
    x[at] = x0 / pivot;
    x[at + 1] = x1 / pivot;
    x[at + 2] = x2 / pivot;
    x[at + 3] = x3 / pivot;
  }
  for (let i = size - 1; i >= 0; i--) {
    const row = i * size;
    const at = TOGETHER * i;
    const pivot = lower[row + i];
    const x0 = x[at] / pivot;
    const x1 = x[at + 1] / pivot;
    const x2 = x[at + 2] / pivot;
    const x3 = x[at + 3] / pivot;
    x[at] = x0;
    x[at + 1] = x1;
    x[at + 2] = x2;
    x[at + 3] = x3;
    // By rows of L, so that memory is read in order.
    for (let k = 0; k < i; k++) {
      const l = lower[row + k];
      const to = TOGETHER * k;
      x[to] -= l * x0;
      x[to + 1] -= l * x1;
      x[to + 2] -= l * x2;
      x[to + 3] -= l * x3;
    }
  }
}
