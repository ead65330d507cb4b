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
