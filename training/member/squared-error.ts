import type { Matrix } from '../head/matrix.ts';

/** Which part of the outcomes an error is measured on. */
export type Part = 'all' | 'level' | 'deviation';

/**
 * Mean squared error of predictions. `level` compares the rows' means, `deviation` the differences to them, both over
 * rows with every target observed; `all` every observed target. NaN when there is no such row.
 *
 * @param weights importance of each target for `all`, `[rows, outputs]`; null: all alike
 */
export function squaredError(
  predictions: Matrix,
  targets: Matrix,
  part: Part,
  weights: Float32Array | null = null,
): number {
  const { rows, columns } = targets;
  let sum = 0;
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    if (part === 'all') {
      for (let i = from; i < from + columns; i++) {
        if (Number.isNaN(targets.values[i])) continue;
        const weight = weights === null ? 1 : weights[i];
        sum += weight * (targets.values[i] - predictions.values[i]) ** 2;
        count += weight;
      }
      continue;
    }
    let error = 0;
    for (let i = from; i < from + columns; i++)
      error += (targets.values[i] - predictions.values[i]) / columns;
    if (Number.isNaN(error)) continue;
    count++;
    if (part === 'level') sum += error * error;
    else
      for (let i = from; i < from + columns; i++)
        sum += (targets.values[i] - predictions.values[i] - error) ** 2 / columns;
  }
  return sum / count;
}

/** Whether most rows that have a target have every one, which tells levels from deviations. */
export function isFullyObserved({ rows, columns, values }: Matrix): boolean {
  let full = 0;
  let some = 0;
  for (let row = 0; row < rows; row++) {
    let observed = 0;
    for (let c = 0; c < columns; c++) if (!Number.isNaN(values[row * columns + c])) observed++;
    if (observed > 0) some++;
    if (observed === columns) full++;
  }
  return full >= some / 2;
}
