import { createRandom, quantileSorted } from 'pointsman/internal';
import { type NumberedClusters, numberClusters } from '../fit/rows.ts';
import type { Interval } from '../words/format-number.ts';

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
