import { sigmoid } from '../math/sigmoid.ts';
import type { Calibrator } from './calibrator.ts';

/** The head's own probability: sigmoid(z). */
export class IdentityCalibrator implements Calibrator {
  readonly parameters = { kind: 'identity' } as const;

  probability(logit: number): number {
    return sigmoid(logit);
  }
}
