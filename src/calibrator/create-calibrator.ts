import type { Calibrator, CalibratorParameters } from '../calibrator.ts';
import { BetaCalibrator } from './beta-calibrator.ts';
import { IdentityCalibrator } from './identity-calibrator.ts';
import { IsotonicCalibrator } from './isotonic-calibrator.ts';
import { PlattCalibrator } from './platt-calibrator.ts';
import { TemperatureCalibrator } from './temperature-calibrator.ts';

/**
 * The calibrator that the parameters describe.
 * @throws InvalidInputError when a parameter is out of bounds
 */
export function createCalibrator(parameters: CalibratorParameters): Calibrator {
  switch (parameters.kind) {
    case 'identity':
      return new IdentityCalibrator();
    case 'temperature':
      return new TemperatureCalibrator(parameters);
    case 'platt':
      return new PlattCalibrator(parameters);
    case 'beta':
      return new BetaCalibrator(parameters);
    case 'isotonic':
      return new IsotonicCalibrator(parameters);
  }
}
