import { argMax } from 'pointsman/internal';
import type { DoubtTable } from '../off-policy/score-interval.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import type { Interval } from '../words/format-number.ts';
import { bootstrapMeans } from './bootstrap.ts';
import type { Coverage, TaskRow } from './evaluation.ts';
import { columnMeans, type EvaluationInput, type TrainMeans } from './evaluation-input.ts';

/** The part of the test split on which every way to choose has a known quality. */
export interface Comparison {
  /** Positions in the test split: [rows] */
  readonly positions: Int32Array;
  /** Prompt numbers in the matrix: [rows] */
  readonly prompts: Int32Array;
  /** Near-duplicate group of each row. */
  readonly groups: Int32Array; // [rows]
  /** Numbers of the candidates that are compared, ascending. */
  readonly compared: readonly number[];
  /** Complete for compared candidates, NaN for others: [rows, candidates] */
  readonly quality: Float64Array;
  /** The same; null where a compared candidate's cost is nowhere known. */
  readonly costUsd: Float64Array | null; // [rows, candidates]
  /** As observed, NaN where it was not. */
  readonly latencyMs: Float64Array; // [rows, candidates]
  /** What the router chose: [rows] */
  readonly chosen: Int32Array;
  /** Where qualities are doubly robust scores: what is behind them. */
  readonly doubt?: DoubtTable;
}

/**
 * Picks the rows on which a comparison is fair: those where every compared candidate was observed. A candidate is
 * compared when at least half of the rows that hold two or more outcomes hold one of it. Where no row holds two,
 * as in a log of one model per prompt, routed quality cannot be read off and `comparison` is null.
 */
export function compareRows(
  { matrix, splits, predictions, groups }: EvaluationInput,
  means: TrainMeans,
): { comparison: Comparison | null; coverage: Coverage } {
  const candidates = matrix.candidates.length;
  const test = splits.test.rows;
  const { observed, together, shared, most } = countObserved(matrix.quality, candidates, test);
  const compared = Array.from({ length: candidates }, (_, c) => c).filter(
    (c) => together[c] > 0 && together[c] * 2 >= shared,
  );
  const complete = Int32Array.from(test, (_, i) => i).filter(
    (i) =>
      compared.length > 1 && compared.every((c) => !Number.isNaN(matrix.quality[test[i] * candidates + c])),
  );
  const isCompared = new Set(compared);
  const positions = complete.filter((i) => isCompared.has(predictions.chosen[i]));
  const cells = test.length * candidates;
  const coverage: Coverage = {
    kind: observed === 0 ? 'none' : observed === cells ? 'full' : most < 2 ? 'single' : 'partial',
    observedShare: cells === 0 ? 0 : observed / cells,
    comparedRows: positions.length,
    incompleteRows: test.length - complete.length,
    unmeasuredChoices: complete.length - positions.length,
    notCompared: matrix.candidates.filter((_, c) => !isCompared.has(c)),
    imputedCosts: 0,
    costsKnown: false,
    costsUnknown: [],
  };
  if (positions.length === 0) return { comparison: null, coverage };

  const prompts = Int32Array.from(positions, (i) => test[i]);
  const costs = completeCosts(matrix.costUsd, candidates, prompts, compared, means.costUsd);
  const costsUnknown = compared.filter((c) => Number.isNaN(costs.means[c])).map((c) => matrix.candidates[c]);
  return {
    comparison: {
      positions,
      prompts,
      groups: prompts.map((prompt) => groups[prompt]),
      compared,
      quality: gather(matrix.quality, candidates, prompts, isCompared),
      costUsd: costs.costUsd,
      latencyMs: gather(matrix.latencyMs, candidates, prompts, isCompared),
      chosen: Int32Array.from(positions, (i) => predictions.chosen[i]),
    },
    coverage: { ...coverage, imputedCosts: costs.imputed, costsKnown: costs.costUsd !== null, costsUnknown },
  };
}

function countObserved(quality: Float32Array, candidates: number, rows: Int32Array) {
  const together = new Float64Array(candidates);
  let observed = 0;
  let shared = 0;
  let most = 0;
  for (const row of rows) {
    let here = 0;
    for (let c = 0; c < candidates; c++) if (!Number.isNaN(quality[row * candidates + c])) here++;
    observed += here;
    most = Math.max(most, here);
    if (here < 2) continue;
    shared++;
    for (let c = 0; c < candidates; c++) if (!Number.isNaN(quality[row * candidates + c])) together[c]++;
  }
  return { observed, together, shared, most };
}

function gather(
  cells: Float32Array,
  candidates: number,
  prompts: Int32Array,
  kept: ReadonlySet<number>,
): Float64Array {
  return Float64Array.from({ length: prompts.length * candidates }, (_, i) => {
    const candidate = i % candidates;
    return kept.has(candidate)
      ? cells[prompts[(i - candidate) / candidates] * candidates + candidate]
      : Number.NaN;
  });
}

function completeCosts(
  cells: Float32Array,
  candidates: number,
  prompts: Int32Array,
  compared: readonly number[],
  trainMeans: Float64Array,
): { costUsd: Float64Array | null; imputed: number; means: Float64Array } {
  const testMeans = columnMeans(cells, candidates, prompts);
  const means = trainMeans.map((mean, c) => (Number.isNaN(mean) ? testMeans[c] : mean));
  if (compared.some((c) => Number.isNaN(means[c]))) return { costUsd: null, imputed: 0, means };
  const costUsd = gather(cells, candidates, prompts, new Set(compared));
  let imputed = 0;
  for (let row = 0; row < prompts.length; row++) {
    for (const c of compared) {
      if (!Number.isNaN(costUsd[row * candidates + c])) continue;
      costUsd[row * candidates + c] = means[c];
      imputed++;
    }
  }
  return { costUsd, imputed, means };
}

/**
 * The candidate with the highest score among those allowed; ties go to the lower cost, then to the lower
 * number. NaN scores are passed over.
 * @param score `[candidates]` from `offset` @param costUsd `[candidates]` from `offset`; null is "all equal"
 * @returns the first of `allowed` when no score is a number
 */
export function chooseBest(
  score: ArrayLike<number>,
  allowed: readonly number[],
  costUsd: ArrayLike<number> | null = null,
  offset = 0,
): number {
  let best = -1;
  for (const c of allowed) {
    const value = score[offset + c];
    if (Number.isNaN(value)) continue;
    if (best < 0 || value > score[offset + best]) best = c;
    else if (value === score[offset + best] && costUsd && costUsd[offset + c] < costUsd[offset + best])
      best = c;
  }
  return best < 0 ? allowed[0] : best;
}

/**
 * Whether a comparison may rest on the prompts that every compared candidate answered: they must be at least half of
 * those with an outcome. Of a log of single answers with a few complete prompts in it, most would be thrown away.
 * @param rows of the test split
 */
export function isReadOff(
  { candidates, quality }: OutcomeMatrix,
  rows: Int32Array,
  { comparedRows, unmeasuredChoices }: Coverage,
): boolean {
  const columns = candidates.length;
  const answered = rows.filter((row) =>
    quality.subarray(row * columns, (row + 1) * columns).some((value) => !Number.isNaN(value)),
  );
  return comparedRows > 0 && 2 * (comparedRows + unmeasuredChoices) >= answered.length;
}

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
