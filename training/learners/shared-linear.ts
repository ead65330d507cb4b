import { argMin } from 'pointsman/internal';
import type { DenseLayer } from '../fit/chain.ts';
import type { OnFold } from '../fit/folds.ts';
import { fitLinearPath, type OnProgress, searchPenalties } from '../fit/linear.ts';
import { createMatrix, type Matrix } from '../fit/rows.ts';
import { crossValidateLayers, squaredError, takeFitData, weightPerCandidate } from './learner.ts';

/** Penalties tried, as shares of the outcomes' weight times feature variance. */
const PENALTIES = { from: 3, to: 0.003 } as const;

/** Outcomes of which a row may hold one or two. */
interface SharedLinearData {
  readonly features: Matrix; // [rows, features]
  /** Sum of the features' variances. */
  readonly featureVariance: number;
  /** Fold of each row. */
  readonly folds: Int32Array;
  /** Differences to each candidate's mean, NaN: unobserved. `[rows, candidates]` */
  readonly residuals: Matrix;
  /** Importance of each outcome, as the residuals; null: all alike. */
  readonly weights: Float32Array | null;
}

/** A linear layer whose penalties cross-validation has chosen. */
interface SharedLinear {
  readonly difficultyPenalty: number;
  readonly advantagePenalty: number;
  /** Predictions for each row by a fit that did not see its fold: `[rows, candidates]` */
  readonly outOfFold: Matrix;
  /** Fits on these rows. */
  fitOn(rows: Int32Array): Promise<DenseLayer>;
}

/**
 * Ridge regression for rows that were seen with a candidate or two. What a row's one outcome says of the prompt is
 * learned by all candidates together: one regression of the difficulty on every outcome, whoever it is of. What is left of
 * each outcome then teaches its candidate's difference, with a penalty of its own that holds candidates back to the
 * common difficulty (a hierarchical model: Lindley and Smith 1972).
 */
export async function tuneSharedLinear(
  data: SharedLinearData,
  onFold: OnFold = () => {},
): Promise<SharedLinear> {
  const { residuals, weights } = data;
  // Levels are the first half of the folds to be done, differences the second.
  const half =
    (done: 0 | 1): OnFold =>
    ({ fold, folds, loss }) =>
      onFold({ fold: done * folds + fold, folds: 2 * folds, loss });
  const common = { ...data, ...difficultiesOf(data) };
  const least = (path: readonly Matrix[], truth: Matrix) =>
    argMin(path.map((predictions) => squaredError(predictions, truth, 'all', weights)));
  const difficulties = await searchPenalties(
    PENALTIES,
    async (some) =>
      (await outOfFold(common, some, half(0))).map((difficulty) => broadcast(difficulty, residuals.columns)),
    (path) => [least(path, residuals)],
  );
  const difficulty = least(difficulties.tried, residuals);
  const rest = { ...data, residuals: without(residuals, difficulties.tried[difficulty]) };
  const advantages = await searchPenalties(
    PENALTIES,
    (some) => outOfFold(rest, some, half(1)),
    (path) => [least(path, rest.residuals)],
  );
  const advantage = least(advantages.tried, rest.residuals);
  const [levelPenalty, deviationPenalty] = [difficulties.shares[difficulty], advantages.shares[advantage]];
  return {
    difficultyPenalty: levelPenalty,
    advantagePenalty: deviationPenalty,
    outOfFold: add(difficulties.tried[difficulty], advantages.tried[advantage]),
    fitOn: async (rows) =>
      addLayers(await fitOne(common, levelPenalty, rows), await fitOne(rest, deviationPenalty, rows)),
  };
}

function difficultiesOf({ residuals, weights }: SharedLinearData) {
  const difficulties = rowDifficulty(residuals, weights);
  return { residuals: difficulties.targets, weights: difficulties.weights };
}

function outOfFold(data: SharedLinearData, shares: readonly number[], onFold: OnFold): Promise<Matrix[]> {
  return crossValidateLayers(data, (rows, onProgress) => fitPath(data, rows, shares, onProgress), onFold);
}

async function fitOne(data: SharedLinearData, penalty: number, rows: Int32Array): Promise<DenseLayer> {
  const [layer] = await fitPath(data, rows, [penalty]);
  return layer;
}

async function fitPath(
  data: SharedLinearData,
  rows: Int32Array,
  shares: readonly number[],
  onProgress?: OnProgress,
): Promise<DenseLayer[]> {
  const unit = weightPerCandidate(data, rows) * data.featureVariance;
  const fits = await fitLinearPath(takeFitData(data, rows), 'squared', {
    l2s: shares.map((share) => share * unit),
    onProgress,
  });
  return fits.map((fit) => fit.layer);
}

function broadcast({ rows, values }: Matrix, columns: number): Matrix {
  return {
    rows,
    columns,
    values: Float32Array.from({ length: rows * columns }, (_, i) => values[Math.floor(i / columns)]),
  };
}

function add(a: Matrix, b: Matrix): Matrix {
  return { ...a, values: a.values.map((value, i) => value + b.values[i]) };
}

function without(a: Matrix, b: Matrix): Matrix {
  return { ...a, values: a.values.map((value, i) => value - b.values[i]) };
}

/** A layer of one output added to every output of another. */
function addLayers(difficulty: DenseLayer, advantage: DenseLayer): DenseLayer {
  const { outputs } = advantage;
  return {
    ...advantage,
    kernel: advantage.kernel.map((value, i) => value + difficulty.kernel[Math.floor(i / outputs)]),
    bias: advantage.bias.map((value) => value + difficulty.bias[0]),
  };
}

/** What each row's observed outcomes say of all candidates alike. */
interface RowDifficulty {
  /** Weighted mean of the row's outcomes, NaN where there is none: `[rows, 1]` */
  readonly targets: Matrix;
  /** Sum of their weights: `[rows]` */
  readonly weights: Float32Array;
}

/** @param weights importance of each outcome, `[rows, candidates]`; null: all alike */
export function rowDifficulty(
  { rows, columns, values }: Matrix,
  weights: Float32Array | null,
): RowDifficulty {
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
