export type { Calibrator, CalibratorParameters } from '../calibrator.ts';
export { BetaCalibrator } from './beta-calibrator.ts';
export { createCalibrator } from './create-calibrator.ts';
export { IdentityCalibrator } from './identity-calibrator.ts';
export { IsotonicCalibrator } from './isotonic-calibrator.ts';
export { PlattCalibrator } from './platt-calibrator.ts';
export { TemperatureCalibrator } from './temperature-calibrator.ts';
