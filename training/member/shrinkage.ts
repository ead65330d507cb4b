import { FEWEST_GROUPS } from '../fit/rows.ts';
import type { Matrix } from '../head/matrix.ts';

/** Predictions less sure than this many standard errors are noise: the strength is 0. */
const NOISE = 2;

/**
 * How much of out-of-fold predictions to keep: the positive part of 1 - (NOISE / t)², t being how many standard
 * errors the slope of the truth on the predictions is above 0 (after James and Stein 1961). Clear signals are left
 * alone, weak ones are held back, and what cannot be told from noise gives exactly 0; so does what fewer than
 * `FEWEST_GROUPS` near-duplicate groups say.
 *
 * @param predictions `[rows, outputs]`, out of fold
 * @param truth `[rows, outputs]`, NaN: unobserved
 * @param groups near-duplicate group of each row: these are independent; rows of one, and outputs of a row, need not be
 */
export function shrinkage(
  predictions: Matrix,
  truth: Matrix,
  weights: Float32Array | null,
  groups: ArrayLike<number>,
): number {
  const { columns } = truth;
  let products = 0;
  let squares = 0;
  for (let i = 0; i < truth.values.length; i++) {
    if (Number.isNaN(truth.values[i])) continue;
    const weight = weights === null ? 1 : weights[i];
    products += weight * predictions.values[i] * truth.values[i];
    squares += weight * predictions.values[i] ** 2;
  }
  if (!(squares > 0) || !(products > 0)) return 0;
  const slope = products / squares;
  // Sandwich variance, one cluster a group (White 1980; Liang and Zeger 1986).
  const scores = new Map<number, number>();
  for (let i = 0; i < truth.values.length; i++) {
    if (Number.isNaN(truth.values[i])) continue;
    const weight = weights === null ? 1 : weights[i];
    const score = weight * predictions.values[i] * (truth.values[i] - slope * predictions.values[i]);
    const group = groups[Math.floor(i / columns)];
    scores.set(group, (scores.get(group) ?? 0) + score);
  }
  if (scores.size < FEWEST_GROUPS) return 0;
  let variance = 0;
  for (const score of scores.values()) variance += score * score;
  const t = products / Math.sqrt((variance * scores.size) / (scores.size - 1));
  return Math.max(0, 1 - (NOISE / t) ** 2);
}
