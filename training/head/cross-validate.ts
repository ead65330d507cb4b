import { countFolds, foldRows } from './grouped-folds.ts';
import { createMatrix, type Matrix } from './matrix.ts';

/**
 * Predicts every row by a fit that did not see its fold.
 * @param folds fold of each row, from `groupedFolds`
 * @param fitAndPredict fits on rows `fit`, returns predictions for rows `held`, in order
 * @returns out-of-fold predictions `[rows, outputs]`; with a single fold there is nothing to fit on, and all is NaN
 */
export async function crossValidate(
  folds: Int32Array,
  outputs: number,
  fitAndPredict: (fit: Int32Array, held: Int32Array, fold: number) => Matrix | Promise<Matrix>,
): Promise<Matrix> {
  const predictions = createMatrix(folds.length, outputs);
  predictions.values.fill(Number.NaN);
  const count = countFolds(folds);
  for (let fold = 0; fold < count; fold++) {
    const { fit, held } = foldRows(folds, fold);
    if (fit.length === 0 || held.length === 0) continue;
    const predicted = await fitAndPredict(fit, held, fold);
    for (let i = 0; i < held.length; i++) {
      predictions.values.set(predicted.values.subarray(i * outputs, (i + 1) * outputs), held[i] * outputs);
    }
  }
  return predictions;
}
