import { BetaCalibrator } from 'pointsman/calibrator';
import { logSigmoid } from 'pointsman/math';
import { fitLogistic } from '../calibrate/fit-calibrators.ts';
import { type CalibrationData, observedRows } from './calibration-data.ts';

/** Kull et al.'s a, b >= 0 and c of least log-loss, drawn a little to the identity (1, 1, 0). */
export function fitBeta(data: CalibrationData): BetaCalibrator {
  const observed = observedRows(data);
  const positive = observed.logits.map((z) => logSigmoid(z));
  const negative = observed.logits.map((z) => -logSigmoid(-z));
  const ones = new Float64Array(observed.logits.length).fill(1);
  const [a, b, c] = fitLogistic(observed, [positive, negative, ones], {
    towards: [1, 1, 0],
    strength: [1, 1, 0.25],
    nonNegative: [true, true, false],
  });
  return new BetaCalibrator({ kind: 'beta', a, b, c });
}
