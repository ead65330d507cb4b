import { argMin, createRandom } from 'pointsman/internal';
import { chainHead, type DenseLayer, predictRows } from '../fit/chain.ts';
import { searchPenalties } from '../fit/linear.ts';
import {
  createMatrix,
  crossValidate,
  eachFold,
  type Matrix,
  type OnFold,
  type OnProgress,
  putRows,
  takeRows,
} from '../fit/rows.ts';
import {
  allRows,
  fitLayers,
  fittedChain,
  isFullyObserved,
  type LearnerData,
  squaredError,
  type TunedLearner,
  weightPerCandidate,
} from './learner.ts';
import type { LinearLearner } from './linear.ts';

const HIDDEN = 64;

/** Penalties tried, as shares of the outcomes of a candidate. */
const PENALTIES = { from: 3, to: 0.01 } as const;

/**
 * Quality as a smooth function of what the linear learner expects of every candidate. Candidates differ most on
 * prompts of middling difficulty (on easy ones all are right, on hopeless ones all are wrong), so their differences
 * are humped where the linear learner can only slope. One hidden layer of fixed random tanh units, then ridge
 * regression: smooth, convex and cheap (Rahimi and Recht 2008).
 *
 * It is fitted on the linear learner's out-of-fold predictions, since those on its own rows are too sure of themselves; and
 * cross-validated on predictions by fits that saw neither a row's own fold nor the one that is held out, as what the
 * latter's outcomes did to the linear learner would be told to the curve beforehand.
 */
export async function tuneCurveLearner(
  data: LearnerData,
  linear: LinearLearner,
  onFold?: OnFold,
): Promise<TunedLearner> {
  const { residuals, folds } = data;
  const hidden = hiddenLayer(linear.outOfFold, data.seed);
  const activations = predictRows(chainHead([hidden]), linear.outOfFold);
  const inner = await nestedPredictions(data, linear);
  const nested = inner.map((predictions) => predictRows(chainHead([hidden]), predictions));
  const attempt = (some: readonly number[]) =>
    crossValidate(
      folds,
      async ({ fold, fit, held, onProgress }) => {
        const layers = await fitOutput(data, nested[fold], fit, some, onProgress);
        const heldActivations = takeRows(activations, held);
        return layers.map((layer) => predictRows(chainHead([layer]), heldActivations));
      },
      onFold,
    );
  const part = isFullyObserved(residuals) ? 'advantage' : 'all';
  const least = (path: readonly Matrix[]) =>
    argMin(path.map((predictions) => squaredError(predictions, residuals, part, data.weights)));
  const { shares, tried } = await searchPenalties(PENALTIES, attempt, (path) => [least(path)]);
  const chosen = least(tried);
  return {
    name: 'curve',
    settings: { penalty: shares[chosen] },
    outOfFold: tried[chosen],
    async fit() {
      const { chain } = await linear.fit();
      const rows = allRows(residuals);
      const [output] = await fitOutput(data, activations, rows, [shares[chosen]]);
      return fittedChain([...chain, hidden, output]);
    },
  };
}

/**
 * For each fold, what the linear learner says of the rows of every other, fitted without either: one fit for each two folds.
 * @returns `[folds][rows, candidates]`; rows of the fold itself are zeros
 */
async function nestedPredictions(
  { features, folds, residuals }: LearnerData,
  linear: LinearLearner,
): Promise<Matrix[]> {
  const all = eachFold(folds);
  const predictions = all.map(() => createMatrix(residuals.rows, residuals.columns));
  for (const one of all)
    for (const other of all.slice(0, one.fold)) {
      const rest = one.fit.filter((row) => folds[row] !== other.fold);
      // Two folds are all there is: nothing is left to learn from without both.
      const layer = rest.length === 0 ? null : await linear.fitOn(rest);
      for (const [{ held }, { fold }] of [
        [one, other],
        [other, one],
      ]) {
        const predicted =
          layer === null
            ? takeRows(linear.outOfFold, held)
            : predictRows(chainHead([layer]), takeRows(features, held));
        putRows(predicted, held, predictions[fold]);
      }
    }
  return predictions;
}

function fitOutput(
  data: LearnerData,
  activations: Matrix,
  rows: Int32Array,
  shares: readonly number[],
  onProgress?: OnProgress,
): Promise<DenseLayer[]> {
  const l2s = shares.map((share) => share * weightPerCandidate(data, rows));
  return fitLayers({ ...data, features: activations }, rows, l2s, onProgress);
}

/**
 * Random tanh units over two kinds of coordinate, each standardised: the predictions' mean over candidates, and each
 * candidate's difference to it. Both are linear in the predictions, so the layer reads those directly.
 */
function hiddenLayer(predictions: Matrix, seed: number): DenseLayer {
  const { columns } = predictions;
  const random = createRandom(seed);
  const spread = spreads(predictions);
  const kernel = new Float32Array(columns * HIDDEN);
  const bias = new Float32Array(HIDDEN);
  for (let h = 0; h < HIDDEN; h++) {
    const toLevel = random.normal() / spread.difficulty.scale;
    const toDeviation = Array.from(
      spread.advantages,
      ({ scale }) => random.normal() / (scale * Math.sqrt(columns)),
    );
    const meanDeviation = toDeviation.reduce((sum, x) => sum + x, 0) / columns;
    bias[h] = 3 * (random.next() - 0.5) - toLevel * spread.difficulty.mean;
    for (let c = 0; c < columns; c++) {
      kernel[c * HIDDEN + h] = toLevel / columns + toDeviation[c] - meanDeviation;
      bias[h] -= toDeviation[c] * spread.advantages[c].mean;
    }
  }
  return { inputs: columns, outputs: HIDDEN, kernel, bias, activation: 'tanh' };
}

interface Moments {
  readonly mean: number;
  /** Standard deviation, or 1 where there is none. */
  readonly scale: number;
}

function spreads({ rows, columns, values }: Matrix): { difficulty: Moments; advantages: Moments[] } {
  const difficulty = new Float64Array(rows);
  for (let row = 0; row < rows; row++)
    for (let c = 0; c < columns; c++) difficulty[row] += values[row * columns + c] / columns;
  const advantages = Array.from({ length: columns }, (_, c) =>
    moments(difficulty.map((mean, row) => values[row * columns + c] - mean)),
  );
  return { difficulty: moments(difficulty), advantages };
}

function moments(values: Float64Array): Moments {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return { mean, scale: variance > 1e-12 ? Math.sqrt(variance) : 1 };
}
