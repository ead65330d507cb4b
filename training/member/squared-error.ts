import type { Matrix } from '../head/index.ts';

/** Which part of the outcomes an error is measured on. */
export type Part = 'all' | 'level' | 'deviation';

/**
 * Mean squared error of predictions. `level` compares the rows' means, `deviation` the differences to them, both over
 * rows with every target observed; `all` every observed target. NaN when there is no such row.
 */
export function squaredError(predictions: Matrix, targets: Matrix, part: Part): number {
  const { rows, columns } = targets;
  let sum = 0;
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    if (part === 'all') {
      for (let i = from; i < from + columns; i++) {
        if (Number.isNaN(targets.values[i])) continue;
        sum += (targets.values[i] - predictions.values[i]) ** 2;
        count++;
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

/** Whether enough rows have every target to tell levels from deviations. */
export function isFullyObserved({ rows, columns, values }: Matrix): boolean {
  let full = 0;
  for (let row = 0; row < rows; row++) {
    let observed = true;
    for (let c = 0; c < columns; c++) if (Number.isNaN(values[row * columns + c])) observed = false;
    if (observed) full++;
  }
  return full >= rows / 2;
}
