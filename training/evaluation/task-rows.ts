import { argMax } from 'pointsman/math';
import type { Comparison } from '../evaluate/compare.ts';
import type { TaskRow } from '../evaluate/evaluation.ts';
import type { Interval } from '../words/format-number.ts';
import { bootstrapMeans } from './bootstrap-means.ts';

/** Qualities on the compared rows: `[rows]` each. */
interface TaskColumns {
  readonly router: Float64Array;
  readonly bestSingle: Float64Array;
  /** Null where no row has every candidate's quality. */
  readonly oracle: Float64Array | null;
}

/**
 * The comparison task by task, the largest first.
 * @param tasks task of each compared row, null for none: `[rows]` @param listed tasks to report
 */
export function measureTasks(
  comparison: Comparison,
  tasks: readonly (string | null)[],
  listed: readonly string[],
  columns: TaskColumns,
  names: readonly string[],
  options: { readonly seed: number; readonly resamples: number },
): TaskRow[] {
  return describeTasks(
    comparison,
    tasks,
    listed,
    columns,
    names,
    (column, rows) =>
      bootstrapMeans([column], { ...options, clusters: rows.map((row) => comparison.groups[row]) })[0],
  );
}

/** The same, with intervals made otherwise. @param measure a column of some rows, and which rows they are */
export function describeTasks(
  comparison: Comparison,
  tasks: readonly (string | null)[],
  listed: readonly string[],
  columns: TaskColumns,
  names: readonly string[],
  measure: (column: Float64Array, rows: readonly number[]) => Interval,
): TaskRow[] {
  const rowsOf = new Map<string, number[]>(listed.map((task) => [task, []]));
  tasks.forEach((task, row) => {
    if (task !== null) rowsOf.get(task)?.push(row);
  });
  return [...rowsOf]
    .filter(([, rows]) => rows.length > 0)
    .map(([task, rows]) => {
      const pick = (column: Float64Array) => Float64Array.from(rows, (row) => column[row]);
      const router = pick(columns.router);
      const bestSingle = pick(columns.bestSingle);
      return {
        task,
        rows: rows.length,
        router: average(router),
        bestSingle: average(bestSingle),
        oracle: columns.oracle && average(pick(columns.oracle)),
        difference: measure(
          router.map((value, i) => value - bestSingle[i]),
          rows,
        ),
        costUsd: costOf(comparison, rows, names.length),
        mostChosen: mostChosen(comparison.chosen, rows, names),
      };
    });
}

/** Tasks by number of prompts, the largest first, at most `limit`; names decide between equals. */
export function largestTasks(
  tasks: readonly (string | null)[],
  limit: number,
): { readonly listed: readonly string[]; readonly leftOut: number } {
  const counts = new Map<string, number>();
  for (const task of tasks) if (task !== null) counts.set(task, (counts.get(task) ?? 0) + 1);
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([task]) => task);
  return { listed: sorted.slice(0, limit), leftOut: Math.max(0, sorted.length - limit) };
}

function average(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function costOf({ chosen, costUsd }: Comparison, rows: readonly number[], candidates: number): number | null {
  return costUsd && rows.reduce((sum, row) => sum + costUsd[row * candidates + chosen[row]], 0) / rows.length;
}

function mostChosen(chosen: Int32Array, rows: readonly number[], names: readonly string[]) {
  const counts = new Int32Array(names.length);
  for (const row of rows) counts[chosen[row]]++;
  const most = argMax(counts);
  return { candidate: names[most], share: counts[most] / rows.length };
}
