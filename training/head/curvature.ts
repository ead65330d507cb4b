import type { TensorFlow } from '../fit/backend.ts';
import { type Cholesky, cholesky } from './cholesky.ts';
import { type Matrix, takeRows } from './matrix.ts';

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
  for (let i = 0; i < picked.values.length; i++) diagonal[i % columns] += picked.values[i] ** 2 / used;
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
  const moments = Float64Array.from(products, (x) => ((1 - mix) * x) / used);
  for (let j = 0; j < columns; j++) moments[j * columns + j] += mix * diagonal[j] + 1e-9;
  return {
    diagonal,
    factor(weight, penalties) {
      const matrix = moments.map((x) => weight * x);
      for (let j = 0; j < columns; j++) matrix[j * columns + j] += penalties[j];
      return cholesky(matrix, columns);
    },
  };
}

/** `count` of the indices below `total`, ascending and evenly spread. */
function evenly(total: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => Math.floor((i * total) / count));
}
