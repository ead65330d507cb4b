import { createMatrix, type Matrix } from '../head/matrix.ts';

/** What each row's observed outcomes say of all candidates alike. */
interface RowLevels {
  /** Weighted mean of the row's outcomes, NaN where there is none: `[rows, 1]` */
  readonly targets: Matrix;
  /** Sum of their weights: `[rows]` */
  readonly weights: Float32Array;
}

/** @param weights importance of each outcome, `[rows, candidates]`; null: all alike */
export function rowLevels({ rows, columns, values }: Matrix, weights: Float32Array | null): RowLevels {
  const targets = createMatrix(rows, 1);
  const totals = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      if (Number.isNaN(values[i])) continue;
      const weight = weights === null ? 1 : weights[i];
      sum += weight * values[i];
      totals[row] += weight;
    }
    targets.values[row] = totals[row] > 0 ? sum / totals[row] : Number.NaN;
  }
  return { targets, weights: totals };
}
