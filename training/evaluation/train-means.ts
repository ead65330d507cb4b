import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Splits } from '../split/split.ts';

/** Each candidate's mean over the rows that baselines may learn from. NaN where nothing was observed. */
export interface TrainMeans {
  readonly quality: Float64Array; // [candidates]
  readonly costUsd: Float64Array; // [candidates]
}

/** Rows that baselines may learn from: fit and calibrate. */
export function trainRows({ fit, calibrate }: Splits): Int32Array {
  return Int32Array.from([...fit.rows, ...calibrate.rows]).sort();
}

export function trainMeans(matrix: OutcomeMatrix, rows: ArrayLike<number>): TrainMeans {
  return {
    quality: columnMeans(matrix.quality, matrix.candidates.length, rows),
    costUsd: columnMeans(matrix.costUsd, matrix.candidates.length, rows),
  };
}

/** Means of each column over some rows, NaN cells left out. @param cells `[*, columns]` */
export function columnMeans(
  cells: ArrayLike<number>,
  columns: number,
  rows: ArrayLike<number>,
): Float64Array {
  const sums = new Float64Array(columns);
  const counts = new Float64Array(columns);
  for (let i = 0; i < rows.length; i++) {
    for (let c = 0; c < columns; c++) {
      const value = cells[rows[i] * columns + c];
      if (Number.isNaN(value)) continue;
      sums[c] += value;
      counts[c]++;
    }
  }
  return sums.map((sum, c) => sum / counts[c]);
}
