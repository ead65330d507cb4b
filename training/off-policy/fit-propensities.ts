import { createRandom, softmaxInto } from 'pointsman/math';
import {
  chainHead,
  createMatrix,
  type FoldProgress,
  fitLinearPath,
  foldRows,
  groupedFolds,
  type Matrix,
  predictRows,
  takeRows,
} from '../head/index.ts';
import type { PropensityFeatures } from './propensity-features.ts';

export interface FitPropensityOptions {
  /** Near-duplicate group of each row: no row is predicted by a model that saw one of its group. */
  readonly groups: ArrayLike<number>;
  readonly folds: number;
  readonly seed: number;
  readonly onFold?: (progress: FoldProgress) => void;
}

/** Strong to weak, as shares of the features' variance times the rows: the first leaves little but the shares. */
const PENALTY_SHARES = [1, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001];

/**
 * Who answers which prompt, as multinomial logistic regression: cross-fitted by near-duplicate group, with the
 * penalty of the lowest log-loss out of fold.
 * @param shares `[rows, candidates]`: 1 for the one that answered, 1/k for each of k
 * @returns probabilities `[rows, candidates]` that add up to 1 in each row
 */
export async function fitPropensities(
  { features, variance }: PropensityFeatures,
  shares: Matrix,
  { groups, folds, seed, onFold = () => {} }: FitPropensityOptions,
): Promise<Float64Array> {
  const { rows, columns } = shares;
  const fold = groupedFolds(groups, folds, seed);
  const count = fold.reduce((most, one) => Math.max(most, one + 1), 0);
  const paths = PENALTY_SHARES.map(() => new Float64Array(rows * columns));
  const losses = new Float64Array(PENALTY_SHARES.length);
  for (let f = 0; f < count; f++) {
    // A single group leaves nothing to hold out: its rows are predicted by themselves.
    const { fit: all, held } = count === 1 ? { fit: rowsOf(rows), held: rowsOf(rows) } : foldRows(fold, f);
    const fit = atMost(all, seed);
    const fits = await fitLinearPath(
      { features: takeRows(features, fit), targets: takeRows(shares, fit) },
      'softmax',
      {
        l2s: PENALTY_SHARES.map((share) => share * Math.max(variance, 1e-9) * fit.length),
        onProgress: ({ loss }) => onFold({ fold: f, folds: count, loss }),
      },
    );
    const heldFeatures = takeRows(features, held);
    fits.forEach(({ layer }, i) => {
      const logits = predictRows(chainHead([layer]), heldFeatures);
      held.forEach((row, at) => {
        const out = paths[i].subarray(row * columns, (row + 1) * columns);
        softmaxInto(logits.values.subarray(at * columns, (at + 1) * columns), out);
        for (let c = 0; c < columns; c++) {
          const share = shares.values[row * columns + c];
          if (share > 0) losses[i] -= share * Math.log(Math.max(out[c], Number.MIN_VALUE));
        }
      });
    });
  }
  return paths[losses.indexOf(Math.min(...losses))];
}

/** `[rows, candidates]` from which cells were observed: 1 over how many, for each of them. */
export function observedShares(
  observed: (row: number, candidate: number) => boolean,
  rows: number,
  columns: number,
): Matrix {
  const shares = createMatrix(rows, columns);
  for (let row = 0; row < rows; row++) {
    let seen = 0;
    for (let c = 0; c < columns; c++) if (observed(row, c)) seen++;
    for (let c = 0; c < columns; c++) if (observed(row, c)) shares.values[row * columns + c] = 1 / seen;
  }
  return shares;
}

/** Rows that one model is fitted on: more make it slower, and the propensities hardly better. */
const MOST_ROWS = 20_000;

function atMost(rows: Int32Array, seed: number): Int32Array {
  if (rows.length <= MOST_ROWS) return rows;
  return createRandom(seed).shuffle(rows.slice()).subarray(0, MOST_ROWS).sort();
}

function rowsOf(rows: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, i) => i);
}
