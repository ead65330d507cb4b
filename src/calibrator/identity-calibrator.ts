import type { Calibrator } from '../calibrator.ts';
import { sigmoid } from '../math/sigmoid.ts';

/** The head's own probability: sigmoid(z). */
export class IdentityCalibrator implements Calibrator {
  readonly parameters = { kind: 'identity' } as const;

  probability(logit: number): number {
    return sigmoid(logit);
  }
}
