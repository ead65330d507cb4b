import { Matrix as Square, solve } from 'ml-matrix';
import { InvalidInputError } from 'pointsman';
import {
  argMin,
  BetaCalibrator,
  binaryCrossEntropy,
  type Calibrator,
  IdentityCalibrator,
  IsotonicCalibrator,
  logSigmoid,
  PlattCalibrator,
  sigmoid,
  TemperatureCalibrator,
} from 'pointsman/internal';
import { type FitData, meanLoss } from '../fit/loss.ts';
import type { Matrix } from '../fit/rows.ts';

export type CalibratorKind = Calibrator['parameters']['kind'];

/** How each kind of calibrator is fitted, the simple ones first: a tie goes to the fewer parameters. */
export const FITTERS: Readonly<Record<CalibratorKind, (data: CalibrationData) => Calibrator>> = {
  identity: () => new IdentityCalibrator(),
  temperature: fitTemperature,
  platt: fitPlatt,
  beta: fitBeta,
  isotonic: fitIsotonic,
};

/** One head output's logits on the calibrate split, and what came of them. */
export interface CalibrationData {
  readonly logits: ArrayLike<number>; // [rows]
  /** 0 to 1, fractions allowed; NaN: unobserved. `[rows]` */
  readonly labels: ArrayLike<number>;
  /** Importance of each row, >= 0. `[rows]` @default 1 each */
  readonly weights?: ArrayLike<number>;
}

/** What was observed, with finite logits and weights above 0, in the order of the rows. */
export interface ObservedRows {
  readonly logits: Float64Array;
  readonly labels: Float64Array;
  readonly weights: Float64Array;
  /** Which rows they were. */
  readonly rows: Int32Array;
  readonly totalWeight: number;
}

/** Probabilities this close to 0 or 1 tell calibrators nothing more. */
const furthest = 30;

/** @throws InvalidInputError where lengths disagree or a label is not in [0, 1] */
export function observedRows({ logits, labels, weights }: CalibrationData): ObservedRows {
  if (logits.length !== labels.length || (weights !== undefined && weights.length !== logits.length)) {
    throw new InvalidInputError(
      `\`logits\`, \`labels\` and \`weights\` of a calibrator must be as long as each other. ` +
        `Got ${logits.length}, ${labels.length} and ${weights?.length ?? 'none'}.`,
    );
  }
  const rows: number[] = [];
  let totalWeight = 0;
  for (let i = 0; i < logits.length; i++) {
    if (Number.isNaN(labels[i]) || Number.isNaN(logits[i])) continue;
    if (!(labels[i] >= 0 && labels[i] <= 1)) {
      throw new InvalidInputError(`\`labels\` of a calibrator must be in [0, 1]. Got ${labels[i]} at ${i}.`);
    }
    const weight = weights?.[i] ?? 1;
    if (!(weight > 0)) continue;
    rows.push(i);
    totalWeight += weight;
  }
  return {
    logits: Float64Array.from(rows, (i) => Math.min(furthest, Math.max(-furthest, logits[i]))),
    labels: Float64Array.from(rows, (i) => labels[i]),
    weights: Float64Array.from(rows, (i) => weights?.[i] ?? 1),
    rows: Int32Array.from(rows),
    totalWeight,
  };
}

/** A slope below this would say that the head knows nothing; Platt says that better. */
const flattest = 0.01;

/**
 * The temperature of least log-loss, drawn a little to 1 (as one row would), so that no rows, or labels that are
 * all alike, give a finite one.
 */
export function fitTemperature(data: CalibrationData): TemperatureCalibrator {
  const observed = observedRows(data);
  const [slope] = fitLogistic(observed, [observed.logits], {
    towards: [1],
    strength: [1],
    nonNegative: [true],
  });
  return new TemperatureCalibrator({ kind: 'temperature', temperature: 1 / Math.max(slope, flattest) });
}

/**
 * Slope >= 0 and intercept of least log-loss, drawn a little to 1 and 0; the pull stands in for Platt's smoothed
 * targets (1999, section 2.2), which do not do for fractional labels.
 */
export function fitPlatt(data: CalibrationData): PlattCalibrator {
  const observed = observedRows(data);
  const ones = new Float64Array(observed.logits.length).fill(1);
  const [slope, intercept] = fitLogistic(observed, [observed.logits, ones], {
    towards: [1, 0],
    strength: [1, 0.25],
    nonNegative: [true, false],
  });
  return new PlattCalibrator({ kind: 'platt', slope, intercept });
}

/** Kull et al.'s a, b >= 0 and c of least log-loss, drawn a little to the identity (1, 1, 0). */
export function fitBeta(data: CalibrationData): BetaCalibrator {
  const observed = observedRows(data);
  const positive = observed.logits.map((z) => logSigmoid(z));
  const negative = observed.logits.map((z) => -logSigmoid(-z));
  const ones = new Float64Array(observed.logits.length).fill(1);
  const [a, b, c] = fitLogistic(observed, [positive, negative, ones], {
    towards: [1, 1, 0],
    strength: [1, 1, 0.25],
    nonNegative: [true, true, false],
  });
  return new BetaCalibrator({ kind: 'beta', a, b, c });
}

/** Rows that each step is smoothed with: without them a step of three successes would promise certainty. */
const pseudoRows = 1;

/**
 * Isotonic regression (Zadrozny and Elkan 2002): the steps of `poolAdjacentViolators`, a point at each step's mean logit and
 * straight lines between. Each step is smoothed towards the overall mean. No rows give 1/2 everywhere.
 */
export function fitIsotonic(data: CalibrationData): IsotonicCalibrator {
  const steps = poolAdjacentViolators(data);
  if (steps.length === 0)
    return new IsotonicCalibrator({ kind: 'isotonic', logits: [0], probabilities: [0.5] });
  let [sum, total] = [0, 0];
  for (const { label, weight } of steps) {
    sum += weight * label;
    total += weight;
  }
  const overall = (sum + 0.5 * pseudoRows) / (total + pseudoRows);
  // Smoothing pulls small steps further than large ones, so the order is made good once more.
  const probabilities: number[] = [];
  for (const { label, weight } of steps) {
    const smooth = (label * weight + overall * pseudoRows) / (weight + pseudoRows);
    probabilities.push(Math.max(smooth, probabilities.at(-1) ?? 0));
  }
  return new IsotonicCalibrator({
    kind: 'isotonic',
    logits: steps.map(({ logit }) => logit),
    probabilities: probabilities.map((p) => Math.min(1, p)),
  });
}

/** A run of rows that share one probability. */
interface IsotonicStep {
  /** Weighted mean logit of its rows. */
  readonly logit: number;
  /** Weighted mean label. */
  readonly label: number;
  readonly weight: number;
}

/**
 * The non-decreasing steps of least squared error (Ayer et al. 1955), by ascending logit. A function has one value at one
 * logit, so rows of equal logit are one point, whatever their order: their weighted mean, before anything is compared
 * (the secondary approach to ties: Kruskal 1964; de Leeuw, Hornik and Mair 2009, section 4.2).
 */
export function poolAdjacentViolators(data: CalibrationData): IsotonicStep[] {
  const steps: IsotonicStep[] = [];
  for (let step of pointsByLogit(data)) {
    for (let last = steps.at(-1); last !== undefined && last.label >= step.label; last = steps.at(-1)) {
      steps.pop();
      step = pooled(last, step);
    }
    steps.push(step);
  }
  return steps;
}

/** One point for each distinct logit, ascending. */
function pointsByLogit(data: CalibrationData): IsotonicStep[] {
  const { logits, labels, weights } = observedRows(data);
  const order = Int32Array.from(logits.keys()).sort((a, b) => logits[a] - logits[b]);
  const points: IsotonicStep[] = [];
  for (const i of order) {
    const row = { logit: logits[i], label: labels[i], weight: weights[i] };
    const last = points.at(-1);
    if (last === undefined || last.logit !== row.logit) points.push(row);
    else points[points.length - 1] = pooled(last, row);
  }
  return points;
}

/** @param right at a logit no lower than that of `left` */
function pooled(left: IsotonicStep, right: IsotonicStep): IsotonicStep {
  const weight = left.weight + right.weight;
  const logit = (left.logit * left.weight + right.logit * right.weight) / weight;
  return {
    // Rounding must not carry it past a neighbour.
    logit: Math.min(right.logit, Math.max(left.logit, logit)),
    label: (left.label * left.weight + right.label * right.weight) / weight,
    weight,
  };
}

interface LogisticPenalty {
  /** Where the parameters are pulled to. */
  readonly towards: readonly number[];
  /** How hard, per parameter; a few pseudo-rows' worth keeps tiny and degenerate sets finite. */
  readonly strength: readonly number[];
  /** Parameters that may not fall below 0. */
  readonly nonNegative: readonly boolean[];
}

/**
 * Newton's method for the few parameters of a calibrator: p = sigmoid(sum of parameter times basis). Damped, so the
 * loss never rises; a parameter at its bound stays there while it would leave.
 * @param basis per parameter, `[rows]`
 */
function fitLogistic(data: ObservedRows, basis: readonly Float64Array[], penalty: LogisticPenalty): number[] {
  let parameters = [...penalty.towards];
  let value = lossAt(data, basis, penalty, parameters);
  for (let step = 0; step < 100; step++) {
    const { slope, curvature } = derivatives(data, basis, penalty, parameters);
    const free = parameters.map((p, k) => !(penalty.nonNegative[k] && p <= 0 && slope[k] > 0));
    const direction = newtonStep(curvature, slope, free);
    let next = parameters;
    let nextValue = value;
    for (let length = 1; length > 1e-6; length /= 2) {
      next = parameters.map((p, k) => {
        const moved = p - length * direction[k];
        return penalty.nonNegative[k] ? Math.max(0, moved) : moved;
      });
      nextValue = lossAt(data, basis, penalty, next);
      if (nextValue < value) break;
    }
    if (!(nextValue < value - 1e-12 * Math.abs(value))) break;
    parameters = next;
    value = nextValue;
  }
  return parameters;
}

function logitAt(basis: readonly Float64Array[], parameters: readonly number[], i: number): number {
  let z = 0;
  for (let k = 0; k < basis.length; k++) z += parameters[k] * basis[k][i];
  return z;
}

function lossAt(
  { labels, weights }: ObservedRows,
  basis: readonly Float64Array[],
  { towards, strength }: LogisticPenalty,
  parameters: readonly number[],
): number {
  let total = 0;
  for (let i = 0; i < labels.length; i++) {
    total += weights[i] * binaryCrossEntropy(logitAt(basis, parameters, i), labels[i]);
  }
  parameters.forEach((p, k) => {
    total += 0.5 * strength[k] * (p - towards[k]) ** 2;
  });
  return total;
}

function derivatives(
  { labels, weights }: ObservedRows,
  basis: readonly Float64Array[],
  { towards, strength }: LogisticPenalty,
  parameters: readonly number[],
): { slope: number[]; curvature: number[][] } {
  const size = basis.length;
  const slope = parameters.map((p, k) => strength[k] * (p - towards[k]));
  const curvature = parameters.map((_, a) => parameters.map((_, b) => (a === b ? strength[a] + 1e-9 : 0)));
  for (let i = 0; i < labels.length; i++) {
    const p = sigmoid(logitAt(basis, parameters, i));
    const error = weights[i] * (p - labels[i]);
    const bend = weights[i] * Math.max(p * (1 - p), 1e-9);
    for (let a = 0; a < size; a++) {
      slope[a] += error * basis[a][i];
      for (let b = 0; b < size; b++) curvature[a][b] += bend * basis[a][i] * basis[b][i];
    }
  }
  return { slope, curvature };
}

/** Newton's step in the free parameters; the others get 0. */
function newtonStep(
  curvature: readonly (readonly number[])[],
  slope: readonly number[],
  free: readonly boolean[],
): number[] {
  const matrix = curvature.map((row, a) => row.map((x, b) => (free[a] && free[b] ? x : Number(a === b))));
  const target = slope.map((x, a) => (free[a] ? x : 0));
  return solve(new Square(matrix), Square.columnVector(target)).to1DArray();
}

/**
 * The temperature at which softmax(logits / temperature) has the least cross-entropy against the targets, within 1/100
 * to 100. The loss is convex in 1 / temperature: a golden-section search on its logarithm finds the minimum.
 * Nothing observed gives 1.
 * @param logits `[rows, candidates]`
 */
export function fitSoftmaxTemperature(logits: Matrix, data: Omit<FitData, 'features'>): number {
  const lossAt = (logSlope: number) => {
    const slope = Math.exp(logSlope);
    return meanLoss('softmax', { ...logits, values: logits.values.map((x) => slope * x) }, data);
  };
  if (Number.isNaN(lossAt(0))) return 1;
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [-Math.log(100), Math.log(100)];
  let [left, right] = [high - golden * (high - low), low + golden * (high - low)];
  let [leftLoss, rightLoss] = [lossAt(left), lossAt(right)];
  while (high - low > 1e-3) {
    if (leftLoss <= rightLoss) {
      [high, right, rightLoss] = [right, left, leftLoss];
      left = high - golden * (high - low);
      leftLoss = lossAt(left);
    } else {
      [low, left, leftLoss] = [left, right, rightLoss];
      right = low + golden * (high - low);
      rightLoss = lossAt(right);
    }
  }
  const best = (low + high) / 2;
  // Nothing to gain: logits that are all alike say nothing of the temperature.
  return lossAt(best) < lossAt(0) - 1e-9 ? Math.exp(-best) : 1;
}

/** Temperatures that losses are known at, as logarithms of their inverses: even steps from 1/100 to 100. */
const LOG_SLOPES = Array.from({ length: 47 }, (_, i) => 0.2 * (i - 23));

/** Length of the sums of `addTemperatureLosses`. */
export const TEMPERATURE_SUMS = 1 + LOG_SLOPES.length;

/**
 * What `fitSoftmaxTemperature` needs of rows, as sums: those of two sets of rows, added, are those of both.
 * @param sums `[TEMPERATURE_SUMS]` @param logits `[rows, candidates]` @param targets as logits, all known
 */
export function addTemperatureLosses(sums: Float64Array, logits: Matrix, targets: Matrix): void {
  sums[0] += logits.rows;
  for (const [i, logSlope] of LOG_SLOPES.entries()) {
    const slope = Math.exp(logSlope);
    const scaled = { ...logits, values: logits.values.map((x) => slope * x) };
    sums[1 + i] += logits.rows * meanLoss('softmax', scaled, { targets });
  }
}

/** The temperature of least loss, by a parabola through the three that are next to it, and the loss there. At least one row. */
export function temperatureOf(sums: Float64Array): { readonly temperature: number; readonly loss: number } {
  const losses = LOG_SLOPES.map((_, i) => sums[1 + i] / sums[0]);
  const least = argMin(losses);
  const [before, at, after] = [losses[least - 1], losses[least], losses[least + 1]];
  const bend = before - 2 * at + after;
  // At an end, or where all are alike, there is no parabola.
  const shift = bend > 0 ? (before - after) / (2 * bend) : 0;
  const step = LOG_SLOPES[1] - LOG_SLOPES[0];
  return {
    temperature: Math.exp(-(LOG_SLOPES[least] + shift * step)),
    loss: at - (bend > 0 ? 0.5 * bend * shift * shift : 0),
  };
}

/**
 * What exp(predicted logarithm) must be multiplied by to have the mean that was seen: the mean of a skewed amount lies
 * above the exponential of its mean logarithm (Duan 1983's smearing). Drawn to 1 as by `pseudoRows` rows, and within
 * 1/10 to 10; with no rows it is 1.
 * @param logs predicted ln(amount) `[rows]`
 * @param amounts seen, >= 0 (US dollars, milliseconds); NaN: unobserved `[rows]`
 */
export function fitRatioScale(logs: ArrayLike<number>, amounts: ArrayLike<number>, pseudoRows = 5): number {
  let [seen, expected, rows] = [0, 0, 0];
  for (let i = 0; i < logs.length; i++) {
    const guess = Math.exp(logs[i]);
    if (!Number.isFinite(amounts[i]) || !Number.isFinite(guess)) continue;
    seen += amounts[i];
    expected += guess;
    rows++;
  }
  if (rows === 0 || !(expected > 0)) return 1;
  const pull = (pseudoRows * expected) / rows;
  return Math.min(10, Math.max(0.1, (seen + pull) / (expected + pull)));
}
