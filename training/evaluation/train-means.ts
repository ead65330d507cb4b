import { clipWeights, highestWeight } from '../off-policy/clip-weights.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
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

/**
 * @param propensities of the observed cells, `[prompts, candidates]`: each then counts by its inverse, so that a candidate
 * that was given the easy prompts is not the better for it. Null where nothing was left to a logging policy.
 * @param clip weights above this are cut. @default highestWeight(propensities)
 */
export function trainMeans(
  matrix: OutcomeMatrix,
  rows: ArrayLike<number>,
  propensities: Pick<LoggingPropensities, 'policy' | 'source' | 'values'> | null = null,
  clip?: number,
): TrainMeans {
  const weights =
    propensities &&
    clipWeights(
      propensities.values.map((p) => 1 / p),
      clip ?? highestWeight(propensities.values, propensities.source, propensities.policy),
    ).weights;
  return {
    quality: columnMeans(matrix.quality, matrix.candidates.length, rows, weights),
    costUsd: columnMeans(matrix.costUsd, matrix.candidates.length, rows, weights),
  };
}

/**
 * Means of each column over some rows, NaN cells left out.
 * @param cells `[*, columns]` @param weights the same; cells with a NaN weight are left out. Null: all alike
 */
export function columnMeans(
  cells: ArrayLike<number>,
  columns: number,
  rows: ArrayLike<number>,
  weights: ArrayLike<number> | null = null,
): Float64Array {
  const sums = new Float64Array(columns);
  const counts = new Float64Array(columns);
  for (let i = 0; i < rows.length; i++) {
    for (let c = 0; c < columns; c++) {
      const value = cells[rows[i] * columns + c];
      const weight = weights === null ? 1 : weights[rows[i] * columns + c];
      if (Number.isNaN(value) || Number.isNaN(weight)) continue;
      sums[c] += weight * value;
      counts[c] += weight;
    }
  }
  return sums.map((sum, c) => sum / counts[c]);
}
