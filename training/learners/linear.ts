import { argMin } from 'pointsman/internal';
import { chainHead, type DenseLayer } from '../fit/chain.ts';
import type { OnFold } from '../fit/folds.ts';
import { fitLinearPath, type OnProgress, searchPenalties } from '../fit/linear.ts';
import { createMatrix, type Matrix } from '../fit/rows.ts';
import {
  allRows,
  crossValidateLayers,
  type FittedLearner,
  isFullyObserved,
  type LearnerData,
  type Part,
  squaredError,
  type TunedLearner,
  takeFitData,
} from './learner.ts';
import { tuneSharedLinear } from './shared-linear.ts';

/** Penalties tried, as shares of rows times feature variance. */
const PENALTIES = { from: 3, to: 0.003 } as const;

/** A linear learner, which the curve learner is made of. */
export interface LinearLearner extends TunedLearner {
  /** The same with the penalties that were chosen, fitted on these rows alone. */
  fitOn(rows: Int32Array): Promise<DenseLayer>;
}

/**
 * Ridge regression of every candidate's quality on the features. How hard the prompt is (the candidates' mean) and
 * how the candidates differ get a penalty each, chosen by cross-validation, and one layer does both.
 */
export async function tuneLinearLearner(data: LearnerData, onFold?: OnFold): Promise<LinearLearner> {
  const { residuals } = data;
  if (!isFullyObserved(residuals)) return sharedLinearLearner(data, onFold);
  const parts: readonly Part[] = ['difficulty', 'advantage'];
  const { shares, tried } = await searchPenalties(
    PENALTIES,
    (some) => crossValidateLayers(data, (rows, onProgress) => fitPath(data, rows, some, onProgress), onFold),
    (path) => parts.map((part) => best(path, residuals, part)),
  );
  const [difficulty, advantage] = parts.map((part) => best(tried, residuals, part));
  const fitOn = (rows: Int32Array) => fitCombined(data, shares[difficulty], shares[advantage], rows);
  let fitted: Promise<FittedLearner> | undefined;
  return {
    name: 'linear',
    settings: { levelPenalty: shares[difficulty], deviationPenalty: shares[advantage] },
    outOfFold: combine(tried[difficulty], tried[advantage]),
    // The curve learner is made of this one: both ask for the fit, and it is the same.
    fit: () => (fitted ??= asLearner(fitOn(allRows(residuals)))),
    fitOn,
  };
}

/** Where rows were seen with a candidate or two, the two parts are told apart by the model and not by the rows. */
async function sharedLinearLearner(data: LearnerData, onFold?: OnFold): Promise<LinearLearner> {
  const {
    difficultyPenalty: levelPenalty,
    advantagePenalty: deviationPenalty,
    outOfFold,
    fitOn,
  } = await tuneSharedLinear(data, onFold);
  let fitted: Promise<FittedLearner> | undefined;
  return {
    name: 'linear',
    settings: { levelPenalty, deviationPenalty },
    outOfFold,
    fit: () => (fitted ??= asLearner(fitOn(allRows(data.residuals)))),
    fitOn,
  };
}

async function asLearner(fitting: Promise<DenseLayer>): Promise<FittedLearner> {
  const layer = await fitting;
  return { head: chainHead([layer]), form: { kind: 'chain', chain: [layer] } };
}

async function fitCombined(
  data: LearnerData,
  difficulty: number,
  advantage: number,
  rows: Int32Array,
): Promise<DenseLayer> {
  const strongFirst = [...new Set([difficulty, advantage])].sort((a, b) => b - a);
  const layers = await fitPath(data, rows, strongFirst);
  return combineLayers(layers[strongFirst.indexOf(difficulty)], layers[strongFirst.indexOf(advantage)]);
}

/** Layers for these penalties, strong to weak. */
async function fitPath(
  data: LearnerData,
  rows: Int32Array,
  shares: readonly number[],
  onProgress?: OnProgress,
): Promise<DenseLayer[]> {
  const { featureVariance } = data;
  const fits = await fitLinearPath(takeFitData(data, rows), 'squared', {
    l2s: shares.map((share) => share * rows.length * featureVariance),
    onProgress,
  });
  return fits.map(({ layer }) => layer);
}

function best(path: readonly Matrix[], residuals: Matrix, part: Part): number {
  const errors = path.map((predictions) => squaredError(predictions, residuals, part));
  return argMin(errors);
}

/** Row means of one, differences to them of the other. */
function combine(difficulty: Matrix, advantage: Matrix): Matrix {
  if (difficulty === advantage) return difficulty;
  const { rows, columns } = difficulty;
  const combined = createMatrix(rows, columns);
  for (let row = 0; row < rows; row++)
    combineRow(difficulty.values, advantage.values, combined.values, row * columns, columns);
  return combined;
}

/** The same for the layers themselves: a mean over outputs is linear in the kernel's columns. */
function combineLayers(difficulty: DenseLayer, advantage: DenseLayer): DenseLayer {
  if (difficulty === advantage) return difficulty;
  const kernel = new Float32Array(difficulty.kernel.length);
  for (let i = 0; i < difficulty.inputs; i++)
    combineRow(difficulty.kernel, advantage.kernel, kernel, i * difficulty.outputs, difficulty.outputs);
  const bias = new Float32Array(difficulty.outputs);
  combineRow(difficulty.bias, advantage.bias, bias, 0, difficulty.outputs);
  return { ...difficulty, kernel, bias };
}

function combineRow(
  difficulty: Float32Array,
  advantage: Float32Array,
  out: Float32Array,
  from: number,
  columns: number,
) {
  let shift = 0;
  for (let i = from; i < from + columns; i++) shift += (difficulty[i] - advantage[i]) / columns;
  for (let i = from; i < from + columns; i++) out[i] = advantage[i] + shift;
}
