/** A mean and how far off it may be. */
interface ClusteredMean {
  readonly mean: number;
  /** Rows of a group vary together, so the error is that of the groups' sums; Infinity for fewer than two groups. */
  readonly standardError: number;
  /** With a value and a weight. */
  readonly groups: number;
}

/** On fewer near-duplicate groups than these nothing is learned: the error of a mean of so few is too unsure itself. */
export const FEWEST_GROUPS = 10;

/**
 * Mean of the values that are not NaN, and its error by groups (Liang and Zeger 1986; of a weighted mean: Cochran 1977, section
 * 2.11). None: mean 0 and an infinite error.
 * @param groups near-duplicate group of each value @param weights >= 0. Null: all alike
 */
export function clusteredMean(
  values: Float64Array,
  groups: ArrayLike<number>,
  weights: ArrayLike<number> | null = null,
): ClusteredMean {
  const weightOf = (i: number) => (Number.isNaN(values[i]) ? 0 : weights === null ? 1 : weights[i]);
  let [sum, total] = [0, 0];
  values.forEach((value, i) => {
    const weight = weightOf(i);
    if (!(weight > 0)) return;
    sum += weight * value;
    total += weight;
  });
  if (total === 0) return { mean: 0, standardError: Number.POSITIVE_INFINITY, groups: 0 };
  const mean = sum / total;
  const sums = new Map<number, number>();
  values.forEach((value, i) => {
    const weight = weightOf(i);
    if (weight > 0) sums.set(groups[i], (sums.get(groups[i]) ?? 0) + weight * (value - mean));
  });
  let squares = 0;
  for (const groupSum of sums.values()) squares += groupSum * groupSum;
  const correction = sums.size / (sums.size - 1);
  return {
    mean,
    standardError: sums.size < 2 ? Number.POSITIVE_INFINITY : Math.sqrt(correction * squares) / total,
    groups: sums.size,
  };
}
