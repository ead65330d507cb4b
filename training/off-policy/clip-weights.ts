export interface ClippedWeights {
  readonly weights: Float64Array; // [cells]
  /** Share of the weights above 0 that were cut. */
  readonly clippedShare: number;
  /** Share of their sum that was cut off: few weights may be most of it. */
  readonly clippedMass: number;
}

/** Weights beyond this are cut, where nothing is known of how large they can be: one outcome then speaks for at most so many prompts. */
export const HIGHEST_WEIGHT = 100;

/** Where a logging policy gives every candidate so much at least, weights have a bound, and nothing is cut. */
export const LEAST_FLOOR = 1 / 1000;

/**
 * Where weights are cut, unless somebody says otherwise. A policy that explores with ε among K candidates gives each of them
 * ε/K, so weights go up to K/ε, beyond 100 for 5 % among 6: to cut them would take away a share of every explored
 * outcome. Propensities without such a floor (softmax, Thompson, all that were fitted) are cut at 100. Where some were fitted,
 * as those of who answered after a fallback, the others say where the floor is.
 * @param propensities of what was seen; NaN is passed over @param policy NaN where they were fitted; null: nowhere, or all
 */
export function highestWeight(
  propensities: ArrayLike<number>,
  source: 'logged' | 'fitted' = 'logged',
  policy: ArrayLike<number> | null = null,
): number {
  if (source === 'fitted' && policy === null) return HIGHEST_WEIGHT;
  let least = 1;
  for (let i = 0; i < propensities.length; i++) {
    const isKnown = policy === null || !Number.isNaN(policy[i]);
    if (isKnown && propensities[i] < least) least = propensities[i];
  }
  // The inverse of a rounded number may come out a little larger than what it was rounded from.
  return least >= LEAST_FLOOR * (1 - 1e-6) ? Math.max(HIGHEST_WEIGHT, 1 / least) : HIGHEST_WEIGHT;
}

/**
 * Cuts importance weights at `most`: less noise, for a bias towards what the rows with small propensities are thought to
 * be worth without them (Ionides 2008, truncated importance sampling). NaN stays NaN.
 * @param weights each >= 0
 */
export function clipWeights(weights: ArrayLike<number>, most = HIGHEST_WEIGHT): ClippedWeights {
  let positive = 0;
  let cut = 0;
  let sum = 0;
  let beyond = 0;
  const clipped = Float64Array.from(weights, (weight) => {
    if (weight > 0) {
      positive++;
      sum += weight;
    }
    if (!(weight > most)) return weight;
    cut++;
    beyond += weight - most;
    return most;
  });
  return {
    weights: clipped,
    clippedShare: positive === 0 ? 0 : cut / positive,
    clippedMass: sum === 0 ? 0 : beyond / sum,
  };
}
