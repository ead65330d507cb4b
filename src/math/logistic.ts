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

/**
 * Log-loss in nats of logit `z` against a label in [0, 1] (fractions allowed): -y ln p - (1 - y) ln(1 - p).
 * An infinite logit costs 0 when it is right and Infinity when it is wrong. NaN gives NaN.
 */
export function binaryCrossEntropy(z: number, label: number): number {
  // 0 * Infinity would be NaN where the label is certain.
  const positive = label === 0 ? 0 : -label * logSigmoid(z);
  const negative = label === 1 ? 0 : -(1 - label) * logSigmoid(-z);
  return positive + negative;
}

/** ln(sigmoid(x)) without underflow: about x for very negative x. -Infinity gives -Infinity; NaN gives NaN. */
export function logSigmoid(x: number): number {
  return x >= 0 ? -Math.log1p(Math.exp(-x)) : x - Math.log1p(Math.exp(x));
}

/** ln(sum of exp(x)), without overflow. Empty, or all -Infinity: -Infinity. Any NaN: NaN. */
export function logSumExp(values: ArrayLike<number>): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) return Number.NaN;
    if (values[i] > highest) highest = values[i];
  }
  if (!Number.isFinite(highest)) return highest;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i] - highest);
  return highest + Math.log(sum);
}

/** ln(p / (1 - p)), the inverse of sigmoid. 0 and 1 give ∓Infinity; outside [0, 1], or NaN, NaN. */
export function logit(p: number): number {
  return Math.log(p) - Math.log1p(-p);
}

/** 1 / (1 + exp(-x)), accurate in both tails. ±Infinity give 1 and 0; NaN gives NaN. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}
