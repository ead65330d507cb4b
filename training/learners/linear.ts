import { argMin } from 'pointsman/internal';
import { type LinearFit, RidgeSums } from '../fit/curvature.ts';
import { createMatrix, type DenseLayer, type Matrix, type OnFold, searchPenalties } from '../fit/rows.ts';
import {
  allRows,
  crossValidateLayers,
  type FittedChain,
  fitLayers,
  fittedChain,
  isFullyObserved,
  type LearnerData,
  type Part,
  squaredError,
  type TunedLearner,
  weightPerCandidate,
} from './learner.ts';

/** A linear learner, which the curve learner is made of. */
export interface LinearLearner extends TunedLearner {
  fit(): Promise<FittedChain>;
  /** The same with the penalties that were chosen, fitted on these rows alone. */
  fitOn(rows: Int32Array): Promise<DenseLayer>;
}

/**
 * Ridge regression of every candidate's quality on the features. How hard the prompt is (the candidates' mean) and
 * how the candidates differ get a penalty each, chosen by cross-validation, and one layer does both.
 */
export async function tuneLinearLearner(data: LearnerData, onFold?: OnFold): Promise<LinearLearner> {
  // Of rows that were seen with a candidate or two, the model tells the two parts apart and not the rows.
  const tune = isFullyObserved(data.residuals) ? tuneBothParts : tuneSharedLinear;
  const { difficultyPenalty, advantagePenalty, outOfFold, fitOn } = await tune(data, onFold);
  let fitted: Promise<FittedChain> | undefined;
  return {
    name: 'linear',
    settings: { levelPenalty: difficultyPenalty, deviationPenalty: advantagePenalty },
    outOfFold,
    // The curve learner is made of this one: both ask for the fit, and it is the same.
    fit: () => (fitted ??= fitOn(allRows(data.residuals)).then((layer) => fittedChain([layer]))),
    fitOn,
  };
}

/** A linear layer whose penalties cross-validation has chosen. */
interface TunedLinear {
  readonly difficultyPenalty: number;
  readonly advantagePenalty: number;
  /** Predictions for each row by a fit that did not see its fold: `[rows, candidates]` */
  readonly outOfFold: Matrix;
  /** Fits on these rows. */
  fitOn(rows: Int32Array): Promise<DenseLayer>;
}

/** Penalties tried, as shares of the rows, or of what outcomes weigh, times feature variance. */
const PENALTIES = { from: 3, to: 0.003 } as const;

async function tuneBothParts(data: LearnerData, onFold?: OnFold): Promise<TunedLinear> {
  const { residuals } = data;
  const parts: readonly Part[] = ['difficulty', 'advantage'];
  const { shares, tried } = await searchPenalties(
    PENALTIES,
    (some) =>
      crossValidateLayers(
        data,
        (rows, onProgress) => fitLayers(data, rows, byRows(data, rows, some), onProgress),
        onFold,
      ),
    (path) => parts.map((part) => best(path, residuals, part)),
  );
  const [difficulty, advantage] = parts.map((part) => best(tried, residuals, part));
  return {
    difficultyPenalty: shares[difficulty],
    advantagePenalty: shares[advantage],
    outOfFold: combine(tried[difficulty], tried[advantage]),
    fitOn: (rows) => fitCombined(data, shares[difficulty], shares[advantage], rows),
  };
}

function byRows(data: LearnerData, { length }: Int32Array, shares: readonly number[]): number[] {
  return shares.map((share) => share * length * data.featureVariance);
}

async function fitCombined(
  data: LearnerData,
  difficulty: number,
  advantage: number,
  rows: Int32Array,
): Promise<DenseLayer> {
  const strongFirst = [...new Set([difficulty, advantage])].sort((a, b) => b - a);
  const layers = await fitLayers(data, rows, byRows(data, rows, strongFirst));
  return combineLayers(layers[strongFirst.indexOf(difficulty)], layers[strongFirst.indexOf(advantage)]);
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

/** The outputs' mean of one layer, and their differences to it of the other. */
export function joinParts<Layer extends { readonly kernel: Float64Array; readonly bias: Float64Array }>(
  level: Layer,
  deviation: Layer,
): { readonly kernel: Float64Array; readonly bias: Float64Array } {
  const { length } = level.bias;
  const [kernel, bias] = [new Float64Array(level.kernel.length), new Float64Array(length)];
  for (let i = 0; i < kernel.length; i += length)
    combineRow(level.kernel, deviation.kernel, kernel, i, length);
  combineRow(level.bias, deviation.bias, bias, 0, length);
  return { kernel, bias };
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

function combineRow<Numbers extends Float32Array | Float64Array>(
  difficulty: Numbers,
  advantage: Numbers,
  out: Numbers,
  from: number,
  columns: number,
) {
  let shift = 0;
  for (let i = from; i < from + columns; i++) shift += (difficulty[i] - advantage[i]) / columns;
  for (let i = from; i < from + columns; i++) out[i] = advantage[i] + shift;
}

/** Outcomes of which a row may hold one or two. */
type SharedLinearData = Pick<LearnerData, 'features' | 'featureVariance' | 'folds' | 'residuals' | 'weights'>;

/**
 * Ridge regression for rows that were seen with a candidate or two. What a row's one outcome says of the prompt is
 * learned by all candidates together: one regression of the difficulty on every outcome, whoever it is of. What is left of
 * each outcome then teaches its candidate's difference, with a penalty of its own that holds candidates back to the
 * common difficulty (a hierarchical model: Lindley and Smith 1972).
 */
export async function tuneSharedLinear(
  data: SharedLinearData,
  onFold: OnFold = () => {},
): Promise<TunedLinear> {
  const { residuals, weights } = data;
  // Levels are the first half of the folds to be done, differences the second.
  const half =
    (done: 0 | 1): OnFold =>
    ({ fold, folds, loss }) =>
      onFold({ fold: done * folds + fold, folds: 2 * folds, loss });
  const common = { ...data, ...rowDifficulty(residuals, weights) };
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
  const difficultyPenalty = difficulties.shares[difficulty];
  const advantagePenalty = advantages.shares[advantage];
  return {
    difficultyPenalty,
    advantagePenalty,
    outOfFold: add(difficulties.tried[difficulty], advantages.tried[advantage]),
    fitOn: async (rows) => {
      const [level] = await fitLayers(common, rows, byWeight(common, rows, [difficultyPenalty]));
      const [differences] = await fitLayers(rest, rows, byWeight(rest, rows, [advantagePenalty]));
      return addLayers(level, differences);
    },
  };
}

function outOfFold(data: SharedLinearData, shares: readonly number[], onFold: OnFold): Promise<Matrix[]> {
  return crossValidateLayers(
    data,
    (rows, onProgress) => fitLayers(data, rows, byWeight(data, rows, shares), onProgress),
    onFold,
  );
}

function byWeight(data: SharedLinearData, rows: Int32Array, shares: readonly number[]): number[] {
  const unit = weightPerCandidate(data, rows) * data.featureVariance;
  return shares.map((share) => share * unit);
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

/**
 * What each row's observed outcomes say of all candidates alike.
 *
 * @param weights importance of each outcome, `[rows, candidates]`; null: all alike
 * @returns their weighted mean, NaN where there is none: `[rows, 1]`; and the sum of their weights: `[rows]`
 */
export function rowDifficulty(
  { rows, columns, values }: Matrix,
  weights: Float32Array | null,
): { readonly residuals: Matrix; readonly weights: Float32Array } {
  const residuals = createMatrix(rows, 1);
  const totals = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) {
      if (Number.isNaN(values[i])) continue;
      const weight = weights === null ? 1 : weights[i];
      sum += weight * values[i];
      totals[row] += weight;
    }
    residuals.values[row] = totals[row] > 0 ? sum / totals[row] : Number.NaN;
  }
  return { residuals, weights: totals };
}

/** More prompts need weaker penalties than a sample of them: where it is a hundredth, down to a hundredth. */
const WEAKER = [1, 0.5, 0.25, 0.1, 0.05, 0.025, 0.01];

/** Penalties of a linear learner: shares of rows × variance of the features. */
interface SumsPenalties {
  readonly shares: readonly [difficulty: number, advantage: number];
  readonly variance: number;
}

/** The linear learner of rows with an outcome of every candidate, by their sums, with these penalties. */
export function fitSums(sums: RidgeSums, { shares, variance }: SumsPenalties): LinearFit {
  const [difficulty, advantage] = shares.map((share) => sums.fit(share * sums.rows * variance));
  return joinParts(difficulty, advantage);
}

/** The same with penalties, from these down, that are best on rows that are held out. */
export function fitSumsHeldOut(
  sums: RidgeSums,
  held: RidgeSums,
  { shares, variance }: SumsPenalties,
): LinearFit {
  const [difficulties, advantages] = shares.map((share) =>
    WEAKER.map((weaker) => sums.fit(weaker * share * sums.rows * variance)),
  );
  // Errors of the two add up: each is chosen by itself.
  const best = difficulties[argMin(difficulties.map((one) => held.error(joinParts(one, advantages[0]))))];
  return joinParts(best, advantages[argMin(advantages.map((one) => held.error(joinParts(best, one))))]);
}

/**
 * The same of rows that were seen with some candidates, as `tuneSharedLinear` fits them: one difficulty of all outcomes, then what is left of
 * each candidate's.
 *
 * @param sums of each candidate's outcomes, one at least of any @param held as sums
 * @returns and the candidates' means
 */
export function fitSharedSums(
  sums: readonly RidgeSums[],
  held: readonly RidgeSums[],
  { shares: [difficulty, advantage], variance }: SumsPenalties,
): LinearFit & { readonly means: number[] } {
  const inputs = sums[0].inputs;
  const constant = (value: number): LinearFit => ({
    ...{ kernel: new Float64Array(inputs), bias: Float64Array.of(value) },
  });
  const overall = RidgeSums.together(sums).means()[0];
  const means = sums.map((own) => (own.rows > 0 ? own.means()[0] : overall));
  const [centred, heldOut] = [sums, held].map((each) => each.map((own, c) => own.less(constant(means[c]))));
  const errorOf = (fits: readonly LinearFit[]) =>
    heldOut.reduce((sum, own, c) => sum + (own.rows > 0 ? own.rows * own.error(fits[c]) : 0), 0);
  const all = RidgeSums.together(centred);
  const levels = WEAKER.map((weaker) => all.fit(weaker * difficulty * all.rows * variance));
  const level = levels[argMin(levels.map((one) => errorOf(sums.map(() => one))))];
  const rest = centred.map((own) => own.less(level));
  const unit = (advantage * all.rows * variance) / sums.length;
  const paths = WEAKER.map((weaker) =>
    rest.map((own) => {
      const fit = own.rows > 0 ? own.fit(weaker * unit) : constant(0);
      return {
        kernel: fit.kernel.map((x, i) => x + level.kernel[i]),
        bias: fit.bias.map((x) => x + level.bias[0]),
      };
    }),
  );
  const best = paths[argMin(paths.map(errorOf))];
  const kernel = new Float64Array(inputs * sums.length);
  for (const [c, fit] of best.entries())
    for (let i = 0; i < inputs; i++) kernel[i * sums.length + c] = fit.kernel[i];
  return { kernel, bias: Float64Array.from(best, (fit) => fit.bias[0]), means };
}

/** Directions, and what is known along them: as `UncertaintySpec` says. @param length of the features */
export function encodePosterior(
  moments: Float32Array,
  directions: readonly number[],
  covariance: Float64Array,
  length: number,
): Uint8Array {
  const components = moments.length - 1;
  const scales = Float32Array.from({ length: components }, (_, k) => {
    let most = 0;
    for (let i = 0; i < length; i++) most = Math.max(most, Math.abs(directions[k * length + i]));
    return most / 127;
  });
  const numbers = [...moments, ...scales, ...covariance];
  const bytes = new Uint8Array(4 * numbers.length + directions.length);
  const view = new DataView(bytes.buffer);
  numbers.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  directions.forEach((value, i) => {
    const scale = scales[Math.floor(i / length)];
    view.setInt8(4 * numbers.length + i, scale > 0 ? Math.round(value / scale) : 0);
  });
  return bytes;
}
