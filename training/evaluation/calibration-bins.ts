/** One bin of a reliability diagram. */
export interface CalibrationBin {
  readonly rows: number;
  /** Mean predicted probability. */
  readonly predicted: number;
  /** Mean label. */
  readonly observed: number;
  /** Standard error of `observed - predicted`; null for one row. */
  readonly standardError: number | null;
}

/**
 * Bins of equal mass (adaptive: Nguyen and O'Connor 2015, section 3), by ascending probability. Equal
 * probabilities are never parted, so there may be fewer bins than asked for. Pairs with a NaN are left out.
 *
 * @param probabilities `[rows]` @param labels `[rows]`, in [0, 1]; fractions are fine
 */
export function calibrationBins(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  bins: number,
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
    found.push(summarise(order.slice(start, end), probabilities, labels));
    start = end;
  }
  return found;
}

function summarise(
  rows: readonly number[],
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
): CalibrationBin {
  let predicted = 0;
  let observed = 0;
  for (const row of rows) {
    predicted += probabilities[row];
    observed += labels[row];
  }
  predicted /= rows.length;
  observed /= rows.length;
  let squares = 0;
  for (const row of rows) squares += (labels[row] - probabilities[row] - (observed - predicted)) ** 2;
  const standardError = rows.length < 2 ? null : Math.sqrt(squares / (rows.length - 1) / rows.length);
  return { rows: rows.length, predicted, observed, standardError };
}
