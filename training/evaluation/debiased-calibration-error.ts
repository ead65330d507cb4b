import type { CalibrationBin } from '../evaluate/metrics.ts';
import { expectedCalibrationError } from './expected-calibration-error.ts';

/**
 * ECE less an estimate of what sampling noise adds to it, never below 0. The plug-in ECE of a perfect model is above 0,
 * the more so the fewer rows a bin has. Bias as in `normal_debiased_ce` of Kumar et al. 2019 (arXiv 1909.10155,
 * section 5): a bin's gap is normal about the gap seen; here the folded normal's mean is written out, where
 * they sample. Of a perfect model this takes off some two fifths of the noise, not all of it: the gap seen
 * stands in for the true one. Bins of one row count as they are. No bin: NaN.
 */
export function debiasedCalibrationError(bins: readonly CalibrationBin[]): number {
  let rows = 0;
  let bias = 0;
  for (const bin of bins) {
    rows += bin.rows;
    if (!bin.standardError) continue;
    const gap = Math.abs(bin.observed - bin.predicted);
    bias += bin.rows * (foldedNormalMean(gap, bin.standardError) - gap);
  }
  return rows === 0 ? Number.NaN : Math.max(0, expectedCalibrationError(bins) - bias / rows);
}

/** E|X| for X normal with this mean (>= 0) and standard deviation (> 0). */
function foldedNormalMean(mean: number, deviation: number): number {
  const z = mean / deviation;
  return deviation * Math.sqrt(2 / Math.PI) * Math.exp((-z * z) / 2) + mean * errorFunction(z / Math.SQRT2);
}

/** Abramowitz and Stegun 1964, formula 7.1.26; absolute error under 1.5e-7, for x >= 0. */
function errorFunction(x: number): number {
  const t = 1 / (1 + 0.3275911 * x);
  const polynomial =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return 1 - polynomial * Math.exp(-x * x);
}
