/** One logit to one probability. Fitted on the calibrate split, immutable, monotone. */
export interface Calibrator {
  /** The parameters, as the manifest keeps them. */
  readonly parameters: CalibratorParameters;
  /** @param logit any finite number. @returns a probability in [0, 1]. */
  probability(logit: number): number;
}

/** What the manifest keeps of a calibrator. All read the head's logit z; p = sigmoid(z). */
export type CalibratorParameters =
  /** p */
  | { readonly kind: 'identity' }
  /** sigmoid(z / temperature). Guo et al. 2017, section 4.2. */
  | { readonly kind: 'temperature'; readonly temperature: number }
  /** sigmoid(slope * z + intercept). Platt 1999. */
  | { readonly kind: 'platt'; readonly slope: number; readonly intercept: number }
  /** sigmoid(a ln p - b ln(1 - p) + c), a, b >= 0. Kull et al. 2017, section 3. */
  | { readonly kind: 'beta'; readonly a: number; readonly b: number; readonly c: number }
  /** Piecewise-linear through (logits[i], probabilities[i]), both non-decreasing. Zadrozny and Elkan 2002. */
  | {
      readonly kind: 'isotonic';
      readonly logits: readonly number[];
      readonly probabilities: readonly number[];
    };
