import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { assignGroups } from './assign-groups.ts';
import type { NearDuplicateGroups, NearDuplicateOptions } from './near-duplicate-groups.ts';
import { groupPrompts } from './prompt-groups.ts';
import { nameSplits, type Splits } from './split.ts';
import { countSplitSizes, DEFAULT_SPLIT_SIZES, type SplitSizes } from './split-sizes.ts';

export interface SplitOptions {
  /** Shares or counts. @default { fit: 0.6, calibrate: 0.2 }, the rest for testing */
  readonly sizes?: SplitSizes;
  /** @default 0 */
  readonly seed?: number;
  /** What counts as a near-duplicate. */
  readonly nearDuplicates?: NearDuplicateOptions;
  /** The groups, when they are known already: they do not depend on the seed, and finding them takes a while. */
  readonly groups?: NearDuplicateGroups;
}

interface SplitOutcome {
  readonly splits: Splits;
  readonly groups: NearDuplicateGroups;
}

/**
 * Parts the prompts into fit, calibrate and test: by chance, each task spread alike over the three, near-duplicates
 * on one side. The same seed gives the same split.
 * @example
 * const { splits } = splitOutcomes(matrix, { sizes: { fit: 1000, calibrate: 500 }, seed: 1 });
 */
export function splitOutcomes(
  matrix: Pick<OutcomeMatrix, 'prompts'>,
  { sizes = DEFAULT_SPLIT_SIZES, seed = 0, nearDuplicates, groups: known }: SplitOptions = {},
): SplitOutcome {
  const counts = countSplitSizes(sizes, matrix.prompts.length);
  const groups = known ?? groupPrompts(matrix, nearDuplicates);
  const tasks = matrix.prompts.map((prompt) => prompt.task);
  const rows = Int32Array.from(matrix.prompts.keys());
  const [fit, calibrate, test] = assignGroups(rows, groups.groups, tasks, counts, seed);
  return {
    splits: nameSplits(fit, calibrate, test),
    groups,
  };
}
