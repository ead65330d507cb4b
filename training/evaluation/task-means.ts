import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

/**
 * Each candidate's mean quality on the training rows of the prompt's task: what can be known from the task's
 * name alone. A task without an observed training row, and a prompt without a task, give the overall mean.
 * @param prompts matrix rows to look up: `[rows]` @param fallback `[candidates]`
 * @returns `[rows, candidates]`
 */
export function taskMeans(
  matrix: OutcomeMatrix,
  train: ArrayLike<number>,
  prompts: ArrayLike<number>,
  fallback: ArrayLike<number>,
): Float64Array {
  const candidates = matrix.candidates.length;
  const tasks = new Map<string, { sums: Float64Array; counts: Float64Array }>();
  for (let i = 0; i < train.length; i++) {
    const task = matrix.prompts[train[i]].task;
    if (task === null) continue;
    let entry = tasks.get(task);
    if (!entry) {
      entry = { sums: new Float64Array(candidates), counts: new Float64Array(candidates) };
      tasks.set(task, entry);
    }
    for (let c = 0; c < candidates; c++) {
      const quality = matrix.quality[train[i] * candidates + c];
      if (Number.isNaN(quality)) continue;
      entry.sums[c] += quality;
      entry.counts[c]++;
    }
  }
  return Float64Array.from({ length: prompts.length * candidates }, (_, i) => {
    const c = i % candidates;
    const task = matrix.prompts[prompts[(i - c) / candidates]].task;
    const entry = task === null ? undefined : tasks.get(task);
    return entry && entry.counts[c] > 0 ? entry.sums[c] / entry.counts[c] : fallback[c];
  });
}
