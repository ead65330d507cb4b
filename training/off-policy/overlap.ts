import { clipWeights, HIGHEST_WEIGHT } from './clip-weights.ts';
import { effectiveSampleSize } from './effective-sample-size.ts';
import { type LoggedTable, type TargetPolicy, targetShare } from './logged-table.ts';
import { policyWeights, rowSums } from './policy-weights.ts';
import { type ScoreInterval, scoreInterval } from './score-interval.ts';

/** How much a log can say of a policy. */
export interface Overlap {
  /** Rows that were looked at. */
  readonly rows: number;
  /** Those that hold an outcome the policy would have seen. */
  readonly matchedRows: number;
  /** So many equally weighted rows say as much. */
  readonly effectiveSampleSize: number;
  /**
   * 1 but for chance if the propensities are right and the log could have held every choice of the policy. Less is the
   * share of its choices that the log could hold; more cannot be.
   */
  readonly meanWeight: ScoreInterval;
  /** Share of the policy's choices that the log could not hold, as the mean weight says. */
  readonly unsupportedShare: number;
  /** Share of its choices of candidates that no row of the log holds. */
  readonly unseenShare: number;
  /** Of the outcomes that count; null without any. */
  readonly smallestPropensity: number | null;
  readonly largestWeight: number;
  /** Share of the weights that are cut. */
  readonly clippedShare: number;
}

/** @param clip inverse propensities above this are cut, elsewhere: the figures here are of the uncut ones */
export function measureOverlap(table: LoggedTable, policy: TargetPolicy, clip = HIGHEST_WEIGHT): Overlap {
  const { candidates, propensities, quality, clusters } = table;
  const weights = policyWeights(table, policy, Number.POSITIVE_INFINITY);
  const inverse = policyWeights(table, inSupport(policy), Number.POSITIVE_INFINITY);
  const perRow = rowSums(weights, candidates);
  const meanWeight = scoreInterval(perRow, clusters);
  let smallest = Number.POSITIVE_INFINITY;
  weights.forEach((weight, cell) => {
    if (weight > 0) smallest = Math.min(smallest, propensities[cell]);
  });
  const seen = new Uint8Array(candidates);
  quality.forEach((value, cell) => {
    if (!Number.isNaN(value)) seen[cell % candidates] = 1;
  });
  let unseen = 0;
  for (let row = 0; row < perRow.length; row++)
    for (let c = 0; c < candidates; c++)
      if (seen[c] === 0) unseen += targetShare(policy, row, c) / perRow.length;
  return {
    rows: perRow.length,
    matchedRows: perRow.filter((weight) => weight > 0).length,
    effectiveSampleSize: effectiveSampleSize(perRow),
    meanWeight,
    unsupportedShare: Math.min(1, Math.max(0, 1 - (meanWeight.estimate ?? 0))),
    unseenShare: unseen,
    smallestPropensity: Number.isFinite(smallest) ? smallest : null,
    largestWeight: perRow.reduce((most, weight) => Math.max(most, weight), 0),
    clippedShare: clipWeights(inverse, clip).clippedShare,
  };
}

/** The same policy with every candidate that it may choose weighing 1: what is cut is the inverse propensity. */
function inSupport(policy: TargetPolicy): TargetPolicy {
  return 'chosen' in policy ? policy : { mixture: policy.mixture.map((share) => (share > 0 ? 1 : 0)) };
}
