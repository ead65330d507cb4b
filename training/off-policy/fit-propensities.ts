import { argMin, createRandom, softmaxInto } from 'pointsman/math';
import { chainHead, predictRows } from '../head/dense-chain.ts';
import { fitLinearPath } from '../head/fit-linear.ts';
import type { FoldProgress } from '../head/fit-progress.ts';
import { countFolds, foldRows, groupedFolds } from '../head/grouped-folds.ts';
import { createMatrix, type Matrix, takeRows } from '../head/matrix.ts';
import type { PropensityFeatures } from './propensity-features.ts';

interface FitPropensityOptions {
  /** Near-duplicate group of each row: no row is predicted by a model that saw one of its group. */
  readonly groups: ArrayLike<number>;
  readonly folds: number;
  readonly seed: number;
  readonly onFold?: (progress: FoldProgress) => void;
}

/** Strong to weak, as shares of the features' variance times the rows: the first leaves little but the shares. */
const PENALTY_SHARES = [1, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001];

/** Folds that choose the penalty; the others are fitted at it alone. */
const CHOOSING_FOLDS = 2;

/**
 * Who answers which prompt, as multinomial logistic regression: cross-fitted by near-duplicate group, with the penalty of
 * the lowest log-loss on what the first folds hold out.
 * @param shares `[rows, candidates]`: 1 for the one that answered, 1/k for each of k
 * @returns probabilities `[rows, candidates]` that add up to 1 in each row
 */
export async function fitPropensities(
  { features, variance, penalties }: PropensityFeatures,
  shares: Matrix,
  { groups, folds, seed, onFold = () => {} }: FitPropensityOptions,
): Promise<Float64Array> {
  const { rows, columns } = shares;
  const foldOf = groupedFolds(groups, folds, seed);
  const count = countFolds(foldOf);
  const losses = new Float64Array(PENALTY_SHARES.length);
  const predictFold = async (fold: number, strengths: readonly number[]) => {
    // A single group leaves nothing to hold out: its rows are predicted by themselves.
    const everyRow = Int32Array.from({ length: rows }, (_, row) => row);
    const { fit: others, held } = count === 1 ? { fit: everyRow, held: everyRow } : foldRows(foldOf, fold);
    const fit = atMost(others, seed);
    const fits = await fitLinearPath(
      { features: takeRows(features, fit), targets: takeRows(shares, fit) },
      'softmax',
      {
        featurePenalties: penalties,
        l2s: strengths.map((share) => share * Math.max(variance, 1e-9) * fit.length),
        tolerance: 1e-4,
        onProgress: ({ loss }) => onFold({ fold, folds: count, loss }),
      },
    );
    const heldFeatures = takeRows(features, held);
    return {
      held,
      path: fits.map(({ layer }) => probabilities(predictRows(chainHead([layer]), heldFeatures))),
    };
  };
  const choosing = [];
  for (let fold = 0; fold < Math.min(count, CHOOSING_FOLDS); fold++) {
    const { held, path } = await predictFold(fold, PENALTY_SHARES);
    path.forEach((predicted, i) => {
      losses[i] += logLoss(predicted, takeRows(shares, held));
    });
    choosing.push({ held, path });
  }
  const best = argMin(losses);
  const out = new Float64Array(rows * columns);
  const put = (held: Int32Array, predicted: Matrix) => {
    held.forEach((row, i) => {
      out.set(predicted.values.subarray(i * columns, (i + 1) * columns), row * columns);
    });
  };
  for (const { held, path } of choosing) put(held, path[best]);
  for (let fold = choosing.length; fold < count; fold++) {
    const { held, path } = await predictFold(fold, [PENALTY_SHARES[best]]);
    put(held, path[0]);
  }
  return out;
}

function probabilities({ rows, columns, values }: Matrix): Matrix {
  const softmax = createMatrix(rows, columns);
  for (let at = 0; at < values.length; at += columns)
    softmaxInto(values.subarray(at, at + columns), softmax.values.subarray(at, at + columns));
  return softmax;
}

function logLoss(predicted: Matrix, shares: Matrix): number {
  let loss = 0;
  shares.values.forEach((share, i) => {
    if (share > 0) loss -= share * Math.log(Math.max(predicted.values[i], 1e-30));
  });
  return loss;
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
