import { BettingTest, boundsOf, type Evidence, isAbove, isBelow, joinEvidence } from './betting.ts';

/** When a new version takes how much, and what it has to show. */
export interface CanaryRules {
  /** Shares of the traffic, rising; the last is 1. */
  readonly steps: readonly number[];
  /** Rated answers of the new version in each step; 0 judges by errors alone. */
  readonly minRatings: number;
  /** Requests of the new version in each step. */
  readonly minRequests: number;
  /** How much worse the mean rating may be, 0 to 1. */
  readonly maxRegret: number;
  /** How much higher the share of requests that fail may be. */
  readonly maxErrorIncrease: number;
  /** The probability that a version is ever rolled back that is not worse than that, and that one is ever promoted that is. */
  readonly alpha: number;
}

/** The version that was there, or the new one. */
export type Arm = 'champion' | 'canary';

/** What one process has seen of a trial. */
export interface TrialEvidence {
  readonly quality: Evidence;
  readonly errors: Evidence;
  /** Of each arm. */
  readonly ratings: Readonly<Record<Arm, Counted>>;
  readonly requests: Readonly<Record<Arm, Counted>>;
}

export interface Counted {
  readonly count: number;
  readonly sum: number;
}

/** What is to be done, and why. */
export type Advice =
  | { readonly action: 'wait'; readonly why: string }
  | { readonly action: 'step'; readonly why: string }
  | { readonly action: 'promote'; readonly why: string }
  | { readonly action: 'roll-back'; readonly why: string };

/** Differences at which bounds are told, beside those that decide. */
const GRID = Array.from({ length: 39 }, (_, k) => (k - 19) / 20);

/**
 * The least difference that is allowed at each share: the traffic as a whole must not lose more than `most`, so the smaller the
 * share, the worse the version itself may be.
 */
export function allowedDifferences(most: number, { steps }: Pick<CanaryRules, 'steps'>): number[] {
  return steps.map((share) => Math.max(-0.999, -most / share));
}

/** Every difference that is asked about, ascending. */
function asked(most: number, rules: CanaryRules): number[] {
  return [...new Set([...GRID, ...allowedDifferences(most, rules)])].sort((a, b) => a - b);
}

/** Units of which a rating was counted. More than that are counted again. */
const MOST_UNITS = 100_000;

/**
 * Compares two versions that answer at the same time. Ratings are put into pairs in the order in which they come: as soon as both have
 * one, the mean of the one's since the last pair, less that of the other's. So each difference is of the same time, whatever
 * the share, and a day on which everything goes badly goes badly for both.
 */
export class Trial {
  readonly #quality: BettingTest;
  readonly #errors: BettingTest;
  readonly #ratings: Record<Arm, Counted>;
  readonly #requests: Record<Arm, Counted>;
  readonly #waiting = { quality: nothing(), errors: nothing() };
  readonly #units = new Set<string>();

  constructor(rules: CanaryRules, before?: TrialEvidence) {
    this.#quality = new BettingTest(asked(rules.maxRegret, rules), before?.quality);
    this.#errors = new BettingTest(asked(rules.maxErrorIncrease, rules), before?.errors);
    this.#ratings = { ...(before?.ratings ?? nothing()) };
    this.#requests = { ...(before?.requests ?? nothing()) };
  }

  /**
   * @param unit the conversation or user; its first rating counts alone, since all of its ratings are of one version. Null for a request by itself.
   */
  rated(arm: Arm, quality: number, unit: string | null): void {
    if (unit !== null) {
      if (this.#units.has(unit)) return;
      if (this.#units.size < MOST_UNITS) this.#units.add(unit);
    }
    count(this.#ratings, arm, quality);
    pair(this.#waiting.quality, arm, quality, this.#quality);
  }

  ended(arm: Arm, isError: boolean): void {
    count(this.#requests, arm, Number(isError));
    // The fewer the better: what differs is what the new version saves.
    pair(this.#waiting.errors, arm, -Number(isError), this.#errors);
  }

  get evidence(): TrialEvidence {
    return {
      quality: this.#quality.evidence,
      errors: this.#errors.evidence,
      ratings: { ...this.#ratings },
      requests: { ...this.#requests },
    };
  }
}

function nothing(): Record<Arm, Counted> {
  return { champion: { count: 0, sum: 0 }, canary: { count: 0, sum: 0 } };
}

function count(arms: Record<Arm, Counted>, arm: Arm, value: number): void {
  arms[arm] = { count: arms[arm].count + 1, sum: arms[arm].sum + value };
}

function pair(waiting: Record<Arm, Counted>, arm: Arm, value: number, test: BettingTest): void {
  count(waiting, arm, value);
  const { canary, champion } = waiting;
  if (canary.count === 0 || champion.count === 0) return;
  test.add(canary.sum / canary.count - champion.sum / champion.count);
  Object.assign(waiting, nothing());
}

/** What several processes have seen of one trial, together. */
export function joinTrials(parts: readonly TrialEvidence[]): TrialEvidence {
  const arms = (of: (part: TrialEvidence) => Readonly<Record<Arm, Counted>>) => {
    const total = (arm: Arm) => ({
      count: parts.reduce((sum, part) => sum + of(part)[arm].count, 0),
      sum: parts.reduce((sum, part) => sum + of(part)[arm].sum, 0),
    });
    return { champion: total('champion'), canary: total('canary') };
  };
  return {
    quality: joinEvidence(parts.map(({ quality }) => quality)),
    errors: joinEvidence(parts.map(({ errors }) => errors)),
    ratings: arms(({ ratings }) => ratings),
    requests: arms(({ requests }) => requests),
  };
}

/**
 * What the evidence allows. A version is rolled back when it is shown to be worse than allowed at a share of 1, by ratings or by errors, each at
 * half of alpha. It goes one step on when it is shown to be no worse than allowed at the share of the next step, by both; the last step is to be promoted.
 *
 * @param step the index of the share that it has.
 * @param since what had been counted when this step began.
 */
export function adviceOn(
  evidence: TrialEvidence,
  rules: CanaryRules,
  step: number,
  since: { readonly ratings: number; readonly requests: number },
): Advice {
  const { alpha, maxErrorIncrease, maxRegret, minRatings, minRequests, steps } = rules;
  const sides = [
    ...(minRatings === 0 ? [] : [{ what: 'ratings', of: evidence.quality, most: maxRegret }]),
    { what: 'errors', of: evidence.errors, most: maxErrorIncrease },
  ];
  const indexOf = (most: number, at: number) =>
    asked(most, rules).indexOf(allowedDifferences(most, rules)[at]);
  for (const { most, of, what } of sides)
    if (isBelow(of, indexOf(most, steps.length - 1), alpha / sides.length))
      return {
        action: 'roll-back',
        why: `By ${what} it is worse than before by more than ${most}, as ${of.count} comparisons show with ${percent(1 - alpha)} confidence.`,
      };
  const next = step + 1;
  const ratings = evidence.ratings.canary.count - since.ratings;
  const requests = evidence.requests.canary.count - since.requests;
  if (ratings < minRatings)
    return { action: 'wait', why: `It has ${ratings} of ${minRatings} ratings in this step.` };
  if (requests < minRequests)
    return { action: 'wait', why: `It has ${requests} of ${minRequests} requests in this step.` };
  for (const { most, of, what } of sides)
    if (!isAbove(of, indexOf(most, next), alpha))
      return {
        action: 'wait',
        why: `By ${what} it is not yet shown to be good enough for a share of ${percent(steps[next])}: worse by less than ${round(most / steps[next])}.`,
      };
  const why = `It is shown to be good enough for a share of ${percent(steps[next])}.`;
  return { action: next === steps.length - 1 ? 'promote' : 'step', why };
}

/** A difference of the new version to the one before, with bounds that hold at all times with probability 1 - alpha. */
export interface Difference {
  readonly comparisons: number;
  /** Null while there is none. */
  readonly mean: number | null;
  readonly lower: number;
  readonly upper: number;
}

/** Of ratings, and of the share of requests that fail: there, more is worse. */
export function differencesOf(
  { errors, quality }: TrialEvidence,
  rules: CanaryRules,
): { readonly quality: Difference; readonly errors: Difference } {
  const difference = (of: Evidence, most: number, sign: 1 | -1): Difference => {
    const { lower, upper } = boundsOf(of, asked(most, rules), rules.alpha);
    const mean = of.count === 0 ? null : (sign * of.sum) / of.count;
    const [least, largest] = sign === 1 ? [lower, upper] : [-upper, -lower];
    return { comparisons: of.count, mean, lower: least, upper: largest };
  };
  return {
    quality: difference(quality, rules.maxRegret, 1),
    errors: difference(errors, rules.maxErrorIncrease, -1),
  };
}

const percent = (share: number): string => `${round(100 * share)} %`;

const round = (value: number): number => Number(value.toPrecision(3));
