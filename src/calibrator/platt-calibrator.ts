import type { Calibrator, CalibratorParameters } from '../calibrator.ts';
import { sigmoid } from '../math/sigmoid.ts';
import { checkParameter } from './check-parameter.ts';
import { clampLogit } from './clamp-logit.ts';

type Parameters = Extract<CalibratorParameters, { kind: 'platt' }>;

/** sigmoid(slope * z + intercept) (Platt 1999). A slope of 0 is "the head says nothing". */
export class PlattCalibrator implements Calibrator {
  readonly parameters: Parameters;

  /** @throws InvalidInputError when the slope is not >= 0 or the intercept is not finite */
  constructor(parameters: Parameters) {
    checkParameter('PlattCalibrator', 'slope', parameters.slope, '>= 0', (a) => a >= 0);
    checkParameter('PlattCalibrator', 'intercept', parameters.intercept);
    this.parameters = parameters;
  }

  probability(logit: number): number {
    return sigmoid(this.parameters.slope * clampLogit(logit) + this.parameters.intercept);
  }
}
