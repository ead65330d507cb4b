export type { CalibrationData } from './calibration-data.ts';
export { calibrationLoss } from './calibration-loss.ts';
export {
  type CalibratorChoice,
  type CalibratorKind,
  type ChoiceOptions,
  chooseCalibrator,
} from './choose-calibrator.ts';
export { fitBeta } from './fit-beta.ts';
export { fitIsotonic, poolAdjacentViolators } from './fit-isotonic.ts';
export { fitPlatt } from './fit-platt.ts';
export { fitRatioScale } from './fit-ratio-scale.ts';
export { fitSoftmaxTemperature } from './fit-softmax-temperature.ts';
export { fitTemperature } from './fit-temperature.ts';
export { gainIsWorth } from './gain-is-worth.ts';
