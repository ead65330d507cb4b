import { InvalidInputError } from 'pointsman';
import { type NumberedClusters, numberClusters } from '../fit/rows.ts';
import {
  HIGHEST_WEIGHT,
  highestWeight,
  type LoggedTable,
  type TargetPolicy,
  targetShare,
} from './estimate.ts';

/** A mean of scores with its interval. */
export interface ScoreInterval {
  /** Null for no row. */
  readonly estimate: number | null;
  /** Null for fewer than two clusters. */
  readonly low: number | null;
  readonly high: number | null;
  readonly rows: number;
  /** How many clusters they are of. */
  readonly groups: number;
}

/** What the spread of scores does not show of how sure their mean is. */
export interface ScoreDoubt {
  /** How much the outcome of a row counts for its score; 0 where none was seen: `[rows]` */
  readonly leverage: Float64Array;
  /** How far a score may be off at most, since the log could not hold the choice: `[rows]`. Null: not at all */
  readonly slack?: Float64Array | null;
  /** Of a difference of two policies: how far apart they are, 0 to 1: `[rows]` */
  readonly apart?: Float64Array;
  /** Largest error of what is expected of an outcome: 1 for qualities. Null: what was seen is taken for all there is. */
  readonly range?: number | null;
}

interface ScoreIntervalOptions {
  /** Share of the intervals that hold the mean. @default 0.95 */
  readonly level?: number;
  readonly doubt?: ScoreDoubt | null;
}

/** Of unseen outcomes, as a share of z²: chosen by simulated logs (`bench/simulations/heavy-weights.ts`). */
const UNSEEN = 0.5;

/** Squared error of qualities that are as uncertain as can be: half are 1, and half are 0. */
const MOST_UNCERTAIN = 0.25;

/**
 * The mean of one score a row, with a Student t interval whose error is that of the clusters' sums (the influence
 * function's variance; Liang and Zeger 1986): prompts are taken as a sample of the traffic, and rows of a cluster
 * vary together. Of scores that weigh outcomes, the degrees of freedom are the effective number of clusters that
 * carry the variance, and outcomes are added that might have been seen, as Agresti and Coull (1998) do for a share:
 * few good answers without a bad one do not show that there are none.
 * @param scores `[rows]` @param clusters `[rows]`
 */
export function scoreInterval(
  scores: Float64Array,
  clusters: ArrayLike<number>,
  { doubt = null, level = 0.95 }: ScoreIntervalOptions = {},
): ScoreInterval {
  const rows = scores.length;
  const numbered = numberClusters(clusters, rows);
  const { count } = numbered;
  const { estimate, squares } = meanOf(scores, numbered);
  if (count < 2)
    return { estimate: rows === 0 ? null : estimate, low: null, high: null, rows, groups: count };
  const probability = (1 + level) / 2;
  const slack = doubt?.slack ? sum(doubt.slack) / rows : 0;
  const { carriers, typical, total } = carryingWeights(
    doubt === null ? null : clusterSums(doubt.leverage, numbered),
  );
  const quantile = studentQuantile(
    probability,
    Math.max(1, (doubt === null || total === 0 ? count : carriers) - 1),
  );
  // What nobody has seen a part of has no interval.
  if (doubt !== null && total === 0 && scores.some((score) => score !== 0))
    return { estimate, low: null, high: null, rows, groups: count };
  const range = doubt?.range === undefined ? 1 : doubt.range;
  const known = Math.min(1, total > 0 && range ? squares / total / (MOST_UNCERTAIN * range ** 2) : 1);
  const unseen = range
    ? UNSEEN * studentQuantile(probability, Number.POSITIVE_INFINITY) ** 2 * typical * range ** 2
    : 0;
  const margin = (quantile * Math.sqrt(squares + (1 - known) * unseen)) / rows + slack;
  // Two policies cannot be further apart in quality than they are in their choices.
  let most = Number.POSITIVE_INFINITY;
  if (doubt?.apart && range) {
    const apart = meanOf(doubt.apart, numbered);
    most =
      range * (apart.estimate + (studentQuantile(probability, count - 1) * Math.sqrt(apart.squares)) / rows);
  }
  return {
    estimate,
    low: Math.min(estimate, Math.max(estimate - margin, -most)),
    high: Math.max(estimate, Math.min(estimate + margin, most)),
    rows,
    groups: count,
  };
}

/** A mean, and the squared error of its sum. At least two clusters, else the error is not known. */
function meanOf(scores: Float64Array, clusters: NumberedClusters): { estimate: number; squares: number } {
  const estimate = sum(scores) / scores.length;
  const sums = clusterSums(
    scores.map((score) => score - estimate),
    clusters,
  );
  const { count } = clusters;
  return { estimate, squares: (count / (count - 1)) * sum(sums.map((one) => one * one)) };
}

/**
 * How many clusters of equal weight carry as much of the variance: (Σ w²)² / Σ w⁴, with the variance going by the square
 * of a weight. A hundred light rows beside eight heavy ones are eight.
 * @param weights of each cluster; null: nothing is weighed
 */
export function carryingWeights(weights: Float64Array | null): {
  readonly carriers: number;
  /** Square of a weight, by its share of the variance. */
  readonly typical: number;
  /** Σ w² */
  readonly total: number;
} {
  let [squares, fourths] = [0, 0];
  for (const weight of weights ?? []) {
    squares += weight ** 2;
    fourths += weight ** 4;
  }
  return squares === 0
    ? { carriers: 0, typical: 0, total: 0 }
    : { carriers: squares ** 2 / fourths, typical: fourths / squares, total: squares };
}

/** @returns one sum a cluster: `[clusters]` */
export function clusterSums(values: ArrayLike<number>, { count, of }: NumberedClusters): Float64Array {
  const sums = new Float64Array(count);
  of.forEach((cluster, row) => {
    sums[cluster] += values[row];
  });
  return sums;
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Steps of the bisection: enough for every digit that a double has. */
const STEPS = 200;

/**
 * The point below which a Student t variable of so many degrees of freedom lies with a probability.
 * @param probability 0 to 1, neither of them @param degrees above 0; Infinity gives the normal distribution's point
 */
export function studentQuantile(probability: number, degrees: number): number {
  if (probability < 0.5) return -studentQuantile(1 - probability, degrees);
  const tail = 2 * (1 - probability);
  // Beyond this, t and normal distribution are alike in seven digits.
  const df = Math.min(degrees, 1e7);
  let [low, high] = [0, 1];
  while (bothTails(high, df) > tail && high < 1e300) high *= 2;
  for (let step = 0; step < STEPS && low < high; step++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (bothTails(middle, df) > tail) low = middle;
    else high = middle;
  }
  return high;
}

/** Probability that |t| is above `t`: an incomplete beta function (Abramowitz and Stegun 1964, 26.7.1). */
function bothTails(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), (t * t) / (degrees + t * t), degrees / 2, 0.5);
}

/** I_x(a, b), by its continued fraction (DLMF 8.17.22). @param rest 1 - x, which may be too small to be had from x */
function incompleteBeta(x: number, rest: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (rest <= 0) return 1;
  const front = Math.exp(a * Math.log(x) + b * Math.log(rest) + logGamma(a + b) - logGamma(a) - logGamma(b));
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(rest, b, a)) / b;
}

/** By Lentz's method. */
function fraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const nonZero = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= 1000; m++) {
    const before = value;
    for (const term of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / nonZero(1 + term * d);
      c = nonZero(1 + term / c);
      value *= c * d;
    }
    if (Math.abs(value - before) <= 1e-15 * Math.abs(value)) break;
  }
  return value;
}

/** Stirling's series (Abramowitz and Stegun 1964, 6.1.41), from 10 on; below by recurrence. */
function logGamma(x: number): number {
  if (x < 10) return logGamma(x + 1) - Math.log(x);
  const inverse = 1 / (x * x);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}

/** What is behind each cell of a table of doubly robust scores. Cells are `[rows, candidates]`. */
export interface DoubtTable {
  readonly candidates: number;
  /** Inverse propensity of what was seen, as far as it is not cut; 0 where nothing was seen. */
  readonly leverage: Float64Array;
  /** How far what a model expects may be off where the log could not hold the cell; null where that is nowhere known. */
  readonly slack: Float64Array | null;
}

/** @param clip inverse propensities above this are cut */
export function doubtTable(
  table: LoggedTable,
  clip = highestWeight(table.propensities, table.source, table.policy),
): DoubtTable {
  const { candidates, expected, policy, propensities, quality } = table;
  return {
    candidates,
    leverage: Float64Array.from(quality, (value, cell) =>
      Number.isNaN(value) ? 0 : Math.min(1 / propensities[cell], clip),
    ),
    slack:
      policy == null
        ? null
        : expected.map((guess, cell) => unsupported(policy[cell], clip) * Math.max(guess, 1 - guess)),
  };
}

/**
 * The share of a cell that outcomes cannot speak for: all of it where the log never held the cell, and what is cut off
 * its weight where it held it less often than one time in `clip`. 0 where its probability is not known.
 */
export function unsupported(probability: number, clip: number): number {
  return Number.isNaN(probability) ? 0 : Math.max(0, 1 - probability * clip);
}

/** The same of some rows. */
export function takeDoubt(
  { apart, leverage, range, slack }: ScoreDoubt,
  rows: ArrayLike<number>,
): ScoreDoubt {
  const take = (column: Float64Array) => Float64Array.from(rows, (row) => column[row]);
  return {
    leverage: take(leverage),
    slack: slack ? take(slack) : null,
    ...(apart === undefined ? {} : { apart: take(apart) }),
    ...(range === undefined ? {} : { range }),
  };
}

/**
 * What is to be doubted of a policy's scores, or of how they differ from another's: where both choose alike, nothing.
 * @param range largest error of what is expected; null where it is not known, as of costs
 */
export function scoreDoubt(
  { candidates, leverage, slack }: DoubtTable,
  policy: TargetPolicy,
  other: TargetPolicy | null = null,
  range: number | null = 1,
): ScoreDoubt {
  const apart = (cells: Float64Array | null) => {
    const column = new Float64Array(leverage.length / candidates);
    leverage.forEach((_, cell) => {
      const value = cells === null ? 0.5 : cells[cell];
      if (value === 0) return;
      const candidate = cell % candidates;
      const row = (cell - candidate) / candidates;
      const share =
        targetShare(policy, row, candidate) - (other === null ? 0 : targetShare(other, row, candidate));
      column[row] += Math.abs(share) * value;
    });
    return column;
  };
  return {
    leverage: apart(leverage),
    // How far amounts may be off, such as costs, nobody knows.
    slack: slack === null || range === null ? null : apart(slack),
    ...(other === null ? {} : { apart: apart(null) }),
    range,
  };
}

interface PseudoOutcomeInput {
  /** As observed, NaN where it was not: `[rows, candidates]`. Costs and latencies do as well. */
  readonly quality: ArrayLike<number>;
  /** Probability that the cell was observed, where it was: `[rows, candidates]`. */
  readonly propensities: ArrayLike<number>;
  /** What a model that was not fitted on these rows expects: `[rows, candidates]`. */
  readonly expected: ArrayLike<number>;
  /** Inverse propensities above this are cut. @default HIGHEST_WEIGHT */
  readonly clip?: number;
}

/**
 * Doubly robust scores: expected + observed · (quality − expected) / propensity (Robins, Rotnitzky and Zhao 1994; Dudík,
 * Langford and Li 2011, section 3). Their mean over the cells that a policy chooses estimates its value without bias
 * when either the propensities or the expectations are right. One may lie outside of 0 to 1. Where everything was
 * observed with propensity 1, they are the qualities.
 * @returns `[rows, candidates]`
 * @throws InvalidInputError where shapes differ, or an observed cell has no propensity in (0, 1]
 */
export function pseudoOutcomes({
  quality,
  propensities,
  expected,
  clip = HIGHEST_WEIGHT,
}: PseudoOutcomeInput): Float64Array {
  if (propensities.length !== quality.length || expected.length !== quality.length) {
    throw new InvalidInputError(
      `\`propensities\` and \`expected\` of pseudoOutcomes must have one number for each of ${quality.length} cells. ` +
        `Got ${propensities.length} and ${expected.length}.`,
    );
  }
  return Float64Array.from(expected, (guess, cell) => {
    if (Number.isNaN(quality[cell])) return guess;
    const propensity = propensities[cell];
    if (!(propensity > 0 && propensity <= 1)) {
      throw new InvalidInputError(
        `\`propensities\` of pseudoOutcomes must be above 0 and at most 1 where a quality was observed. Got ${propensity} in cell ${cell}.`,
      );
    }
    // Not guess + 1 · (quality - guess), which rounding takes off the quality.
    return propensity === 1
      ? quality[cell]
      : guess + Math.min(1 / propensity, clip) * (quality[cell] - guess);
  });
}
