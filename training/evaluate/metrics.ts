import { clusteredMean } from '../fit/rows.ts';

/** One bin of a reliability diagram. */
export interface CalibrationBin {
  readonly rows: number;
  /** Mean predicted probability. */
  readonly predicted: number;
  /** Mean label. */
  readonly observed: number;
  /** Standard error of `observed - predicted`, rows of a near-duplicate group varying together; null for one group. */
  readonly standardError: number | null;
}

/**
 * Bins of equal mass (adaptive: Nguyen and O'Connor 2015, section 3), by ascending probability. Equal
 * probabilities are never parted, so there may be fewer bins than asked for. Pairs with a NaN are left out.
 *
 * @param probabilities `[rows]` @param labels `[rows]`, in [0, 1]; fractions are fine
 * @param groups near-duplicate group of each row; null: every row for itself
 */
export function calibrationBins(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  bins: number,
  groups: ArrayLike<number> | null,
): CalibrationBin[] {
  const order: number[] = [];
  for (let i = 0; i < probabilities.length; i++) {
    if (!Number.isNaN(probabilities[i]) && !Number.isNaN(labels[i])) order.push(i);
  }
  order.sort((a, b) => probabilities[a] - probabilities[b]);
  const found: CalibrationBin[] = [];
  let start = 0;
  for (let bin = 1; bin <= bins && start < order.length; bin++) {
    let end = Math.round((bin * order.length) / bins);
    if (end <= start) continue;
    while (end < order.length && probabilities[order[end]] === probabilities[order[end - 1]]) end++;
    found.push(summarise(order.slice(start, end), probabilities, labels, groups));
    start = end;
  }
  return found;
}

function summarise(
  rows: readonly number[],
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  groups: ArrayLike<number> | null,
): CalibrationBin {
  let predicted = 0;
  let observed = 0;
  for (const row of rows) {
    predicted += probabilities[row];
    observed += labels[row];
  }
  predicted /= rows.length;
  observed /= rows.length;
  const gaps = Float64Array.from(rows, (row) => labels[row] - probabilities[row]);
  const { standardError } = clusteredMean(gaps, groups === null ? rows : rows.map((row) => groups[row]));
  return {
    rows: rows.length,
    predicted,
    observed,
    standardError: Number.isFinite(standardError) ? standardError : null,
  };
}
