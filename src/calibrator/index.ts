export {
  BetaCalibrator,
  type Calibrator,
  type CalibratorParameters,
  createCalibrator,
  IdentityCalibrator,
  IsotonicCalibrator,
  PlattCalibrator,
  TemperatureCalibrator,
} from '../calibrator.ts';
