import { clusteredMean } from '../fit/rows.ts';

/** What has more parameters must beat what has fewer by this many standard errors. */
const WORTHWHILE = 2;

/**
 * Whether losses saved are more than chance: above 0 by two standard errors, groups being independent and rows of one not.
 *
 * @param gains losses saved by row, out of fold; NaN: unobserved. `[rows]`
 * @param weights importance of each row; null: all alike
 * @param groups near-duplicate group of each row
 */
export function gainIsWorth(
  gains: Float64Array,
  weights: ArrayLike<number> | null,
  groups: ArrayLike<number>,
): boolean {
  const { mean, standardError } = clusteredMean(gains, groups, weights);
  return mean > WORTHWHILE * standardError;
}
