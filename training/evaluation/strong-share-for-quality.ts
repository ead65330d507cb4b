import type { StrongShareCurve } from './strong-share-curve.ts';

/**
 * Smallest share of strong calls whose quality reaches `target`.
 * @returns NaN where the curve never does
 */
export function strongShareForQuality({ shares, qualities }: StrongShareCurve, target: number): number {
  // Sums of the same numbers in another order differ in the last digits.
  const enough = target - 1e-12;
  if (qualities[0] >= enough) return shares[0];
  for (let i = 1; i < shares.length; i++) {
    if (qualities[i] < enough || Number.isNaN(qualities[i])) continue;
    const climb = (target - qualities[i - 1]) / (qualities[i] - qualities[i - 1]);
    return shares[i - 1] + Math.min(1, climb) * (shares[i] - shares[i - 1]);
  }
  return Number.NaN;
}

/**
 * CPT: smallest share of strong calls that recovers `fraction` of the gap between weak and strong (Ong et al.
 * 2024, arXiv 2406.18665, section 3.2). @returns NaN where the strong candidate is not better
 */
export function callPerformanceThreshold(curve: StrongShareCurve, fraction: number): number {
  const weak = curve.qualities[0];
  const gap = curve.qualities[curve.qualities.length - 1] - weak;
  return gap > 0 ? strongShareForQuality(curve, weak + fraction * gap) : Number.NaN;
}
