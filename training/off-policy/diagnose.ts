import { numberClusters } from '../fit/rows.ts';
import { formatPercent, plural } from '../words.ts';
import {
  clipWeights,
  effectiveSampleSize,
  highestWeight,
  type LoggedTable,
  policyWeights,
  rowSums,
  type TargetPolicy,
  targetShare,
} from './estimate.ts';
import {
  carryingWeights,
  clusterSums,
  type ScoreInterval,
  scoreInterval,
  unsupported,
} from './score-interval.ts';

/** Under so many equally weighted rows, normal intervals of off-policy estimates are too narrow to be trusted. */
export const LEAST_SAMPLE = 30;

/** Under so many equally weighted groups that carry an interval's width, nobody knows how wide it should be. */
export const LEAST_CARRIERS = 10;

/** At most this share of a policy's choices may be such as the log could not hold. */
const MOST_UNSUPPORTED = 0.1;

/**
 * So much may the mean weight be above 1. Estimated propensities are noisy, and their inverses are larger on average for
 * it, which moves IPS by as much and DR hardly.
 */
const MOST_EXCESS = { logged: 0.1, fitted: 0.5 } as const;

/** A propensity from here on is taken for certainty. */
const CERTAIN = 0.999;

/** By chance alone, the mean weight of one policy in a thousand is this many standard errors off. */
const SURE = 3.29;

/** A mean weight that is too low by this much is a refusal: heavy weights hide for long what the log could not hold. */
const DOUBTFUL = 1.96;
const Z = 1.96;

/**
 * Why the log cannot say what a policy is worth; empty where it can.
 * @param subject how sentences name the policy's choices, such as `the router's choices`
 */
export function refusals(table: LoggedTable, overlap: Overlap, subject: string): string[] {
  if (isDeterministic(table)) {
    return [
      'The log gave each prompt to its candidate with certainty, so that it holds nothing to compare with. Send a few per ' +
        'cent of the traffic to candidates drawn at random, and log with which probability.',
    ];
  }
  const reasons: string[] = [];
  const { effectiveSampleSize, meanWeight, supportKnown, unseenShare, unsupportedShare } = overlap;
  if (unseenShare > MOST_UNSUPPORTED) {
    reasons.push(
      `${formatPercent(unseenShare)} of ${subject} are candidates without any outcome in the log. Log some of their answers.`,
    );
  } else if (isUnsupported(overlap)) {
    const how = supportKnown
      ? 'by the probabilities that it has of each candidate'
      : `the weights of those it holds have a mean of ${(meanWeight.estimate ?? 0).toFixed(2)}, where 1 is full support`;
    reasons.push(
      `${formatPercent(unsupportedShare)} of ${subject} are not covered by the log (no overlap): ${how}. Let the candidates that are rarely or never tried on such ` +
        'prompts answer some.',
    );
  }
  if (isMiscalibrated(overlap, table.source)) {
    reasons.push(
      `The propensities cannot be right: the weights of ${subject} have a mean of ${(meanWeight.estimate ?? 0).toFixed(2)}, and no log ` +
        'with right propensities gives more than 1 but for chance. Check what the log says of them, or leave them out to have them estimated.',
    );
  }
  if (effectiveSampleSize < LEAST_SAMPLE) {
    reasons.push(
      `The effective sample size of ${subject} is ${plural(Math.floor(effectiveSampleSize), 'prompt')}; ` +
        `at least ${LEAST_SAMPLE} are needed. Collect more traffic, or more of it at random.`,
    );
  }
  const { carriers = effectiveSampleSize } = overlap;
  if (reasons.length === 0 && carriers < LEAST_CARRIERS) {
    reasons.push(
      `Few outcomes carry nearly all of the weight of ${subject}: the effective sample size of their variance is ${plural(Math.floor(carriers), 'prompt')}` +
        `; at least ${LEAST_CARRIERS} are needed. Collect more traffic, or explore more.`,
    );
  }
  return reasons;
}

/** Whether the log has too little of a policy to be compared with it. */
export function isAnswerable(overlap: Overlap, source: LoggedTable['source']): boolean {
  return (
    overlap.effectiveSampleSize >= LEAST_SAMPLE &&
    (overlap.carriers ?? LEAST_CARRIERS) >= LEAST_CARRIERS &&
    overlap.unseenShare <= MOST_UNSUPPORTED &&
    !isUnsupported(overlap) &&
    !isMiscalibrated(overlap, source)
  );
}

function isUnsupported({ meanWeight, supportKnown, unsupportedShare }: Overlap): boolean {
  if (supportKnown) return unsupportedShare > MOST_UNSUPPORTED;
  return (meanWeight.estimate ?? 0) < 1 - MOST_UNSUPPORTED && errorsOff(meanWeight) < -DOUBTFUL;
}

function isMiscalibrated({ meanWeight }: Overlap, source: LoggedTable['source'] = 'logged'): boolean {
  return (meanWeight.estimate ?? 0) > 1 + MOST_EXCESS[source] && errorsOff(meanWeight) > SURE;
}

/** How many standard errors the mean weight is from 1; 0 where its error is not known. */
function errorsOff({ estimate, high }: Overlap['meanWeight']): number {
  if (estimate === null || high === null) return 0;
  const error = (high - estimate) / Z;
  return error === 0 ? Math.sign(estimate - 1) * Number.POSITIVE_INFINITY : (estimate - 1) / error;
}

/** Full rows are certain and hold everything; what counts is the rows that do not. */
function isDeterministic({ candidates, propensities, quality }: LoggedTable): boolean {
  let incomplete = 0;
  for (let from = 0; from < quality.length; from += candidates) {
    const cells = Array.from({ length: candidates }, (_, c) => from + c);
    const seen = cells.filter((cell) => !Number.isNaN(quality[cell]));
    if (seen.length === candidates) return false;
    if (seen.some((cell) => propensities[cell] < CERTAIN)) return false;
    incomplete += seen.length > 0 ? 1 : 0;
  }
  return incomplete > 0;
}

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
