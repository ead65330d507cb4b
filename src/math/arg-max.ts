/** Index of the largest value, the first of equals. NaN is skipped. Empty, or all NaN: -1. */
export function argMax(values: ArrayLike<number>): number {
  let best = -1;
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value > highest || (best < 0 && !Number.isNaN(value))) {
      best = i;
      highest = value;
    }
  }
  return best;
}
