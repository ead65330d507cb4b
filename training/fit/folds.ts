import { createRandom } from 'pointsman/internal';
import type { OnProgress } from './linear.ts';
import { createMatrix, type Matrix, putRows } from './rows.ts';

/** One fold: the rows that are held out of it, and all others. Ascending. */
interface Fold {
  /** Its number. */
  readonly fold: number;
  readonly fit: Int32Array;
  readonly held: Int32Array;
}

/**
 * The rows of each fold in turn.
 * @param folds fold of each row, from `groupedFolds`
 */
export function eachFold(folds: Int32Array): Fold[] {
  const rows = Int32Array.from(folds.keys());
  return Array.from({ length: folds.reduce((most, fold) => Math.max(most, fold + 1), 0) }, (_, fold) => ({
    fold,
    fit: rows.filter((row) => folds[row] !== fold),
    held: rows.filter((row) => folds[row] === fold),
  }));
}

/** How far a cross-validation is. */
export interface FoldProgress {
  /** Folds done. */
  readonly fold: number;
  readonly folds: number;
  /** Mean loss of the fit under way, on the rows it learns from. */
  readonly loss: number;
}

export type OnFold = (progress: FoldProgress) => void;

/**
 * Predicts every row by fits that did not see its fold.
 * @param folds fold of each row, from `groupedFolds`
 * @param fitAndPredict fits on rows `fit`, returns predictions for rows `held`, in order: a matrix for each thing that is tried
 * @returns out-of-fold predictions of each of these, `[rows, outputs]`
 */
export async function crossValidate(
  folds: Int32Array,
  fitAndPredict: (fold: Fold & { readonly onProgress: OnProgress }) => Promise<readonly Matrix[]>,
  onFold: OnFold = () => {},
): Promise<Matrix[]> {
  const outOfFold: Matrix[] = [];
  const all = eachFold(folds);
  for (const { fold, fit, held } of all) {
    const onProgress: OnProgress = ({ loss }) => onFold({ fold, folds: all.length, loss });
    const predicted = await fitAndPredict({ fold, fit, held, onProgress });
    predicted.forEach((matrix, i) => {
      outOfFold[i] ??= createMatrix(folds.length, matrix.columns);
      putRows(matrix, held, outOfFold[i]);
    });
  }
  return outOfFold;
}

/**
 * Deals groups to folds, the largest first and each to the fold with the fewest rows, so that no group straddles.
 * @param groups group of each row, any numbers
 * @param folds at least 2; fewer come out when there are fewer groups
 * @returns fold of each row, 0 to folds - 1
 */
export function groupedFolds(groups: ArrayLike<number>, folds: number, seed: number): Int32Array {
  const sizes = new Map<number, number>();
  for (let i = 0; i < groups.length; i++) sizes.set(groups[i], (sizes.get(groups[i]) ?? 0) + 1);
  const order = createRandom(seed).shuffle([...sizes]);
  order.sort((a, b) => b[1] - a[1]);
  const rowsIn = new Int32Array(folds);
  const foldOf = new Map<number, number>();
  for (const [group, size] of order) {
    let smallest = 0;
    for (let fold = 1; fold < folds; fold++) if (rowsIn[fold] < rowsIn[smallest]) smallest = fold;
    foldOf.set(group, smallest);
    rowsIn[smallest] += size;
  }
  return Int32Array.from(groups, (group) => foldOf.get(group) ?? 0);
}
