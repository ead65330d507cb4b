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
