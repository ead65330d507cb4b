import { InvalidInputError } from 'pointsman';
import type { Matrix } from '../head/matrix.ts';

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
