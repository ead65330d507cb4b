import type { Calibrator, CalibratorParameters } from '../calibrator.ts';
import { sigmoid } from '../math/sigmoid.ts';
import { checkParameter } from './check-parameter.ts';

type Parameters = Extract<CalibratorParameters, { kind: 'temperature' }>;

/** sigmoid(z / temperature): one number, which keeps the order and the 1/2 point (Guo et al. 2017, 4.2). */
export class TemperatureCalibrator implements Calibrator {
  readonly parameters: Parameters;

  /** @throws InvalidInputError when the temperature is not > 0 */
  constructor(parameters: Parameters) {
    checkParameter('TemperatureCalibrator', 'temperature', parameters.temperature, '> 0', (t) => t > 0);
    this.parameters = parameters;
  }

  probability(logit: number): number {
    return sigmoid(logit / this.parameters.temperature);
  }
}
