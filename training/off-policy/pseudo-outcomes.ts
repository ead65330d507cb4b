import { InvalidInputError } from 'pointsman';
import { HIGHEST_WEIGHT } from './clip-weights.ts';

export interface PseudoOutcomeInput {
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
