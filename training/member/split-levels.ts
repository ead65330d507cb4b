import { createMatrix, type Matrix } from '../head/matrix.ts';

/** A matrix in two parts that add up to it: each row's mean, repeated, and the differences to it. NaN spreads over its row. */
export function splitLevels({ rows, columns, values }: Matrix): { level: Matrix; deviation: Matrix } {
  const level = createMatrix(rows, columns);
  const deviation = createMatrix(rows, columns);
  for (let row = 0; row < rows; row++) {
    let mean = 0;
    for (let c = 0; c < columns; c++) mean += values[row * columns + c] / columns;
    for (let c = 0; c < columns; c++) {
      level.values[row * columns + c] = mean;
      deviation.values[row * columns + c] = values[row * columns + c] - mean;
    }
  }
  return { level, deviation };
}
