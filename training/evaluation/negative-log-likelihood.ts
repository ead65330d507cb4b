/** Probabilities are kept this far from 0 and 1: about what float32 can tell from 1. */
export const PROBABILITY_FLOOR = 1e-7;

/**
 * Mean log-loss in nats, -y ln p - (1 - y) ln(1 - p), labels in [0, 1]. Pairs with a NaN are left out. None: NaN.
 */
export function negativeLogLikelihood(probabilities: ArrayLike<number>, labels: ArrayLike<number>): number {
  let sum = 0;
  let rows = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const label = labels[i];
    if (Number.isNaN(probabilities[i]) || Number.isNaN(label)) continue;
    const p = Math.min(1 - PROBABILITY_FLOOR, Math.max(PROBABILITY_FLOOR, probabilities[i]));
    sum -= label * Math.log(p) + (1 - label) * Math.log1p(-p);
    rows++;
  }
  return rows === 0 ? Number.NaN : sum / rows;
}
