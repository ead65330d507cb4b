import { numberClusters } from '../clusters/number-clusters.ts';
import { clipWeights, highestWeight } from './clip-weights.ts';
import { effectiveSampleSize } from './effective-sample-size.ts';
import { type LoggedTable, type TargetPolicy, targetShare } from './logged-table.ts';
import { policyWeights, rowSums } from './policy-weights.ts';
import { unsupported } from './score-doubt.ts';
import { carryingWeights, clusterSums, type ScoreInterval, scoreInterval } from './score-interval.ts';

/** How much a log can say of a policy. */
export interface Overlap {
  /** Rows that were looked at. */
  readonly rows: number;
  /** Those that hold an outcome the policy would have seen. */
  readonly matchedRows: number;
  /** So many equally weighted rows say as much. */
  readonly effectiveSampleSize: number;
  /**
   * So many equally weighted groups of near-duplicates carry as much of an interval's width: (Σ w²)² / Σ w⁴. A hundred light
   * outcomes beside eight heavy ones are eight. Absent from what earlier versions wrote.
   */
  readonly carriers?: number;
  /**
   * 1 but for chance if the propensities are right and the log could have held every choice of the policy. Less is the
   * share of its choices that the log could hold; more cannot be.
   */
  readonly meanWeight: ScoreInterval;
  /**
   * Share of the policy's choices that the log could not hold, and of the weight that is cut off: exact where the log says how
   * likely each candidate was (of nearly all prompts, at least), else as the mean weight says.
   */
  readonly unsupportedShare: number;
  /** Whether it is exact. */
  readonly supportKnown?: boolean;
  /** Share of its choices of candidates that no row of the log holds. */
  readonly unseenShare: number;
  /** Of the outcomes that count; null without any. */
  readonly smallestPropensity: number | null;
  readonly largestWeight: number;
  /** Share of the weights that are cut. */
  readonly clippedShare: number;
  /** Share of their sum that is cut off: 1 % of the weights may be a third of it. */
  readonly clippedMass?: number;
}

/** @param clip inverse propensities above this are cut, elsewhere: the figures here are of the uncut ones */
export function measureOverlap(
  table: LoggedTable,
  policy: TargetPolicy,
  clip = highestWeight(table.propensities, table.source, table.policy),
): Overlap {
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
  const cut = clipWeights(inverse, clip);
  const clipped = rowSums(policyWeights(table, policy, clip), candidates);
  const support = supportOf(table, policy, clip);
  return {
    rows: perRow.length,
    matchedRows: perRow.filter((weight) => weight > 0).length,
    effectiveSampleSize: effectiveSampleSize(perRow),
    carriers: carryingWeights(clusterSums(clipped, numberClusters(clusters))).carriers,
    meanWeight,
    unsupportedShare: support ?? Math.min(1, Math.max(0, 1 - (meanWeight.estimate ?? 0))),
    supportKnown: support !== null,
    unseenShare: unseen,
    smallestPropensity: Number.isFinite(smallest) ? smallest : null,
    largestWeight: perRow.reduce((most, weight) => Math.max(most, weight), 0),
    clippedShare: cut.clippedShare,
    clippedMass: cut.clippedMass,
  };
}

/** Of choices whose probability is known, so many are enough to speak for the others. */
const MOST_KNOWN = 0.9;

/** Share of a policy's choices that no outcome can speak for; null where of many choices the probability is not known. */
function supportOf(
  { candidates, policy: logged }: LoggedTable,
  policy: TargetPolicy,
  clip: number,
): number | null {
  if (logged == null) return null;
  let [known, missing, rows] = [0, 0, 0];
  for (let cell = 0; cell < logged.length; cell++) {
    const candidate = cell % candidates;
    const share = targetShare(policy, (cell - candidate) / candidates, candidate);
    if (share === 0) continue;
    rows += share;
    // Of some rows it is not known, as after a fallback.
    if (Number.isNaN(logged[cell])) continue;
    known += share;
    missing += share * unsupported(logged[cell], clip);
  }
  return known > 0 && known >= MOST_KNOWN * rows ? missing / known : null;
}

/** The same policy with every candidate that it may choose weighing 1: what is cut is the inverse propensity. */
function inSupport(policy: TargetPolicy): TargetPolicy {
  return 'chosen' in policy ? policy : { mixture: policy.mixture.map((share) => (share > 0 ? 1 : 0)) };
}
