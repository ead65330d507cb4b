/** What quality, cost and latency are worth to each other in a utility. Each is a number from 0 to 1,000,000. */
export interface UtilityWeights {
  /** Utility of one whole success probability (γ). */
  readonly quality: number;
  /**
   * Utility lost by the mean cost of the costliest candidate (β). With quality 1 and cost 0.2, that candidate must
   * be 0.2 more likely to answer well than a free one in order to be chosen.
   */
  readonly cost: number;
  /** Utility lost by the mean latency of the slowest candidate (α). */
  readonly latency: number;
}

export type WeightsName = 'best' | 'balanced' | 'cheapest';

/**
 * `best`: the highest success probability; cost breaks ties. `balanced`: a success probability of 0.2 is worth the
 * costliest candidate, 0.02 the slowest. `cheapest`: the lowest cost within the limits; set
 * `minSuccessProbability` beside it.
 */
export const NAMED_WEIGHTS: Readonly<Record<WeightsName, UtilityWeights>> = {
  best: { quality: 1, cost: 0, latency: 0 },
  balanced: { quality: 1, cost: 0.2, latency: 0.02 },
  cheapest: { quality: 0, cost: 1, latency: 0 },
};

export function resolveWeights(weights: WeightsName | UtilityWeights): UtilityWeights {
  return typeof weights === 'string' ? NAMED_WEIGHTS[weights] : weights;
}
