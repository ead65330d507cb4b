import type { Interval } from '../words/format-number.ts';
import { type BootstrapOptions, bootstrap } from './bootstrap.ts';

/**
 * Paired bootstrap intervals of the means of several columns over the same rows. A NaN cell is left out of its
 * own column's mean, and `rows` says how many were there.
 * @param columns each `[rows]`
 */
export function bootstrapMeans(
  columns: readonly ArrayLike<number>[],
  options: Omit<BootstrapOptions, 'rows'> = {},
): Interval[] {
  const rows = columns[0]?.length ?? 0;
  const tables = columns.map((column) => {
    const present = Uint8Array.from({ length: rows }, (_, i) => Number(!Number.isNaN(column[i])));
    const values = Float64Array.from({ length: rows }, (_, i) => (present[i] ? column[i] : 0));
    return { values, present, count: present.reduce((sum, one) => sum + one, 0) };
  });
  const intervals = bootstrap(
    columns.length,
    (weights, out) => {
      tables.forEach(({ values, present, count }, column) => {
        let sum = 0;
        let total = 0;
        if (count === rows) {
          for (let i = 0; i < rows; i++) {
            sum += weights[i] * values[i];
            total += weights[i];
          }
        } else {
          for (let i = 0; i < rows; i++) {
            sum += weights[i] * values[i];
            total += weights[i] * present[i];
          }
        }
        out[column] = total === 0 ? Number.NaN : sum / total;
      });
    },
    { ...options, rows },
  );
  return intervals.map((interval, column) => ({ ...interval, rows: tables[column].count }));
}
