import type { FitData } from '../fit/loss.ts';
import { type Matrix, takeRows } from '../head/matrix.ts';
import type { MemberData } from '../learners/learner.ts';

/** The named rows of member data, for a head to be fitted on. */
export function takeFitData(
  { features, residuals, weights }: Pick<MemberData, 'features' | 'residuals' | 'weights'>,
  rows: Int32Array,
): FitData {
  const taken = { features: takeRows(features, rows), targets: takeRows(residuals, rows) };
  if (weights === null) return taken;
  return { ...taken, weights: takeRows({ ...residuals, values: weights }, rows).values };
}

/** Every row of a matrix. */
export function allRows({ rows }: Matrix): Int32Array {
  return Int32Array.from({ length: rows }, (_, i) => i);
}

/** Writes row i of `from` to row `rows[i]` of `to`. */
export function putRows(from: Matrix, rows: Int32Array, to: Matrix): void {
  rows.forEach((row, i) => {
    to.values.set(from.values.subarray(i * from.columns, (i + 1) * from.columns), row * from.columns);
  });
}

/** Weight of the observed outcomes of the named rows, per candidate: what penalties are measured against. */
export function weightPerCandidate(
  { residuals: { columns, values }, weights }: Pick<MemberData, 'residuals' | 'weights'>,
  rows: Int32Array,
): number {
  let sum = 0;
  for (const row of rows)
    for (let i = row * columns; i < (row + 1) * columns; i++)
      if (!Number.isNaN(values[i])) sum += weights === null ? 1 : weights[i];
  return sum / columns;
}
