import type { CalibrationBin } from '../evaluate/metrics.ts';
import { debiasedCalibrationError } from '../evaluation/debiased-calibration-error.ts';
import { clusteredMean } from '../fit/rows.ts';

const BINS = 10;

/**
 * Calibration error as it would be had every cell been seen: each one that was counts by its weight, the inverse of its
 * propensity. Bins of equal mass by probability; what sampling noise adds is taken off as in
 * `debiasedCalibrationError`. Cells with a NaN are left out.
 *
 * @param probabilities `[cells]` @param labels `[cells]`, 0 to 1 @param weights `[cells]`, >= 0
 * @param groups near-duplicate group of each cell
 * @returns null where no cell has all three
 */
export function weightedCalibration(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights: ArrayLike<number>,
  groups: ArrayLike<number>,
): number | null {
  const order: number[] = [];
  let total = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (Number.isNaN(probabilities[i]) || Number.isNaN(labels[i]) || !(weights[i] > 0)) continue;
    order.push(i);
    total += weights[i];
  }
  if (order.length === 0) return null;
  order.sort((a, b) => probabilities[a] - probabilities[b]);
  const bins: CalibrationBin[] = [];
  let cells: number[] = [];
  let mass = 0;
  order.forEach((cell, at) => {
    cells.push(cell);
    mass += weights[cell];
    const next = order[at + 1];
    const whole = mass >= ((bins.length + 1) * total) / BINS;
    if (next !== undefined && (!whole || probabilities[next] === probabilities[cell])) return;
    bins.push(summarise(cells, probabilities, labels, weights, groups));
    cells = [];
  });
  return debiasedCalibrationError(bins);
}

/** `rows` is the weight of the bin; the standard error is that of a weighted mean (Cochran 1977, section 2.11). */
function summarise(
  cells: readonly number[],
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights: ArrayLike<number>,
  groups: ArrayLike<number>,
): CalibrationBin {
  let [total, predicted, observed] = [0, 0, 0];
  for (const cell of cells) {
    total += weights[cell];
    predicted += weights[cell] * probabilities[cell];
    observed += weights[cell] * labels[cell];
  }
  predicted /= total;
  observed /= total;
  const { standardError } = clusteredMean(
    Float64Array.from(cells, (cell) => labels[cell] - probabilities[cell]),
    cells.map((cell) => groups[cell]),
    cells.map((cell) => weights[cell]),
  );
  return {
    rows: total,
    predicted,
    observed,
    standardError: Number.isFinite(standardError) ? standardError : null,
  };
}
