import type { StrongShareCurve } from './strong-share-curve.ts';

/**
 * APGR: the area under quality(x), minus weak, over strong minus weak (Ong et al. 2024, arXiv 2406.18665,
 * section 3.2). Random routing gives 0.5; above 1 is possible, since a mix can beat the strong candidate.
 * @returns NaN where the strong candidate is not better than the weak one, and for an empty curve
 */
export function averageGapRecovered({ shares, qualities }: StrongShareCurve): number {
  const weak = qualities[0];
  const gap = qualities[qualities.length - 1] - weak;
  if (!(gap > 0)) return Number.NaN;
  let area = 0;
  for (let i = 1; i < shares.length; i++) {
    area += (shares[i] - shares[i - 1]) * ((qualities[i] + qualities[i - 1]) / 2 - weak);
  }
  return area / gap;
}
