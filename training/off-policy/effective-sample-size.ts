/**
 * How many equally weighted rows say as much as these: (Σ w)² / Σ w² (Kish 1965, section 11.7). Rows of weight 0 do
 * not count, so a target policy that the log agrees with on 10 % of the rows has at most that many.
 * @param weights `[rows]`, each >= 0; NaN is left out
 * @returns 0 where no row weighs anything
 */
export function effectiveSampleSize(weights: ArrayLike<number>): number {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < weights.length; i++) {
    if (Number.isNaN(weights[i])) continue;
    sum += weights[i];
    squares += weights[i] ** 2;
  }
  return squares === 0 ? 0 : (sum * sum) / squares;
}
