import type { Calibrator, CalibratorParameters } from '../calibrator.ts';
import { logSigmoid } from '../math/log-sigmoid.ts';
import { sigmoid } from '../math/sigmoid.ts';
import { checkParameter } from './check-parameter.ts';
import { clampLogit } from './clamp-logit.ts';

type Parameters = Extract<CalibratorParameters, { kind: 'beta' }>;

/** sigmoid(a ln p - b ln(1 - p) + c): the two tails bend apart (Kull, Silva Filho and Flach 2017, section 3). */
export class BetaCalibrator implements Calibrator {
  readonly parameters: Parameters;

  /** @throws InvalidInputError when a or b is not >= 0 or c is not finite */
  constructor(parameters: Parameters) {
    checkParameter('BetaCalibrator', 'a', parameters.a, '>= 0', (a) => a >= 0);
    checkParameter('BetaCalibrator', 'b', parameters.b, '>= 0', (b) => b >= 0);
    checkParameter('BetaCalibrator', 'c', parameters.c);
    this.parameters = parameters;
  }

  probability(logit: number): number {
    const { a, b, c } = this.parameters;
    const z = clampLogit(logit);
    return sigmoid(a * logSigmoid(z) - b * logSigmoid(-z) + c);
  }
}
