import { createRandom, quantileSorted } from 'pointsman/math';
import type { Interval } from '../words/format-number.ts';

export interface BootstrapOptions {
  readonly rows: number;
  /** @default 2000 */
  readonly resamples?: number;
  /** @default 0 */
  readonly seed?: number;
  /**
   * `[rows]`: rows of the same number are drawn together. Needed when a prompt has several rows, as when test
   * splits of several seeds are pooled. @default every row for itself
   */
  readonly clusters?: ArrayLike<number> | undefined;
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
  { rows, resamples = 2000, seed = 0, clusters, level = 0.95 }: BootstrapOptions,
): Interval[] {
  const random = createRandom(seed);
  const weights = new Int32Array(rows).fill(1);
  const out = new Float64Array(figures);
  statistic(weights, out);
  const estimates = out.slice();
  const drawn = Array.from({ length: figures }, () => new Float64Array(resamples));
  const draw = clusters ? clusterDraw(clusters, rows) : rowDraw(rows);
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

function clusterDraw(clusters: ArrayLike<number>, rows: number): Draw {
  const numbers = new Map<number, number>();
  const clusterOf = Int32Array.from({ length: rows }, (_, row) => {
    const known = numbers.get(clusters[row]);
    if (known !== undefined) return known;
    numbers.set(clusters[row], numbers.size);
    return numbers.size - 1;
  });
  const counts = new Int32Array(numbers.size);
  return (integer, weights) => {
    counts.fill(0);
    for (let i = 0; i < counts.length; i++) counts[integer(counts.length)]++;
    for (let row = 0; row < rows; row++) weights[row] = counts[clusterOf[row]];
  };
}
