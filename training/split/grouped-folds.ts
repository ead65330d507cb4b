import { InvalidInputError } from 'pointsman';
import { assignGroups } from './assign-groups.ts';

/** One round of cross-validation. */
export interface Fold {
  /** Rows to fit on, ascending. */
  readonly fit: Int32Array;
  /** Rows to score, ascending. */
  readonly heldOut: Int32Array;
}

/**
 * Parts rows into k folds for cross-validation: groups whole, strata spread alike, seeded.
 * Every row is held out exactly once. A fold is empty where there are fewer groups than folds.
 * @param rows rows of one split.
 * @param groups near-duplicate group of every row of the matrix.
 * @param strata of every row of the matrix (the task), or none.
 */
export function groupedFolds(
  rows: Int32Array,
  groups: Int32Array,
  k: number,
  seed: number,
  strata: readonly (string | null)[] = [],
): Fold[] {
  if (!Number.isInteger(k) || k < 2) {
    throw new InvalidInputError(`\`k\` of groupedFolds must be a whole number from 2. Got ${k}.`);
  }
  const sizes = Array.from({ length: k }, (_, fold) => Math.floor((rows.length + fold) / k));
  const held = assignGroups(rows, groups, strata, sizes, seed);
  return held.map((heldOut, fold) => ({
    fit: Int32Array.from(held.flatMap((other, i) => (i === fold ? [] : [...other]))).sort(),
    heldOut,
  }));
}
