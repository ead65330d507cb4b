import { InvalidInputError } from 'pointsman';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { NearDuplicateGroups } from './near-duplicate-groups.ts';
import { groupPrompts } from './prompt-groups.ts';
import { nameSplits, type Splits } from './split.ts';
import type { SplitOptions } from './split-outcomes.ts';
import { countSplitSizes, DEFAULT_SPLIT_SIZES } from './split-sizes.ts';

interface TimeSplitOutcome {
  readonly splits: Splits;
  readonly groups: NearDuplicateGroups;
  /** Prompts in no split: later repeats of what an earlier split holds already. Ascending. */
  readonly leftOut: Int32Array;
}

/**
 * Parts the prompts by time: the oldest to fit, the next to calibrate, the newest to test, so that the test asks what
 * production asks. Prompts of the same moment stay together. A near-duplicate of a prompt in an earlier split is left
 * out of the later one: moving it back would let fitting see the future, and keeping it would test on what was
 * learned by heart.
 * @throws InvalidInputError when a prompt has no timestamp.
 */
export function splitByTime(
  matrix: Pick<OutcomeMatrix, 'prompts'>,
  { sizes = DEFAULT_SPLIT_SIZES, nearDuplicates, groups: known }: Omit<SplitOptions, 'seed'> = {},
): TimeSplitOutcome {
  const { prompts } = matrix;
  const timeless = prompts.find((prompt) => prompt.timestampMs === null);
  if (timeless !== undefined) {
    throw new InvalidInputError(
      `\`timestamp\` of every prompt must be given to split by time. "${timeless.requestId}" has none. Split by chance instead.`,
    );
  }
  const times = prompts.map((prompt) => prompt.timestampMs ?? 0);
  const order = Int32Array.from(prompts.keys()).sort((a, b) => times[a] - times[b] || a - b);
  const counts = countSplitSizes(sizes, prompts.length);
  const groups = known ?? groupPrompts(matrix, nearDuplicates);
  const parts: number[][] = [[], [], []];
  const leftOut: number[] = [];
  const partOfGroup = new Map<number, number>();
  let part = 0;
  let end = counts[0];
  for (const [place, row] of order.entries()) {
    const sameMoment = place > 0 && times[order[place - 1]] === times[row];
    while (place >= end && !sameMoment && part < 3) end += counts[++part];
    const group = groups.groups[row];
    const holder = partOfGroup.get(group) ?? part;
    partOfGroup.set(group, holder);
    if (holder === part && part < 3) parts[part].push(row);
    else leftOut.push(row);
  }
  const [fit, calibrate, test] = parts.map((rows) => Int32Array.from(rows).sort());
  return {
    splits: nameSplits(fit, calibrate, test),
    groups,
    leftOut: Int32Array.from(leftOut).sort(),
  };
}
