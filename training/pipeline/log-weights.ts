import type { MemberData } from '../learners/learner.ts';
import { clipWeights } from '../off-policy/clip-weights.ts';
import { effectiveSampleSize } from '../off-policy/effective-sample-size.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';

/** How the outcomes of a log are to be weighed. Rows are those of the split they are for. */
export interface LogWeights {
  /** Inverse propensities, cut, and with mean 1 over what was observed; 0: unobserved. `[rows, candidates]` */
  readonly inverse: Float32Array;
  /** NaN: unobserved. `[rows, candidates]` */
  readonly propensities: Float64Array;
  readonly outcomes: number;
  /** How many outcomes of equal weight say as much as these (Kish 1965). */
  readonly effectiveOutcomes: number;
  /** Share of the outcomes whose weight was cut, 0 to 1. */
  readonly clippedShare: number;
}

/**
 * Inverse propensities of the outcomes of the named rows.
 *
 * @param candidates how many there are
 * @param clip inverse propensities above this are cut
 */
export function logWeights(
  { values }: Pick<LoggingPropensities, 'values'>,
  rows: Int32Array,
  candidates: number,
  clip: number,
): LogWeights {
  const propensities = new Float64Array(rows.length * candidates);
  rows.forEach((row, i) => {
    propensities.set(values.subarray(row * candidates, (row + 1) * candidates), i * candidates);
  });
  const { weights, clippedShare } = clipWeights(
    propensities.map((propensity) => (Number.isNaN(propensity) ? 0 : 1 / propensity)),
    clip,
  );
  const outcomes = weights.filter((weight) => weight > 0).length;
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / Math.max(1, outcomes);
  return {
    inverse: Float32Array.from(weights, (weight) => (mean > 0 ? weight / mean : 0)),
    propensities,
    outcomes,
    effectiveOutcomes: effectiveSampleSize(weights),
    clippedShare,
  };
}

/**
 * Member data weighed by inverse propensity: each candidate is learned as if it had answered all prompts and not those
 * that it was given (Horvitz and Thompson 1952), its mean included.
 */
export function inverselyWeighted(data: MemberData, { inverse }: LogWeights): MemberData {
  const { residuals } = data;
  const { columns, values } = residuals;
  const sums = new Float64Array(columns);
  const totals = new Float64Array(columns);
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    sums[i % columns] += inverse[i] * value;
    totals[i % columns] += inverse[i];
  });
  const shifts = sums.map((sum, c) => (totals[c] > 0 ? sum / totals[c] : 0));
  return {
    ...data,
    residuals: { ...residuals, values: values.map((value, i) => value - shifts[i % columns]) },
    weights: inverse,
    prior: data.prior.map((mean, c) => mean + shifts[c]),
  };
}
