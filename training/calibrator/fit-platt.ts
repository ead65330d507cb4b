import { PlattCalibrator } from 'pointsman/calibrator';
import { fitLogistic } from '../calibrate/fit-calibrators.ts';
import { type CalibrationData, observedRows } from './calibration-data.ts';

/**
 * Slope >= 0 and intercept of least log-loss, drawn a little to 1 and 0; the pull stands in for Platt's smoothed
 * targets (1999, section 2.2), which do not do for fractional labels.
 */
export function fitPlatt(data: CalibrationData): PlattCalibrator {
  const observed = observedRows(data);
  const ones = new Float64Array(observed.logits.length).fill(1);
  const [slope, intercept] = fitLogistic(observed, [observed.logits, ones], {
    towards: [1, 0],
    strength: [1, 0.25],
    nonNegative: [true, false],
  });
  return new PlattCalibrator({ kind: 'platt', slope, intercept });
}
