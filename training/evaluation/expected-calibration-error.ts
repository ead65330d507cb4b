import type { CalibrationBin } from '../evaluate/metrics.ts';

/** ECE: mean over rows of their bin's |predicted - observed| (Guo et al. 2017, section 2). No bin: NaN. */
export function expectedCalibrationError(bins: readonly CalibrationBin[]): number {
  let rows = 0;
  let sum = 0;
  for (const bin of bins) {
    rows += bin.rows;
    sum += bin.rows * Math.abs(bin.predicted - bin.observed);
  }
  return rows === 0 ? Number.NaN : sum / rows;
}
