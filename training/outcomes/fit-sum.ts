const STEPS = 25;
const SWEEPS = 1000;

/** Rows are taken evenly spaced from longer columns: some thousands say as much. */
const MOST_ROWS = 4000;

/** What is known of a weight beforehand. */
interface WeightPrior {
  readonly weight: number;
  /** As so many rows. */
  readonly rows: number;
}

/**
 * Weights >= 0 of the sum of columns that is nearest to `y` in the median of relative errors, so that outliers have
 * little say: iteratively reweighted least squares (Schlossmacher 1973).
 *
 * @param columns `[columns][rows]`, finite
 * @param y amounts > 0 `[rows]`
 * @param priors by column; undefined: none
 * @returns `[columns]`
 */
export function fitSum(
  columns: readonly Float64Array[],
  y: Float64Array,
  priors: readonly (WeightPrior | undefined)[] = [],
): Float64Array {
  const size = columns.length;
  const stride = Math.max(1, Math.ceil(y.length / MOST_ROWS));
  const weights = new Float64Array(size);
  const row = new Float64Array(size);
  for (let step = 0; step < STEPS; step++) {
    const moments = new Float64Array(size * size);
    const targets = new Float64Array(size);
    for (let i = 0; i < y.length; i += stride) {
      let sum = 0;
      for (let c = 0; c < size; c++) {
        row[c] = columns[c][i] / y[i];
        sum += weights[c] * row[c];
      }
      // The first step is least squares.
      const importance = step === 0 ? 1 : 1 / Math.max(Math.abs(1 - sum), 1e-3);
      for (let c = 0; c < size; c++) {
        targets[c] += importance * row[c];
        for (let d = 0; d < size; d++) moments[c * size + d] += importance * row[c] * row[d];
      }
    }
    const rows = Math.ceil(y.length / stride);
    for (let c = 0; c < size; c++) {
      const prior = priors[c];
      if (prior === undefined) continue;
      const pull = (prior.rows / rows) * moments[c * size + c];
      moments[c * size + c] += pull;
      targets[c] += pull * prior.weight;
    }
    solveNonNegative(moments, targets, weights);
  }
  return weights;
}

/** Least squares under w >= 0, from its normal equations, by coordinate descent from `weights` on, in place. */
function solveNonNegative(moments: Float64Array, targets: Float64Array, weights: Float64Array): void {
  const size = weights.length;
  for (let sweep = 0, moved = 1; sweep < SWEEPS && moved > 1e-9; sweep++) {
    moved = 0;
    for (let c = 0; c < size; c++) {
      let rest = targets[c];
      for (let d = 0; d < size; d++) if (d !== c) rest -= moments[c * size + d] * weights[d];
      const own = moments[c * size + c];
      const weight = own > 0 ? Math.max(0, rest / own) : 0;
      moved = Math.max(moved, Math.abs(weight - weights[c]) * Math.sqrt(own));
      weights[c] = weight;
    }
  }
}
