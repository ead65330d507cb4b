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
  const sums = new Map<number, { gain: number; weight: number }>();
  let [gained, weighed] = [0, 0];
  gains.forEach((gain, i) => {
    const weight = weights === null ? 1 : weights[i];
    if (Number.isNaN(gain) || !(weight > 0)) return;
    const sum = sums.get(groups[i]) ?? { gain: 0, weight: 0 };
    sums.set(groups[i], { gain: sum.gain + weight * gain, weight: sum.weight + weight });
    gained += weight * gain;
    weighed += weight;
  });
  if (sums.size < 2) return false;
  const mean = gained / weighed;
  let squares = 0;
  for (const { gain, weight } of sums.values()) squares += (gain - weight * mean) ** 2;
  const standardError = Math.sqrt((squares * sums.size) / (sums.size - 1)) / weighed;
  return mean > WORTHWHILE * standardError;
}
