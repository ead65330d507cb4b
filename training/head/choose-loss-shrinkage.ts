import { type FitData, type Loss, targetWeights } from '../fit/loss.ts';
import { clusteredMean, FEWEST_GROUPS } from '../fit/rows.ts';
import type { ShrinkageChoice, ShrinkageOptions } from './choose-shrinkage.ts';
import type { Matrix } from './matrix.ts';
import { weightedMeanLoss } from './mean-loss.ts';

/**
 * How far to trust a head of probabilities or amounts beyond its overall means: as `chooseShrinkage`, with the loss
 * saved in place of the utility won.
 * @param scores out-of-fold outputs `[rows, outputs]`
 */
export function chooseLossShrinkage(
  scores: Matrix,
  prior: ArrayLike<number>,
  data: Omit<FitData, 'features'>,
  loss: Loss,
  options: ShrinkageOptions = {},
): ShrinkageChoice {
  const { rows, columns } = scores;
  const strengths = options.strengths ?? Array.from({ length: 10 }, (_, i) => (i + 1) / 10);
  const sure = options.standardErrors ?? 1.645;
  const groups = options.groups ?? Int32Array.from({ length: rows }, (_, i) => i);
  const cells = targetWeights(data, loss);
  const lossesAt = (strength: number) => {
    const logits = scores.values.map((x, i) => prior[i % columns] + strength * (x - prior[i % columns]));
    return Float64Array.from({ length: rows }, (_, row) => {
      const [from, to] = [row * columns, (row + 1) * columns];
      const targets = { rows: 1, columns, values: data.targets.values.subarray(from, to) };
      return weightedMeanLoss(loss, logits.subarray(from, to), targets, cells.subarray(from, to));
    });
  };
  const still = lossesAt(0);
  let best: ShrinkageChoice = { strength: 0, gain: 0, standardError: 0 };
  let bestBound = 0;
  for (const strength of strengths) {
    const saved = lossesAt(strength).map((value, row) => still[row] - value);
    const { mean, standardError, groups: told } = clusteredMean(saved, groups);
    const bound = mean - sure * standardError;
    if (told >= FEWEST_GROUPS && bound > bestBound) {
      best = { strength, gain: mean, standardError };
      bestBound = bound;
    }
  }
  return best;
}
