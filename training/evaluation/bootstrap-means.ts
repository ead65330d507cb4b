import { type NumberedClusters, numberClusters } from '../clusters/number-clusters.ts';
import { type BootstrapOptions, bootstrap } from '../evaluate/bootstrap.ts';
import type { Interval } from '../words/format-number.ts';

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
