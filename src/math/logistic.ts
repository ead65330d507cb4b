/**
 * Softmax of `logits / temperature` into `out` (may be the same array), which sums to 1. A logit of -Infinity is
 * a masked entry: probability 0. All masked: all 0. A NaN, or a +Infinity, makes every entry NaN.
 * @param temperature > 0. @default 1
 */
export function softmaxInto(
  logits: ArrayLike<number>,
  out: Float32Array | Float64Array,
  temperature = 1,
): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (!(logits[i] <= highest)) highest = logits[i];
  if (highest === Number.NEGATIVE_INFINITY) {
    out.fill(0, 0, logits.length);
    return;
  }
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const e = Math.exp((logits[i] - highest) / temperature);
    out[i] = e;
    sum += e;
  }
  const scale = 1 / sum;
  for (let i = 0; i < logits.length; i++) out[i] *= scale;
}
