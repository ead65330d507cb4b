import { EigenvalueDecomposition, Matrix as Square } from 'ml-matrix';
import type { Manifest } from 'pointsman/artifact';
import { createRandom, quantileSorted } from 'pointsman/math';
import { readNovelty } from 'pointsman/novelty';
import { type Matrix, takeRows } from '../head/matrix.ts';
import type { Split } from '../split/split.ts';

interface FittedNovelty {
  readonly spec: NonNullable<Manifest['novelty']>;
  readonly bytes: Uint8Array;
}

const FILE = 'novelty.bin';

/** Directions weighed apart; what lies outside of them counts with one variance. */
const COMPONENTS = 32;
const OVERSAMPLING = 8;
const POWER_STEPS = 4;

/** A covariance needs no more. */
const MOST_ROWS = 4_000;

/** Share of unseen prompts of the same traffic that may count as novel. */
const FALSE_ALARMS = 0.01;

/**
 * Probabilistic PCA of the fit split's features (Tipping and Bishop 1999); its threshold is the distance that all but
 * one in a hundred prompts of the calibrate split, which it has not seen, stay under.
 *
 * @param features standardised, `[prompts, features]`
 * @returns null where the fit split's features do not vary: nothing can be told from what it has seen
 */
export function fitNovelty(
  features: Matrix,
  fit: Split<'fit'>,
  calibrate: Split<'calibrate'>,
  seed: number,
): FittedNovelty | null {
  const every = Math.ceil(fit.rows.length / MOST_ROWS);
  const sample = takeRows(
    features,
    fit.rows.filter((_, i) => i % every === 0),
  );
  const length = features.columns;
  const total = sample.values.reduce((sum, x) => sum + x * x, 0) / sample.rows;
  if (!(total > 0)) return null;
  const components = Math.min(COMPONENTS, Math.floor(sample.rows / 4), length - 1);
  const { directions, variances } = principalDirections(sample, components, seed);
  const explained = variances.reduce((sum, variance) => sum + variance, 0);
  // A tenth of the mean variance at least: directions that the fit split does not use at all would decide alone.
  const floor = (0.1 * total) / length;
  const residual = Math.max(floor, (total - explained) / (length - components));
  const numbers = [...variances.map((variance) => 1 / Math.max(variance, floor)), ...directions];
  const bytes = new Uint8Array(4 * numbers.length);
  const view = new DataView(bytes.buffer);
  numbers.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  const spec = { file: FILE, components, residualPrecision: 1 / residual, threshold: 1 };
  const score = readNovelty(spec, length, bytes);
  const rows = calibrate.rows.length > 0 ? calibrate.rows : fit.rows;
  const scores = Float64Array.from(rows, (row) =>
    score(features.values.subarray(row * length, (row + 1) * length)),
  );
  const threshold = Math.max(1e-6, quantileSorted(scores.sort(), 1 - FALSE_ALARMS));
  return { spec: { ...spec, threshold }, bytes };
}

/** Eigenvectors of the second moments, by subspace iteration; `directions` is `[components, length]`. */
function principalDirections(
  { rows, columns, values }: Matrix,
  components: number,
  seed: number,
): { readonly directions: number[]; readonly variances: number[] } {
  const width = Math.min(components + OVERSAMPLING, columns, rows);
  if (components < 1) return { directions: [], variances: [] };
  const random = createRandom(seed);
  const data = Square.from1DArray(rows, columns, values);
  let basis = Square.from1DArray(
    columns,
    width,
    Float64Array.from({ length: columns * width }, () => random.normal()),
  );
  for (let step = 0; step <= POWER_STEPS; step++) {
    basis = orthonormal(basis);
    if (step < POWER_STEPS) basis = data.transpose().mmul(data.mmul(basis));
  }
  const projected = data.mmul(basis);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(
    projected
      .transpose()
      .mmul(projected)
      .mul(1 / rows),
    { assumeSymmetric: true },
  );
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[b] - realEigenvalues[a]);
  const directions: number[] = [];
  for (const k of order.slice(0, components)) {
    const direction = basis.mmul(Square.columnVector(eigenvectorMatrix.getColumn(k))).to1DArray();
    for (const value of direction) directions.push(value);
  }
  return { directions, variances: order.slice(0, components).map((k) => realEigenvalues[k]) };
}

/** Gram–Schmidt, twice for the digits. Columns that vanish stay zero. */
function orthonormal(matrix: Square): Square {
  const columns = Array.from({ length: matrix.columns }, (_, j) => Float64Array.from(matrix.getColumn(j)));
  for (let pass = 0; pass < 2; pass++) {
    columns.forEach((column, j) => {
      for (let k = 0; k < j; k++) {
        const along = inner(columns[k], column);
        for (let i = 0; i < column.length; i++) column[i] -= along * columns[k][i];
      }
      const norm = Math.sqrt(inner(column, column));
      for (let i = 0; i < column.length; i++) column[i] = norm < 1e-9 ? 0 : column[i] / norm;
    });
  }
  return new Square(columns.map((column) => Array.from(column))).transpose();
}

function inner(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
