import type { FitData } from '../fit/loss.ts';
import type { Matrix } from '../head/matrix.ts';
import { meanLoss } from '../head/mean-loss.ts';

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
