/** A mean and how far off it may be. */
export interface ClusteredMean {
  readonly mean: number;
  /** Rows of a group vary together, so the error is that of the groups' sums; Infinity for fewer than two groups. */
  readonly standardError: number;
}

/** Mean of the values that are not NaN. None: mean 0 and an infinite error. */
export function clusteredMean(values: Float64Array, groups: ArrayLike<number>): ClusteredMean {
  let [sum, count] = [0, 0];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  if (count === 0) return { mean: 0, standardError: Number.POSITIVE_INFINITY };
  const mean = sum / count;
  const sums = new Map<number, number>();
  values.forEach((value, i) => {
    if (!Number.isNaN(value)) sums.set(groups[i], (sums.get(groups[i]) ?? 0) + value - mean);
  });
  let squares = 0;
  for (const groupSum of sums.values()) squares += groupSum * groupSum;
  const correction = sums.size / (sums.size - 1);
  return {
    mean,
    standardError: sums.size < 2 ? Number.POSITIVE_INFINITY : Math.sqrt(correction * squares) / count,
  };
}
