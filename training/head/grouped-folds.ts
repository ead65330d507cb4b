import { createRandom } from 'pointsman/math';

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

/** How many folds there are. @param folds fold of each row, from `groupedFolds`; none: 0 */
export function countFolds(folds: Int32Array): number {
  return folds.reduce((most, fold) => Math.max(most, fold + 1), 0);
}

/** Splits every row but those of one fold from those of it. */
export function foldRows(
  folds: Int32Array,
  fold: number,
): { readonly fit: Int32Array; readonly held: Int32Array } {
  const indices = Int32Array.from(folds, (_, i) => i);
  return { fit: indices.filter((i) => folds[i] !== fold), held: indices.filter((i) => folds[i] === fold) };
}
