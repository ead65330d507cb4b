/**
 * Mean of (probability - label)² (Brier 1950), labels in [0, 1]. Pairs with a NaN are left out. None: NaN.
 * With fractional labels the best reachable score is their spread about the true mean, above 0.
 */
export function brierScore(probabilities: ArrayLike<number>, labels: ArrayLike<number>): number {
  let sum = 0;
  let rows = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const error = probabilities[i] - labels[i];
    if (Number.isNaN(error)) continue;
    sum += error * error;
    rows++;
  }
  return rows === 0 ? Number.NaN : sum / rows;
}
