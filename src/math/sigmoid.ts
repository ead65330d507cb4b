/** 1 / (1 + exp(-x)), accurate in both tails. ±Infinity give 1 and 0; NaN gives NaN. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}
