import { highestWeight } from './clip-weights.ts';
import { type LoggedTable, type TargetPolicy, targetShare } from './logged-table.ts';
import { policyWeights, rowSums } from './policy-weights.ts';
import { switchThreshold } from './switch-threshold.ts';

/**
 * - `ips`: inverse propensity scoring (Horvitz and Thompson 1952): the mean of weight times quality.
 * - `snips`: the same over the mean weight (Swaminathan and Joachims 2015).
 * - `dr`: doubly robust (Dudík, Langford and Li 2011): what the model expects, and the weighted mean of its errors.
 * - `switch-dr`: DR that leaves out errors with a weight above a threshold (Wang, Agarwal and Dudík 2017).
 */
export type EstimatorId = 'ips' | 'snips' | 'dr' | 'switch-dr';

export const ESTIMATORS: readonly EstimatorId[] = ['ips', 'snips', 'dr', 'switch-dr'];

export interface PolicyScores {
  /**
   * One score a row: `[rows]`. Their mean is the estimate and their differences to it are its influence function, so
   * the difference of two policies is the mean of the differences of their scores, paired by row.
   */
  readonly scores: Float64Array;
  /** Of `switch-dr`: errors with a weight above it are left out. Infinity of the others. */
  readonly switchAt: number;
}

/** What each row says of a policy's value. @param clip inverse propensities above this are cut. @default highestWeight(table.propensities, table.source, table.policy) */
export function policyScores(
  estimator: EstimatorId,
  table: LoggedTable,
  policy: TargetPolicy,
  clip = highestWeight(table.propensities, table.source, table.policy),
): PolicyScores {
  const { candidates, quality, expected } = table;
  const weights = policyWeights(table, policy, clip);
  const none = Number.POSITIVE_INFINITY;
  // Only cells with a weight are read, and those were observed.
  const weighted = (values: Float64Array) =>
    rowSums(
      weights.map((weight, cell) => (weight === 0 ? 0 : weight * values[cell])),
      candidates,
    );
  if (estimator === 'ips') return { scores: weighted(quality), switchAt: none };
  if (estimator === 'snips')
    return { scores: selfNormalised(weighted(quality), rowSums(weights, candidates)), switchAt: none };
  const model = modelScores(table, policy);
  const errors = quality.map((value, cell) => value - expected[cell]);
  const switchAt = estimator === 'dr' ? none : switchThreshold(weights, errors, model);
  if (switchAt < none)
    weights.forEach((weight, cell) => {
      if (weight > switchAt) weights[cell] = 0;
    });
  const corrections = weighted(errors);
  return { scores: model.map((value, row) => value + corrections[row]), switchAt };
}

/** What the model alone expects of the policy. @returns `[rows]` */
function modelScores({ candidates, expected }: LoggedTable, policy: TargetPolicy): Float64Array {
  return rowSums(
    expected.map((value, cell) => {
      const candidate = cell % candidates;
      const share = targetShare(policy, (cell - candidate) / candidates, candidate);
      return share === 0 ? 0 : share * value;
    }),
    candidates,
  );
}

/** A ratio of means, linearised: its value, plus each row's weighted difference to it over the mean weight. */
function selfNormalised(qualities: Float64Array, weights: Float64Array): Float64Array {
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  const total = sum(weights);
  const value = sum(qualities) / total;
  const scale = weights.length / total;
  return qualities.map((quality, row) => value + scale * (quality - weights[row] * value));
}
