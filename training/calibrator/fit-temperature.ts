import { TemperatureCalibrator } from 'pointsman/calibrator';
import { fitLogistic } from '../calibrate/fit-calibrators.ts';
import { type CalibrationData, observedRows } from './calibration-data.ts';

/** A slope below this would say that the head knows nothing; Platt says that better. */
const flattest = 0.01;

/**
 * The temperature of least log-loss, drawn a little to 1 (as one row would), so that no rows, or labels that are
 * all alike, give a finite one.
 */
export function fitTemperature(data: CalibrationData): TemperatureCalibrator {
  const observed = observedRows(data);
  const [slope] = fitLogistic(observed, [observed.logits], {
    towards: [1],
    strength: [1],
    nonNegative: [true],
  });
  return new TemperatureCalibrator({ kind: 'temperature', temperature: 1 / Math.max(slope, flattest) });
}
