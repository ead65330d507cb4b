export interface ClippedWeights {
  readonly weights: Float64Array; // [cells]
  /** Share of the weights above 0 that were cut. */
  readonly clippedShare: number;
}

/** Weights beyond this are cut: one outcome then speaks for at most so many prompts. */
export const HIGHEST_WEIGHT = 100;

/**
 * Cuts importance weights at `most`: less noise, for a bias towards what the rows with small propensities are thought to
 * be worth without them (Ionides 2008, truncated importance sampling). NaN stays NaN.
 * @param weights each >= 0
 */
export function clipWeights(weights: ArrayLike<number>, most = HIGHEST_WEIGHT): ClippedWeights {
  let positive = 0;
  let cut = 0;
  const clipped = Float64Array.from(weights, (weight) => {
    if (weight > 0) positive++;
    if (!(weight > most)) return weight;
    cut++;
    return most;
  });
  return { weights: clipped, clippedShare: positive === 0 ? 0 : cut / positive };
}
