import { argMax, createRandom, quantileSorted } from 'pointsman/internal';
import { type NumberedClusters, numberClusters } from '../fit/rows.ts';
import type { DoubtTable } from '../off-policy/score-interval.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import type { Interval } from '../words.ts';
import type { Coverage, TaskRow } from './evaluation.ts';
import { columnMeans, type EvaluationInput, type PlanOutcomes, type TrainMeans } from './evaluation-input.ts';
import { answererOf, isWithin, takePlans } from './plan-outcomes.ts';

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
  /** Whose answer the router gives: [rows] */
  readonly chosen: Int32Array;
  /** Whom it asks on the way there. Absent: nobody else. */
  readonly plans?: PlanOutcomes;
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
  const measured = complete.filter((i) => isWithin(predictions, i, isCompared, candidates));
  const known = measured.filter((i) => answererOf(predictions, i) !== -1);
  const { plans } = predictions;
  // A few rows that can be told are no picture of the others.
  const positions = 2 * known.length < measured.length ? new Int32Array() : known;
  const cells = test.length * candidates;
  const coverage: Coverage = {
    kind: observed === 0 ? 'none' : observed === cells ? 'full' : most < 2 ? 'single' : 'partial',
    observedShare: cells === 0 ? 0 : observed / cells,
    comparedRows: positions.length,
    incompleteRows: test.length - complete.length,
    unmeasuredChoices: complete.length - measured.length,
    ...(plans ? { plans: { unknownRows: measured.length - known.length, lacking: plans.unknown } } : {}),
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
      chosen: Int32Array.from(positions, (i) => answererOf(predictions, i)),
      ...(plans ? { plans: takePlans(plans, positions) } : {}),
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
  { comparedRows, plans, unmeasuredChoices }: Coverage,
): boolean {
  const columns = candidates.length;
  const answered = rows.filter((row) =>
    quality.subarray(row * columns, (row + 1) * columns).some((value) => !Number.isNaN(value)),
  );
  const unknown = plans?.unknownRows ?? 0;
  return comparedRows + unknown > 0 && 2 * (comparedRows + unknown + unmeasuredChoices) >= answered.length;
}

/** What there is on the compared rows: `[rows]` each. */
interface TaskColumns {
  readonly router: Float64Array;
  readonly bestSingle: Float64Array;
  /** Null where no row has every candidate's quality. */
  readonly oracle: Float64Array | null;
  /** What the router costs; null where that is not known. */
  readonly costUsd: Float64Array | null;
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
        costUsd: columns.costUsd && average(pick(columns.costUsd)),
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

function mostChosen(chosen: Int32Array, rows: readonly number[], names: readonly string[]) {
  const counts = new Int32Array(names.length);
  for (const row of rows) counts[chosen[row]]++;
  const most = argMax(counts);
  return { candidate: names[most], share: counts[most] / rows.length };
}

export interface BootstrapOptions {
  readonly rows: number;
  /** @default 2000 */
  readonly resamples?: number;
  /** @default 0 */
  readonly seed?: number;
  /**
   * `[rows]`: rows of the same number are drawn together, as near-duplicates must be: what they repeat is no new evidence.
   * Null: every row for itself.
   */
  readonly clusters: ArrayLike<number> | null;
  /** Share of the resampled figures that lies within the interval, 0 to 1. @default 0.95 */
  readonly level?: number;
}

/**
 * Paired percentile bootstrap (Efron and Tibshirani 1993, chapter 13): all figures are computed on the same
 * resamples, so a difference of two keeps what they share.
 *
 * @param figures how many numbers `statistic` writes
 * @param statistic reads how often each row counts (`[rows]`, whole numbers), writes its figures to `out`; NaN is
 * "not defined on this resample" and is left out
 * @returns one interval a figure; `estimate` is the figure with every row counted once
 */
export function bootstrap(
  figures: number,
  statistic: (weights: Int32Array, out: Float64Array) => void,
  { rows, clusters, resamples = 2000, seed = 0, level = 0.95 }: BootstrapOptions,
): Interval[] {
  const random = createRandom(seed);
  const weights = new Int32Array(rows).fill(1);
  const out = new Float64Array(figures);
  statistic(weights, out);
  const estimates = out.slice();
  const drawn = Array.from({ length: figures }, () => new Float64Array(resamples));
  const numbered = clusters && numberClusters(clusters, rows);
  const draw = numbered ? clusterDraw(numbered) : rowDraw(rows);
  for (let i = 0; i < resamples && rows > 0; i++) {
    draw(random.integer, weights);
    statistic(weights, out);
    for (let figure = 0; figure < figures; figure++) drawn[figure][i] = out[figure];
  }
  return Array.from(estimates, (estimate, figure) => {
    const sorted = rows > 0 ? drawn[figure].filter((value) => !Number.isNaN(value)).sort() : [];
    // A figure that most resamples cannot give has no interval worth printing.
    const enough = sorted.length > 0 && sorted.length >= resamples / 2 && !Number.isNaN(estimate);
    return {
      estimate: Number.isNaN(estimate) ? null : estimate,
      low: enough ? quantileSorted(sorted, (1 - level) / 2) : null,
      high: enough ? quantileSorted(sorted, (1 + level) / 2) : null,
      rows,
      groups: numbered?.count ?? rows,
    };
  });
}

type Draw = (integer: (n: number) => number, weights: Int32Array) => void;

function rowDraw(rows: number): Draw {
  return (integer, weights) => {
    weights.fill(0);
    for (let i = 0; i < rows; i++) weights[integer(rows)]++;
  };
}

function clusterDraw({ count, of }: NumberedClusters): Draw {
  const counts = new Int32Array(count);
  return (integer, weights) => {
    counts.fill(0);
    for (let i = 0; i < count; i++) counts[integer(count)]++;
    for (let row = 0; row < weights.length; row++) weights[row] = counts[of[row]];
  };
}

/**
 * Paired bootstrap intervals of the means of several columns over the same rows. A NaN cell is left out of its
 * own column's mean; `rows` and `groups` say how many were there.
 * @param columns each `[rows]`
 * @param options `clusters`: near-duplicate group of each row, `[rows]`; null where every row is for itself
 */
export function bootstrapMeans(
  columns: readonly ArrayLike<number>[],
  options: Omit<BootstrapOptions, 'rows'>,
): Interval[] {
  const rows = columns[0]?.length ?? 0;
  const clusters = numberClusters(options.clusters ?? Int32Array.from({ length: rows }, (_, i) => i), rows);
  const tables = columns.map((column) => addUp(column, clusters));
  // Rows of a cluster are drawn together, so their sums are all that is needed.
  const intervals = bootstrap(
    columns.length,
    (weights, out) => {
      tables.forEach(({ counts, sums }, column) => {
        let sum = 0;
        let total = 0;
        for (let i = 0; i < sums.length; i++) {
          sum += weights[i] * sums[i];
          total += weights[i] * counts[i];
        }
        out[column] = total === 0 ? Number.NaN : sum / total;
      });
    },
    { ...options, clusters: null, rows: clusters.count },
  );
  return intervals.map((interval, column) => {
    const { groups, rows } = tables[column];
    return { ...interval, rows, groups };
  });
}

/** What the cells of each cluster add up to. */
function addUp(column: ArrayLike<number>, { count, of }: NumberedClusters) {
  const sums = new Float64Array(count);
  const counts = new Float64Array(count);
  let rows = 0;
  of.forEach((cluster, row) => {
    if (Number.isNaN(column[row])) return;
    sums[cluster] += column[row];
    counts[cluster]++;
    rows++;
  });
  return { sums, counts, rows, groups: counts.reduce((all, one) => all + Number(one > 0), 0) };
}
