import { chainHead, predictRows } from '../head/dense-chain.ts';
import { fitLinearPath } from '../head/fit-linear.ts';
import type { OnFold } from '../head/fit-progress.ts';
import { countFolds, foldRows } from '../head/grouped-folds.ts';
import { type Matrix, takeRows } from '../head/matrix.ts';
import { squaredError } from '../member/squared-error.ts';

/**
 * Cross-validated squared error of ridge regression at each penalty.
 *
 * @param l2s penalties for so many rows, strong to weak
 */
export async function crossFitLinear(
  features: Matrix,
  targets: Matrix,
  folds: Int32Array,
  l2s: (rows: number) => number[],
  onFold: OnFold = () => {},
): Promise<number[]> {
  const sums: number[] = l2s(1).map(() => 0);
  const count = countFolds(folds);
  for (let fold = 0; fold < count; fold++) {
    const { fit, held } = foldRows(folds, fold);
    const known = takeRows(targets, fit);
    if (known.values.every(Number.isNaN)) continue;
    const fits = await fitLinearPath({ features: takeRows(features, fit), targets: known }, 'squared', {
      l2s: l2s(fit.length),
      onProgress: ({ loss }) => onFold({ fold, folds: count, loss }),
    });
    const heldFeatures = takeRows(features, held);
    const heldTargets = takeRows(targets, held);
    fits.forEach(({ layer }, i) => {
      const error = squaredError(predictRows(chainHead([layer]), heldFeatures), heldTargets, 'all');
      if (!Number.isNaN(error)) sums[i] += error * held.length;
    });
  }
  return sums;
}
