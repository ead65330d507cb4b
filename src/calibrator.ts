import { InvalidInputError } from './errors.ts';
import { logSigmoid, sigmoid } from './math/logistic.ts';

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

/**
 * The calibrator that the parameters describe.
 * @throws InvalidInputError when a parameter is out of bounds
 */
export function createCalibrator(parameters: CalibratorParameters): Calibrator {
  switch (parameters.kind) {
    case 'identity':
      return new IdentityCalibrator();
    case 'temperature':
      return new TemperatureCalibrator(parameters);
    case 'platt':
      return new PlattCalibrator(parameters);
    case 'beta':
      return new BetaCalibrator(parameters);
    case 'isotonic':
      return new IsotonicCalibrator(parameters);
  }
}

type BetaParameters = Extract<CalibratorParameters, { kind: 'beta' }>;

/** sigmoid(a ln p - b ln(1 - p) + c): the two tails bend apart (Kull, Silva Filho and Flach 2017, section 3). */
export class BetaCalibrator implements Calibrator {
  readonly parameters: BetaParameters;

  /** @throws InvalidInputError when a or b is not >= 0 or c is not finite */
  constructor(parameters: BetaParameters) {
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

/** @throws InvalidInputError when the parameter is not a finite number within its bound */
function checkParameter(
  owner: string,
  name: string,
  value: number,
  bound = '',
  holds: (value: number) => boolean = () => true,
): void {
  if (Number.isFinite(value) && holds(value)) return;
  throw new InvalidInputError(
    `\`${name}\` of ${owner} must be a number${bound === '' ? '' : ` ${bound}`}. Got ${value}. ` +
      'Fit the calibrator again.',
  );
}

/** Far beyond any probability that is not 0 or 1; keeps 0 * Infinity out of a calibrator. NaN stays NaN. */
const bound = 1e6;

/** The logit, brought within ±1,000,000. */
function clampLogit(logit: number): number {
  return Math.min(bound, Math.max(-bound, logit));
}

/** The head's own probability: sigmoid(z). */
export class IdentityCalibrator implements Calibrator {
  readonly parameters = { kind: 'identity' } as const;

  probability(logit: number): number {
    return sigmoid(logit);
  }
}

type IsotonicParameters = Extract<CalibratorParameters, { kind: 'isotonic' }>;

/** Straight lines between fitted points, flat beyond the ends (Zadrozny and Elkan 2002, interpolated). */
export class IsotonicCalibrator implements Calibrator {
  readonly parameters: IsotonicParameters;

  /** @throws InvalidInputError when the points are not sorted, not within bounds, or not there */
  constructor(parameters: IsotonicParameters) {
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

type PlattParameters = Extract<CalibratorParameters, { kind: 'platt' }>;

/** sigmoid(slope * z + intercept) (Platt 1999). A slope of 0 is "the head says nothing". */
export class PlattCalibrator implements Calibrator {
  readonly parameters: PlattParameters;

  /** @throws InvalidInputError when the slope is not >= 0 or the intercept is not finite */
  constructor(parameters: PlattParameters) {
    checkParameter('PlattCalibrator', 'slope', parameters.slope, '>= 0', (a) => a >= 0);
    checkParameter('PlattCalibrator', 'intercept', parameters.intercept);
    this.parameters = parameters;
  }

  probability(logit: number): number {
    return sigmoid(this.parameters.slope * clampLogit(logit) + this.parameters.intercept);
  }
}

type TemperatureParameters = Extract<CalibratorParameters, { kind: 'temperature' }>;

/** sigmoid(z / temperature): one number, which keeps the order and the 1/2 point (Guo et al. 2017, 4.2). */
export class TemperatureCalibrator implements Calibrator {
  readonly parameters: TemperatureParameters;

  /** @throws InvalidInputError when the temperature is not > 0 */
  constructor(parameters: TemperatureParameters) {
    checkParameter('TemperatureCalibrator', 'temperature', parameters.temperature, '> 0', (t) => t > 0);
    this.parameters = parameters;
  }

  probability(logit: number): number {
    return sigmoid(logit / this.parameters.temperature);
  }
}
