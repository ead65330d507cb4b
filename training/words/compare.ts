import {
  formatCost,
  formatPercent,
  formatPoints,
  formatSignedPoints,
  formatTimes,
  type Interval,
  pluralInGroups,
  pointsAsPrinted,
} from './format.ts';

/** The most that something "as good as" another may lose against it, in quality: 3 points. */
export const AS_GOOD_MARGIN = 0.03;

/**
 * On fewer nothing is called better, worse or as good: an interval of so few is too narrow. Near-duplicate groups are counted,
 * not rows: a thousand copies of one prompt are one.
 */
export const FEWEST_COMPARED_GROUPS = 30;

/**
 * Nor anything "as good as" on fewer than these: what happens on one prompt in 33, and so loses 3 points, may well not have
 * been seen at all (the rule of three: Hanley and Lippman-Hand 1983).
 */
export const FEWEST_AS_GOOD = Math.ceil(3 / AS_GOOD_MARGIN);

/**
 * How one way to choose stands beside another, by the 95 % interval of the difference:
 * - `better`, `worse`: the whole interval is on one side of 0;
 * - `as good`: it holds 0, and no loss above `AS_GOOD_MARGIN`;
 * - `unclear`: it holds 0 and larger losses, or there are too few groups to say `as good`;
 * - `too few`: fewer than `FEWEST_GROUPS` near-duplicate groups, or no interval;
 * - `unknown`: there is no figure.
 */
export type QualityStanding = 'better' | 'worse' | 'as good' | 'unclear' | 'too few' | 'unknown';

/** @param difference this one minus the other, in quality from 0 to 1 */
export function qualityStanding(difference: Interval | null): QualityStanding {
  if (difference === null || difference.estimate === null) return 'unknown';
  const { low, high, groups } = difference;
  if (low === null || high === null || groups < FEWEST_COMPARED_GROUPS) return 'too few';
  // What is said must hold for the figures as they are printed.
  if (pointsAsPrinted(low) > 0) return 'better';
  if (pointsAsPrinted(high) < 0) return 'worse';
  return pointsAsPrinted(low) >= -100 * AS_GOOD_MARGIN && groups >= FEWEST_AS_GOOD ? 'as good' : 'unclear';
}

/** What `it` is beside another: "is 3.1 points better than always using X (95 % interval +1.0 to +5.2)". */
export function describeQuality(difference: Interval | null, other: string): string {
  const standing = qualityStanding(difference);
  if (standing === 'unknown') return `could not be compared with ${other}`;
  const { estimate, low, high, rows, groups } = difference as Interval & { estimate: number };
  const signed = `${formatSignedPoints(estimate)} points`;
  if (standing === 'too few')
    return `cannot be compared with ${other} on ${pluralInGroups(rows, groups, 'prompt')} (${signed}), which are too few`;
  const range = `95 % interval ${formatSignedPoints(low!)} to ${formatSignedPoints(high!)}`;
  switch (standing) {
    case 'better':
      return `is ${formatPoints(estimate)} points better than ${other} (${range})`;
    case 'worse':
      return `is ${formatPoints(-estimate)} points worse than ${other} (${range})`;
    case 'as good':
      return `is as good as ${other}, to within ${100 * AS_GOOD_MARGIN} points (${signed}, ${range})`;
    case 'unclear':
      return (
        `is not clearly better or worse than ${other} (${signed}, ${range}: ` +
        `${pointsAsPrinted(low!) < -100 * AS_GOOD_MARGIN ? 'too wide' : 'of too few prompts'} to call it as good)`
      );
  }
}

/** What two ways to choose cost on the same prompts, in US dollars a request. */
export interface CostPair {
  readonly own: number | null;
  readonly other: number | null;
  /** The other's cost minus the own one, paired; null where it is not known. */
  readonly saving: Interval | null;
}

/**
 * - `cheaper`, `dearer`: the whole interval of the saving is on one side of 0;
 * - `same`: within half a per cent;
 * - `unclear`: the interval of the saving holds 0;
 * - `unknown`: a cost is not known, or was estimated at less than nothing.
 */
export type CostStanding = 'cheaper' | 'dearer' | 'same' | 'unclear' | 'unknown';

const SAME_COST = 0.005;

export function costStanding({ own, other, saving }: CostPair): CostStanding {
  if (own === null || other === null || !(own >= 0) || !(other >= 0)) return 'unknown';
  if (Math.abs(own - other) <= SAME_COST * other) return 'same';
  const { low, high } = saving ?? { low: null, high: null };
  if (low !== null && low > 0 && own < other) return 'cheaper';
  if (high !== null && high < 0 && own > other) return 'dearer';
  return 'unclear';
}

/**
 * At what cost, after a comma, against "the cost" of another: "at 14 % of the cost, which saves $5.76 per 1,000 requests".
 * Empty where nothing is known.
 */
export function describeCost(costs: CostPair): string {
  const standing = costStanding(costs);
  if (standing === 'unknown') return '';
  const [own, other] = [costs.own!, costs.other!];
  if (standing === 'same') return other === 0 ? 'and neither costs anything' : 'at the same cost';
  if (other === 0) return `at ${formatCost(own)} per 1,000 requests, where the other costs nothing`;
  const beside =
    own < other
      ? `at ${shareOf(own, other)} of the cost`
      : `at ${formatTimes(Math.max(1.01, own / other))} times the cost`;
  if (standing === 'unclear') return `${beside}, though not clearly ${own < other ? 'less' : 'more'}`;
  const amount = formatCost(Math.abs(other - own));
  return `${beside}, ${own < other ? `which saves ${amount}` : `${amount} more`} per 1,000 requests`;
}

/** "14 %", "0.40 %", "under 0.01 %"; two digits that count. */
function shareOf(own: number, other: number): string {
  const share = own / other;
  if (share === 0) return '0 %';
  if (share < 1e-4) return 'under 0.01 %';
  return formatPercent(share, share < 0.01 ? 2 : share < 0.1 ? 1 : 0);
}

/**
 * What a best fixed mix is called, by its cost beside that of the router. It is the best that costs no more; where no
 * candidate is as cheap as the router, there is none, and it is the cheapest candidate.
 */
export function fixedMixName(costs: CostPair): string {
  switch (costStanding(costs)) {
    case 'cheaper':
      return 'the cheapest candidate alone, which costs more';
    case 'dearer':
      return 'the best fixed mix of candidates that costs no more';
    case 'same':
      return 'the best fixed mix of candidates at equal cost';
    default:
      return 'the best fixed mix of candidates at about that cost';
  }
}
