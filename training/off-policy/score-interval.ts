import { type NumberedClusters, numberClusters } from '../clusters/number-clusters.ts';
import { studentQuantile } from './student-quantile.ts';

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

export interface ScoreIntervalOptions {
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
