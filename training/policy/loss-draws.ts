import { largest } from 'pointsman/math';
import { numberClusters } from '../clusters/number-clusters.ts';
import { bettingPValue, predictivePValue } from './p-values.ts';

/** Near-duplicate groups: their rows were drawn together, and what copies repeat is no further evidence. */
interface LossDraws {
  /** Number of the draw of each row: [rows] */
  readonly of: Int32Array;
  /** Rows of each draw: [draws] */
  readonly sizes: Float64Array;
}

export function countDraws(groups: ArrayLike<number>): LossDraws {
  const { of, count } = numberClusters(groups);
  const sizes = new Float64Array(count);
  for (const draw of of) sizes[draw]++;
  return { of, sizes };
}

/** A draw counts in the bets for at most so many times the mean number of rows. */
const MOST_OF_MEAN = 2;

/**
 * P-value for "the mean loss over rows is over `limit`", from draws of any size. Two p-values, and the larger counts:
 *
 * - By betting on the draws in the given order, without approximation. The mean over rows is at most ε where E[Σ (ε − loss)] ≥ 0
 *   over the rows of a draw, and that sum over the size of the largest draw is within the bounds that one row's is. Since a single
 *   draw of many rows would make all others next to nothing, one counts here for at most twice the mean size.
 * - By a normal approximation for the mean over as many further draws, all of them by their rows.
 *
 * Where all draws have one size, each is the p-value of their mean losses.
 *
 * @param losses `[rows]`, in [-1, 1] @param order in which draws are bet on, which must not depend on the losses
 * @param delta the level that the bets are tuned to
 */
export function lossPValue(
  losses: Float64Array,
  { of, sizes }: LossDraws,
  limit: number,
  order: Int32Array,
  delta: number,
): number {
  const sums = new Float64Array(sizes.length);
  losses.forEach((loss, row) => {
    sums[of[row]] += loss;
  });
  const most = Math.min(largest(sizes), (MOST_OF_MEAN * losses.length) / sizes.length);
  const bets = Float64Array.from(order, (draw) => {
    const surplus = limit * sizes[draw] - sums[draw];
    return limit - (surplus * Math.min(1, most / sizes[draw])) / most;
  });
  const byBets = 2 * bettingPValue(bets, limit, delta / 2);
  if (byBets > delta) return byBets;
  return Math.max(byBets, predictivePValue(sums, sizes, limit));
}
