export interface Moments {
  /** How many values were not NaN. */
  readonly count: number;
  /** NaN when count is 0. */
  readonly mean: number;
  /** Sample variance (divided by count - 1). NaN when count < 2. */
  readonly variance: number;
}

/** Mean and variance in one stable pass (Welford 1962), skipping NaN. */
export function moments(values: ArrayLike<number>): Moments {
  let count = 0;
  let mean = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (Number.isNaN(value)) continue;
    count++;
    const before = value - mean;
    mean += before / count;
    squares += before * (value - mean);
  }
  return {
    count,
    mean: count === 0 ? Number.NaN : mean,
    variance: count < 2 ? Number.NaN : squares / (count - 1),
  };
}
