import { type FitData, type Loss, targetWeights } from '../fit/loss.ts';
import type { Matrix } from './matrix.ts';
import { residualsInto } from './residuals.ts';

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
