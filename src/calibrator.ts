import * as v from 'valibot';
import { ArtifactError } from './errors.ts';
import { logSigmoid, sigmoid } from './math.ts';
import { amount, finiteNumber, object, share, validate } from './validate.ts';

/** One logit to one probability. Fitted on the calibrate split, immutable, monotone. */
export interface Calibrator {
  /** The parameters, as the manifest keeps them. */
  readonly parameters: CalibratorParameters;
  /** @param logit any finite number. @returns a probability in [0, 1]. */
  probability(logit: number): number;
}

const betaSchema = object({ kind: v.literal('beta'), a: amount, b: amount, c: finiteNumber });
type BetaParameters = Readonly<v.InferOutput<typeof betaSchema>>;

/** sigmoid(a ln p - b ln(1 - p) + c): the two tails bend apart (Kull, Silva Filho and Flach 2017, section 3). */
export class BetaCalibrator implements Calibrator {
  readonly parameters: BetaParameters;

  /** @throws InvalidInputError when a or b is not >= 0 or c is not finite */
  constructor(parameters: BetaParameters) {
    this.parameters = validate(betaSchema, parameters, 'BetaCalibrator');
  }

  probability(logit: number): number {
    const { a, b, c } = this.parameters;
    const z = clampLogit(logit);
    return sigmoid(a * logSigmoid(z) - b * logSigmoid(-z) + c);
  }
}

/** Far beyond any probability that is not 0 or 1; keeps 0 * Infinity out of a calibrator. NaN stays NaN. */
const bound = 1e6;

/** The logit, brought within ±1,000,000. */
function clampLogit(logit: number): number {
  return Math.min(bound, Math.max(-bound, logit));
}

const identitySchema = object({ kind: v.literal('identity') });

/** The head's own probability: sigmoid(z). */
export class IdentityCalibrator implements Calibrator {
  readonly parameters = { kind: 'identity' } as const;

  probability(logit: number): number {
    return sigmoid(logit);
  }
}

const MOST_POINTS = 1_000_000;

const isotonicSchema = v.pipe(
  object({
    kind: v.literal('isotonic'),
    logits: v.pipe(v.array(finiteNumber), v.minLength(1), v.maxLength(MOST_POINTS)),
    probabilities: v.array(share),
  }),
  v.check((c) => c.logits.length === c.probabilities.length, 'as many logits as probabilities'),
  v.check(
    (c) => isNonDecreasing(c.logits) && isNonDecreasing(c.probabilities),
    'an isotonic calibrator with non-decreasing logits and probabilities',
  ),
);
type IsotonicParameters = Readonly<v.InferOutput<typeof isotonicSchema>>;

/** Straight lines between fitted points, flat beyond the ends (Zadrozny and Elkan 2002, interpolated). */
export class IsotonicCalibrator implements Calibrator {
  readonly parameters: IsotonicParameters;

  /** @throws InvalidInputError when the points are not sorted, not within bounds, or not there */
  constructor(parameters: IsotonicParameters) {
    this.parameters = validate(isotonicSchema, parameters, 'IsotonicCalibrator');
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

function isNonDecreasing(values: readonly number[]): boolean {
  for (let i = 1; i < values.length; i++) if (!(values[i] >= values[i - 1])) return false;
  return true;
}

const plattSchema = object({ kind: v.literal('platt'), slope: amount, intercept: finiteNumber });
type PlattParameters = Readonly<v.InferOutput<typeof plattSchema>>;

/** sigmoid(slope * z + intercept) (Platt 1999). A slope of 0 is "the head says nothing". */
export class PlattCalibrator implements Calibrator {
  readonly parameters: PlattParameters;

  /** @throws InvalidInputError when the slope is not >= 0 or the intercept is not finite */
  constructor(parameters: PlattParameters) {
    this.parameters = validate(plattSchema, parameters, 'PlattCalibrator');
  }

  probability(logit: number): number {
    return sigmoid(this.parameters.slope * clampLogit(logit) + this.parameters.intercept);
  }
}

const temperatureSchema = object({
  kind: v.literal('temperature'),
  temperature: v.pipe(finiteNumber, v.gtValue(0)),
});
type TemperatureParameters = Readonly<v.InferOutput<typeof temperatureSchema>>;

/** sigmoid(z / temperature): one number, which keeps the order and the 1/2 point (Guo et al. 2017, 4.2). */
export class TemperatureCalibrator implements Calibrator {
  readonly parameters: TemperatureParameters;

  /** @throws InvalidInputError when the temperature is not > 0 */
  constructor(parameters: TemperatureParameters) {
    this.parameters = validate(temperatureSchema, parameters, 'TemperatureCalibrator');
  }

  probability(logit: number): number {
    return sigmoid(logit / this.parameters.temperature);
  }
}

/** Every kind of calibrator: what the manifest keeps of one, and how it is made of that. All read the head's logit z. */
export const CALIBRATORS = {
  identity: { schema: identitySchema, create: () => new IdentityCalibrator() },
  temperature: {
    schema: temperatureSchema,
    create: (parameters: TemperatureParameters) => new TemperatureCalibrator(parameters),
  },
  platt: { schema: plattSchema, create: (parameters: PlattParameters) => new PlattCalibrator(parameters) },
  beta: { schema: betaSchema, create: (parameters: BetaParameters) => new BetaCalibrator(parameters) },
  isotonic: {
    schema: isotonicSchema,
    create: (parameters: IsotonicParameters) => new IsotonicCalibrator(parameters),
  },
};

/** What the manifest keeps of a calibrator. */
export type CalibratorParameters = Readonly<
  v.InferOutput<(typeof CALIBRATORS)[keyof typeof CALIBRATORS]['schema']>
>;

/**
 * The calibrator that the parameters describe.
 * @throws InvalidInputError when a parameter is out of bounds
 */
export function createCalibrator(parameters: CalibratorParameters): Calibrator {
  const { create } = CALIBRATORS[parameters.kind];
  // The one of its kind.
  return create(parameters as never);
}

/**
 * The same of an artifact.
 *
 * @param part of it that the calibrator is of, for messages
 * @throws ArtifactError when a parameter is out of bounds
 */
export function readCalibrator(part: string, parameters: CalibratorParameters): Calibrator {
  try {
    return createCalibrator(parameters);
  } catch (cause) {
    throw new ArtifactError(`A calibrator of ${part} cannot be used: ${(cause as Error).message}`, { cause });
  }
}
