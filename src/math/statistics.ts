/**
 * The p-quantile, linear between order statistics (Hyndman and Fan 1996, type 7; numpy's default). NaN is
 * skipped. Empty: NaN. @param p clamped to [0, 1]
 */
export function quantile(values: ArrayLike<number>, p: number): number {
  return quantileSorted(
    Float64Array.from(values)
      .filter((value) => !Number.isNaN(value))
      .sort(),
    p,
  );
}

/** The same of values that are sorted ascending and hold no NaN. */
export function quantileSorted(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) return Number.NaN;
  const position = Math.min(1, Math.max(0, p)) * (sorted.length - 1);
  const below = Math.floor(position);
  const fraction = position - below;
  const low = sorted[below];
  return fraction === 0 ? low : low + fraction * (sorted[below + 1] - low);
}

/**
 * Whether no entry is NaN or infinite. Empty: true. Three searches in the engine's own code are ready at once; a loop
 * here would run interpreted, as tables are checked once a load.
 */
export function allFinite(values: Float32Array | Float64Array): boolean {
  return !values.includes(Number.NaN) && !values.includes(Infinity) && !values.includes(-Infinity);
}

/** Index of the smallest value, the first of equals. NaN is skipped. Empty, or all NaN: -1. */
export function argMin(values: ArrayLike<number>): number {
  let best = -1;
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value < lowest || (best < 0 && !Number.isNaN(value))) {
      best = i;
      lowest = value;
    }
  }
  return best;
}

/** Sum of a[i] * b[i] over the shorter length, in double precision. Empty: 0. NaN spreads. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const length = Math.min(a.length, b.length);
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * The largest of any number of values. `Math.max(...values)` puts every value on the call stack, which overflows at
 * some 120,000 of them. Empty: -Infinity; NaN where any value is.
 */
export function largest(values: Iterable<number>): number {
  let found = Number.NEGATIVE_INFINITY;
  for (const value of values) found = Math.max(found, value);
  return found;
}

/** The smallest of any number of values. Empty: Infinity; NaN where any value is. */
export function smallest(values: Iterable<number>): number {
  let found = Number.POSITIVE_INFINITY;
  for (const value of values) found = Math.min(found, value);
  return found;
}

/** Mean of the values that are not NaN. None: NaN. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) continue;
    sum += values[i];
    count++;
  }
  return count === 0 ? Number.NaN : sum / count;
}

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
