import { quantileSorted } from 'pointsman/math';

/** Thresholds that are tried lie at so many quantiles of the weights. */
const STEPS = 20;

/**
 * The weight above which switch-DR trusts the model rather than the outcome (Wang, Agarwal and Dudík 2017, arXiv
 * 1612.01205): the one with the smallest bound on the mean squared error. The bound is the estimated variance plus the square of the
 * bias, which is at most the policy's mass beyond the threshold times the largest possible error. That mass is itself
 * estimated by its weights, since a log rarely tells the propensity of what was not chosen.
 *
 * @param weights `[rows, candidates]` of `policyWeights`
 * @param errors observed minus expected, `[rows, candidates]`; read where the weight is above 0
 * @param model what the policy is worth by the model alone: `[rows]`
 * @param range largest possible error: 1 for qualities
 * @returns Infinity where nothing is to be gained, which makes it DR
 */
export function switchThreshold(
  weights: Float64Array,
  errors: Float64Array,
  model: Float64Array,
  range = 1,
): number {
  const rows = model.length;
  const candidates = weights.length / rows;
  const positive = weights.filter((weight) => weight > 0).sort();
  if (positive.length === 0) return Number.POSITIVE_INFINITY;
  const tried = new Set([
    Number.POSITIVE_INFINITY,
    ...Array.from({ length: STEPS }, (_, i) => quantileSorted(positive, 1 - i / STEPS)),
  ]);
  let best = Number.POSITIVE_INFINITY;
  let lowest = Number.POSITIVE_INFINITY;
  for (const threshold of tried) {
    const scores = model.slice();
    let beyond = 0;
    weights.forEach((weight, cell) => {
      if (weight === 0) return;
      if (weight > threshold) beyond += weight / rows;
      else scores[(cell - (cell % candidates)) / candidates] += weight * errors[cell];
    });
    const bound = variance(scores) / rows + Math.min(1, beyond) ** 2 * range ** 2;
    if (bound >= lowest) continue;
    lowest = bound;
    best = threshold;
  }
  return best;
}

function variance(values: Float64Array): number {
  let mean = 0;
  let squares = 0;
  values.forEach((value, i) => {
    const difference = value - mean;
    mean += difference / (i + 1);
    squares += difference * (value - mean);
  });
  return squares / Math.max(1, values.length - 1);
}
