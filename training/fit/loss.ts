import { InvalidInputError } from 'pointsman';
import { softmaxInto } from 'pointsman/internal';
import type { Matrix } from './rows.ts';

/**
 * What a head learns from.
 * - `softmax`: targets are shares, each row sums to 1 over what was observed; loss is cross-entropy.
 * - `sigmoid`: targets are 0 to 1, fractions allowed; loss is log-loss, per output.
 * - `squared`: any targets; loss is half the squared error, per output.
 */
export type Loss = 'softmax' | 'sigmoid' | 'squared';

/** Rows to fit on. An unobserved target is NaN and costs nothing. */
export interface FitData {
  readonly features: Matrix; // [rows, inputs]
  readonly targets: Matrix; // [rows, outputs]
  /**
   * Importance of each row `[rows]`, or of each target `[rows, outputs]` (not for `softmax`): inverse propensity,
   * for one. @default 1 each
   */
  readonly weights?: Float32Array;
  /** Importance of each output `[outputs]`; for `softmax` a row weighs the mean of it under its target. @default 1 each */
  readonly classWeights?: Float32Array;
}

/** @throws InvalidInputError where shapes disagree, or a feature or weight is not finite */
export function checkFitData({ features, targets, weights, classWeights }: FitData, loss: Loss): void {
  const shapes = `features [${features.rows}, ${features.columns}], targets [${targets.rows}, ${targets.columns}]`;
  if (
    features.rows !== targets.rows ||
    features.rows === 0 ||
    features.columns === 0 ||
    targets.columns === 0
  ) {
    throw new InvalidInputError(
      `\`features\` and \`targets\` must have the same rows, at least one. Got ${shapes}.`,
    );
  }
  for (const matrix of [features, targets]) {
    if (matrix.values.length !== matrix.rows * matrix.columns) {
      throw new InvalidInputError(
        `A matrix must hold rows times columns values. Got ${matrix.values.length}; ${shapes}.`,
      );
    }
  }
  const lengths = loss === 'softmax' ? [targets.rows] : [targets.rows, targets.values.length];
  if (weights !== undefined && !lengths.includes(weights.length)) {
    throw new InvalidInputError(
      `\`weights\` must be one a row or one a target. Got ${weights.length}; ${shapes}.`,
    );
  }
  if (weights !== undefined && !weights.every((w) => w >= 0 && Number.isFinite(w))) {
    throw new InvalidInputError('`weights` must be finite and >= 0. Clip inverse propensities first.');
  }
  if (classWeights !== undefined && classWeights.length !== targets.columns) {
    throw new InvalidInputError(
      `\`classWeights\` must be one an output. Got ${classWeights.length}; ${shapes}.`,
    );
  }
  for (let i = 0; i < features.values.length; i++) {
    if (!Number.isFinite(features.values[i])) {
      const row = Math.floor(i / features.columns);
      throw new InvalidInputError(
        `\`features\` must be finite. Got ${features.values[i]} in row ${row}, column ${i % features.columns}.`,
      );
    }
  }
}

/** Weight of every target, zero where it is unobserved; for `softmax` the weight of its row. `[rows, outputs]` */
export function targetWeights(data: Omit<FitData, 'features'>, loss: Loss): Float32Array {
  const { targets, weights, classWeights } = data;
  const { rows, columns, values } = targets;
  const result = new Float32Array(values.length);
  const perTarget = weights !== undefined && weights.length === values.length && columns > 1;
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let rowWeight = weights === undefined || perTarget ? 1 : weights[row];
    if (loss === 'softmax' && classWeights !== undefined) {
      let expected = 0;
      for (let c = 0; c < columns; c++) expected += (values[start + c] || 0) * classWeights[c];
      rowWeight *= expected;
    }
    for (let c = 0; c < columns; c++) {
      if (Number.isNaN(values[start + c])) continue;
      let weight = rowWeight;
      if (perTarget) weight *= weights[start + c];
      if (loss !== 'softmax' && classWeights !== undefined) weight *= classWeights[c];
      result[start + c] = weight;
    }
  }
  return result;
}

/** What is known of each output without looking at the features. */
interface BaseRates {
  /** Weighted mean of what was observed; NaN where nothing was. `[outputs]` */
  readonly rates: Float64Array;
  /** Share of the total weight that the output was observed with. `[outputs]` */
  readonly observed: Float64Array;
  /** The constant that predicts best: of a `softmax` or `sigmoid`, its logits. `[outputs]` */
  readonly logits: Float64Array;
}

/** Half a success and half a failure beside the data, so that a rate of 0 or 1 still has a logit. */
const smoothing = 0.5;

export function baseRates(data: Omit<FitData, 'features'>, loss: Loss): BaseRates {
  const { rows, columns, values } = data.targets;
  const weights = targetWeights(data, loss);
  const sums = new Float64Array(columns);
  const totals = new Float64Array(columns);
  let whole = 0;
  for (let row = 0; row < rows; row++) {
    let highest = 0;
    for (let c = 0; c < columns; c++) {
      const weight = weights[row * columns + c];
      if (weight === 0) continue;
      sums[c] += weight * values[row * columns + c];
      totals[c] += weight;
      highest = Math.max(highest, weight);
      if (loss !== 'softmax') whole += weight;
    }
    if (loss === 'softmax') whole += highest;
  }
  const rates = sums.map((sum, c) => sum / totals[c]);
  return {
    rates,
    observed: totals.map((total) => (whole > 0 ? total / whole : 0)),
    logits: rates.map((rate, c) => {
      if (loss === 'squared') return Number.isNaN(rate) ? 0 : rate;
      const smoothed = (sums[c] + smoothing) / (totals[c] + 2 * smoothing);
      return loss === 'softmax' ? Math.log(smoothed) : Math.log(smoothed / (1 - smoothed));
    }),
  };
}

/**
 * What the choice head learns: shares softmax(utility / temperature) over what was observed, so that candidates that
 * tie share the mass. A row with nothing observed stays NaN.
 * @param utility `[rows, candidates]`, NaN: unobserved
 * @param temperature in units of utility; > 0, small is near arg max
 */
export function softTargets(utility: Matrix, temperature: number): Matrix {
  if (!(temperature > 0)) {
    throw new InvalidInputError(`\`temperature\` of softTargets must be a number > 0. Got ${temperature}.`);
  }
  const { rows, columns } = utility;
  const values = new Float32Array(utility.values.length);
  const masked = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    const from = utility.values.subarray(row * columns, (row + 1) * columns);
    const to = values.subarray(row * columns, (row + 1) * columns);
    for (let c = 0; c < columns; c++) masked[c] = Number.isNaN(from[c]) ? Number.NEGATIVE_INFINITY : from[c];
    softmaxInto(masked, to, temperature);
    for (let c = 0; c < columns; c++) if (Number.isNaN(from[c])) to[c] = Number.NaN;
  }
  return { rows, columns, values };
}

/** 1 for the kind of each row; rows of none, below 0, are unobserved. `[rows, kinds]` */
export function kindTargets(kindOfRow: ArrayLike<number>, kinds: number): Matrix {
  const rows = kindOfRow.length;
  const values = new Float32Array(rows * kinds);
  for (let row = 0; row < rows; row++) {
    if (kindOfRow[row] < 0) values.fill(Number.NaN, row * kinds, (row + 1) * kinds);
    else values[row * kinds + kindOfRow[row]] = 1;
  }
  return { rows, columns: kinds, values };
}

/**
 * Mean loss of predictions per unit of weight; NaN when nothing was observed.
 * @param data targets and weights; the features are not looked at
 */
export function meanLoss(loss: Loss, predictions: Matrix, data: Omit<FitData, 'features'>): number {
  return weightedMeanLoss(loss, predictions.values, data.targets, targetWeights(data, loss));
}

/**
 * The same with a weight per target.
 * @param weights `[rows, outputs]`, 0: unobserved
 */
export function weightedMeanLoss(
  loss: Loss,
  logits: Float32Array,
  targets: Matrix,
  weights: Float32Array,
): number {
  const { rows, columns, values } = targets;
  const slopes = new Float32Array(weights.length);
  const sum = residualsInto(loss, { rows, outputs: columns, logits, targets: values, weights }, slopes);
  const total = totalWeight(loss, weights, columns);
  return total > 0 ? sum / total : Number.NaN;
}

/** Sum of the weights; of `softmax`, where all that is observed in a row weighs the same, sum over rows. */
export function totalWeight(loss: Loss, weights: Float32Array, columns: number): number {
  let total = 0;
  for (let start = 0; start < weights.length; start += columns) {
    let highest = 0;
    for (let c = 0; c < columns; c++) {
      if (loss === 'softmax') highest = Math.max(highest, weights[start + c]);
      else total += weights[start + c];
    }
    total += highest;
  }
  return total;
}

/** A stretch of rows of the targets and of what the head says of them. */
interface ResidualInput {
  readonly rows: number;
  readonly outputs: number;
  readonly logits: Float32Array; // [rows, outputs]
  readonly targets: Float32Array; // [rows, outputs], NaN: unobserved
  readonly weights: Float32Array; // [rows, outputs], 0: unobserved
}

/**
 * Loss and its slope by logit, in one pass. The slope is written by output, ready to be multiplied with the
 * features. Sums are in double precision.
 * @param out `[outputs, rows]`
 * @returns the sum of weight times loss
 */
export function residualsInto(loss: Loss, input: ResidualInput, out: Float32Array): number {
  switch (loss) {
    case 'softmax':
      return softmaxResiduals(input, out);
    case 'sigmoid':
      return sigmoidResiduals(input, out);
    case 'squared':
      return squaredResiduals(input, out);
  }
}

function softmaxResiduals(
  { rows, outputs, logits, targets, weights }: ResidualInput,
  out: Float32Array,
): number {
  const exps = new Float64Array(outputs);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * outputs;
    let highest = Number.NEGATIVE_INFINITY;
    let weight = 0;
    for (let c = 0; c < outputs; c++) {
      if (weights[start + c] === 0) continue;
      weight = weights[start + c];
      if (logits[start + c] > highest) highest = logits[start + c];
    }
    if (weight === 0) {
      for (let c = 0; c < outputs; c++) out[c * rows + row] = 0;
      continue;
    }
    let sum = 0;
    for (let c = 0; c < outputs; c++) {
      exps[c] = weights[start + c] === 0 ? 0 : Math.exp(logits[start + c] - highest);
      sum += exps[c];
    }
    const logSum = highest + Math.log(sum);
    for (let c = 0; c < outputs; c++) {
      if (weights[start + c] === 0) {
        out[c * rows + row] = 0;
        continue;
      }
      const target = targets[start + c];
      out[c * rows + row] = weight * (exps[c] / sum - target);
      if (target > 0) total += weight * target * (logSum - logits[start + c]);
    }
  }
  return total;
}

function sigmoidResiduals(
  { rows, outputs, logits, targets, weights }: ResidualInput,
  out: Float32Array,
): number {
  let total = 0;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < outputs; c++) {
      const i = row * outputs + c;
      const weight = weights[i];
      if (weight === 0) {
        out[c * rows + row] = 0;
        continue;
      }
      const z = logits[i];
      const e = Math.exp(-Math.abs(z));
      out[c * rows + row] = weight * ((z >= 0 ? 1 : e) / (1 + e) - targets[i]);
      // ln(1 + exp(z)) - y z
      total += weight * (Math.max(z, 0) + Math.log1p(e) - targets[i] * z);
    }
  }
  return total;
}

function squaredResiduals(
  { rows, outputs, logits, targets, weights }: ResidualInput,
  out: Float32Array,
): number {
  let total = 0;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < outputs; c++) {
      const i = row * outputs + c;
      const difference = weights[i] === 0 ? 0 : logits[i] - targets[i];
      out[c * rows + row] = weights[i] * difference;
      total += 0.5 * weights[i] * difference * difference;
    }
  }
  return total;
}
