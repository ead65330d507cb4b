import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

/** Kinds that are learned; of more, the commonest. Each costs the classifier as much as a candidate costs a head. */
export const MOST_KINDS = 200;

/** A kind must be seen on so many prompts that differ: with fewer, most folds have none to learn it from. */
export const FEWEST_OF_KIND = 5;

/** What a manifest may say. */
const LONGEST_NAME = 200;

/** What kinds of request the `task` column names. */
export interface TaskKinds {
  /** Those that are learned, sorted. */
  readonly names: readonly string[];
  /** Tasks that are not learned, and how many prompts they have; a prompt of theirs counts as one without a task. */
  readonly leftOut: { readonly tasks: number; readonly prompts: number };
}

/**
 * The tasks that say what kind of request a prompt is. A column of identifiers, each on a prompt or two, says nothing that
 * could be learned for the next prompt, and a classifier of thousands would take minutes to say so.
 *
 * @param rows prompts to learn from
 * @param groups near-duplicate group of each prompt of the matrix: copies of one prompt count once
 */
export function taskKinds(
  { prompts }: Pick<OutcomeMatrix, 'prompts'>,
  rows: Int32Array,
  groups: Int32Array,
): TaskKinds {
  const seen = new Map<string, { prompts: number; groups: Set<number> }>();
  for (const row of rows) {
    const { task } = prompts[row];
    if (task === null) continue;
    const of = seen.get(task) ?? { prompts: 0, groups: new Set() };
    of.prompts++;
    of.groups.add(groups[row]);
    seen.set(task, of);
  }
  const names = [...seen]
    .filter(([name, of]) => isName(name) && of.groups.size >= FEWEST_OF_KIND)
    .sort(([a, one], [b, other]) => other.groups.size - one.groups.size || (a < b ? -1 : 1))
    .slice(0, MOST_KINDS)
    .map(([name]) => name)
    .sort();
  const leftOut = { tasks: seen.size - names.length, prompts: 0 };
  const kept = new Set(names);
  for (const [name, of] of seen) if (!kept.has(name)) leftOut.prompts += of.prompts;
  return { names, leftOut };
}

function isName(task: string): boolean {
  return task.length > 0 && task.length <= LONGEST_NAME;
}
