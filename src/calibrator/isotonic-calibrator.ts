import type { Calibrator, CalibratorParameters } from '../calibrator.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';

type Parameters = Extract<CalibratorParameters, { kind: 'isotonic' }>;

/** Straight lines between fitted points, flat beyond the ends (Zadrozny and Elkan 2002, interpolated). */
export class IsotonicCalibrator implements Calibrator {
  readonly parameters: Parameters;

  /** @throws InvalidInputError when the points are not sorted, not within bounds, or not there */
  constructor(parameters: Parameters) {
    const { logits, probabilities } = parameters;
    const sorted = (values: readonly number[]) => values.every((x, i) => i === 0 || x >= values[i - 1]);
    if (logits.length === 0 || logits.length !== probabilities.length) {
      throw new InvalidInputError(
        '`logits` and `probabilities` of IsotonicCalibrator must be as long as each other and not empty. ' +
          `Got ${logits.length} and ${probabilities.length}.`,
      );
    }
    if (!logits.every(Number.isFinite) || !sorted(logits)) {
      throw new InvalidInputError('`logits` of IsotonicCalibrator must be finite and non-decreasing.');
    }
    if (!probabilities.every((p) => p >= 0 && p <= 1) || !sorted(probabilities)) {
      throw new InvalidInputError(
        '`probabilities` of IsotonicCalibrator must be in [0, 1] and non-decreasing.',
      );
    }
    this.parameters = parameters;
  }

  probability(logit: number): number {
    const { logits, probabilities } = this.parameters;
    if (Number.isNaN(logit)) return Number.NaN;
    let low = 0; // points before `low` are <= logit
    let high = logits.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (logits[middle] <= logit) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return probabilities[0];
    if (low === logits.length) return probabilities[low - 1];
    const share = (logit - logits[low - 1]) / (logits[low] - logits[low - 1]);
    return probabilities[low - 1] + share * (probabilities[low] - probabilities[low - 1]);
  }
}
