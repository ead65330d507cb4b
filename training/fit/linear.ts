import { EigenvalueDecomposition, Matrix as Square } from 'ml-matrix';
import { InvalidInputError } from 'pointsman';
import { mean, moments } from 'pointsman/internal';
import { type Curvature, cholesky, measureCurvature } from './curvature.ts';
import { createLinearObjective, type LinearObjective, minimise } from './linear-objective.ts';
import { baseRates, checkFitData, type FitData, type Loss } from './loss.ts';
import { chainHead, type DenseLayer, type Matrix, type OnProgress, predictRows, takeColumn } from './rows.ts';
import { useBackend } from './tensorflow.ts';

export interface LinearOptions {
  /**
   * Strength of the penalty l2 / 2 * sum of squared weights, against the SUM of the rows' losses: 1 / C of
   * scikit-learn's LogisticRegression, alpha of its Ridge. The bias is not penalised.
   */
  readonly l2: number;
  /** Multiplies `l2` per feature `[inputs]`, so that blocks can be held back differently. @default 1 each */
  readonly featurePenalties?: Float32Array;
  /** Penalise the distance to this layer and not to 0, its bias included: what is known beforehand. */
  readonly towards?: DenseLayer;
  /** Begin here. @default `towards`, or 0 with the biases of the base rates */
  readonly start?: DenseLayer;
  /** @default 100 */
  readonly maxSteps?: number;
  /** Ends when the objective can fall by no more than this share of itself. @default 1e-5 */
  readonly tolerance?: number;
  readonly onProgress?: OnProgress | undefined;
}

/** A fitted linear head and how it came about. */
interface LinearFit {
  readonly layer: DenseLayer;
  readonly l2: number;
  /** Mean loss per unit of weight, without the penalty. */
  readonly loss: number;
  readonly steps: number;
}

/**
 * Fits logits = x W + b by L-BFGS over all rows, preconditioned with the features' second moments. The problem is
 * convex and nothing is drawn at random: the same rows give the same bytes.
 * @throws InvalidInputError
 */
export async function fitLinear(data: FitData, loss: Loss, options: LinearOptions): Promise<LinearFit> {
  const [fit] = await fitLinearPath(data, loss, { ...options, l2s: [options.l2] });
  return fit;
}

interface LinearPathOptions extends Omit<LinearOptions, 'l2'> {
  /** Strengths; fitted in the order given, each from where the last one ended. Strong to weak is quickest. */
  readonly l2s: readonly number[];
}

/** The same rows at several strengths: rows and curvature are prepared once, and each fit starts warm. */
export async function fitLinearPath(
  data: FitData,
  loss: Loss,
  options: LinearPathOptions,
): Promise<LinearFit[]> {
  checkFitData(data, loss);
  for (const l2 of options.l2s) {
    if (l2 >= 0 && Number.isFinite(l2)) continue;
    throw new InvalidInputError(`\`l2\` of fitLinear must be a number >= 0. Got ${l2}.`);
  }
  const { tf } = await useBackend();
  const { features, targets } = data;
  if (fitsInRowSpace(features, options)) return fitInRowSpace(data, loss, options);
  const curvature = measureCurvature(tf, features);
  const objective = createLinearObjective(tf, data, loss);
  const problem = { data, options, curvature, spread: spreads(data, loss), objective };
  try {
    let point = startPoint(data, loss, options);
    return options.l2s.map((l2) => {
      const found = descend(problem, point, l2);
      point = found.point;
      const layer = toLayer(point, features.columns, targets.columns);
      return { layer, l2, loss: found.loss, steps: found.steps };
    });
  } finally {
    objective.dispose();
  }
}

/** Below this many rows a feature the detour pays. */
const ROWS_PER_FEATURE = 0.85;

function fitsInRowSpace({ rows, columns }: Matrix, { l2s, start, towards }: LinearPathOptions): boolean {
  const isFromZero = start === undefined && towards === undefined;
  return rows > 0 && rows < ROWS_PER_FEATURE * columns && isFromZero && l2s.every((l2) => l2 > 0);
}

/**
 * The same where there are fewer rows than features. The best weights are then a sum of the rows (the representer theorem: Kimeldorf
 * and Wahba 1971), so the rows' products with each other are all that is needed. Where these are L Lᵀ, rows of L stand for
 * the rows of features, at the same lengths and angles: the penalty is the same too, and all steps are on rows² numbers.
 */
async function fitInRowSpace(data: FitData, loss: Loss, options: LinearPathOptions): Promise<LinearFit[]> {
  const { featurePenalties, ...rest } = options;
  const { rows, columns, values } = data.features;
  const scales = Float64Array.from({ length: columns }, (_, j) => 1 / Math.sqrt(featurePenalties?.[j] ?? 1));
  const scaled = new Float64Array(4 * Math.ceil(rows / 4) * columns);
  for (let row = 0; row < values.length; row += columns)
    for (let j = 0; j < columns; j++) scaled[row + j] = values[row + j] * scales[j];
  const products = rowProducts(scaled, rows, columns);
  const factor = cholesky(products, rows);
  const features = { rows, columns: rows, values: factor.lower() };
  const fits = await fitLinearPath({ ...data, features }, loss, rest);
  return fits.map((fit) => {
    const { kernel, outputs } = fit.layer;
    const ofRows = Float64Array.from(kernel);
    factor.solveTransposedInPlace(ofRows, outputs);
    const weights = new Float64Array(columns * outputs);
    for (let row = 0; row < rows; row++)
      for (let j = 0; j < columns; j++) {
        const value = scaled[row * columns + j] * scales[j];
        for (let c = 0; c < outputs; c++) weights[j * outputs + c] += value * ofRows[row * outputs + c];
      }
    return { ...fit, layer: { ...fit.layer, inputs: columns, kernel: Float32Array.from(weights) } };
  });
}

/**
 * Products of rows with each other: `[rows, rows]`. Eight at a time, so that none waits for the addition of another, and each number
 * that is read is used for several; each is added up in the order of its row, as `dot` does.
 * @param values `[rows, columns]`, and zeros up to the next multiple of four rows
 */
function rowProducts(values: Float64Array, rows: number, columns: number): Float64Array {
  const products = new Float64Array(rows * rows);
  const put = (i: number, j: number, product: number): void => {
    if (i >= rows || j >= rows) return;
    products[i * rows + j] = product;
    products[j * rows + i] = product;
  };
  for (let i = 0; i < rows; i += 4) {
    const from = i * columns;
    for (let j = 0; j <= i + 2; j += 2) {
      let [a0, a1, a2, a3] = [0, 0, 0, 0];
      let [b0, b1, b2, b3] = [0, 0, 0, 0];
      for (let k = 0; k < columns; k++) {
        const at = from + k;
        const a = values[j * columns + k];
        const b = values[(j + 1) * columns + k];
        const row0 = values[at];
        const row1 = values[at + columns];
        const row2 = values[at + 2 * columns];
        const row3 = values[at + 3 * columns];
        a0 += row0 * a;
        a1 += row1 * a;
        a2 += row2 * a;
        a3 += row3 * a;
        b0 += row0 * b;
        b1 += row1 * b;
        b2 += row2 * b;
        b3 += row3 * b;
      }
      for (const [r, product] of [a0, a1, a2, a3].entries()) put(i + r, j, product);
      for (const [r, product] of [b0, b1, b2, b3].entries()) put(i + r, j + 1, product);
    }
  }
  return products;
}

/** A linear fit whose rows are on the backend. */
interface LinearProblem {
  readonly data: FitData;
  readonly options: Omit<LinearPathOptions, 'l2s'>;
  readonly curvature: Curvature;
  /** From `spreads`. */
  readonly spread: Float64Array;
  readonly objective: LinearObjective;
}

function startPoint(data: FitData, loss: Loss, options: Omit<LinearPathOptions, 'l2s'>): Float64Array {
  const given = options.start ?? options.towards;
  if (given !== undefined) return toPoint(given);
  const { logits } = baseRates(data, loss);
  const point = new Float64Array((data.features.columns + 1) * data.targets.columns);
  point.set(logits, data.features.columns * data.targets.columns);
  return point;
}

function toPoint(layer: DenseLayer): Float64Array {
  const point = new Float64Array(layer.kernel.length + layer.bias.length);
  point.set(layer.kernel);
  point.set(layer.bias, layer.kernel.length);
  return point;
}

function toLayer(point: Float64Array, inputs: number, outputs: number): DenseLayer {
  return {
    inputs,
    outputs,
    kernel: Float32Array.from(point.subarray(0, inputs * outputs)),
    bias: Float32Array.from(point.subarray(inputs * outputs)),
    activation: 'linear',
  };
}

/** Where a descent ended: kernel then bias, in double precision. */
interface Solution {
  readonly point: Float64Array;
  /** Mean loss per unit of weight, without the penalty. */
  readonly loss: number;
  readonly steps: number;
}

function descend(
  { data, options, curvature, spread, objective }: LinearProblem,
  start: Float64Array,
  l2: number,
): Solution {
  const [inputs, outputs] = [data.features.columns, data.targets.columns];
  const { towards, featurePenalties, maxSteps = 100, tolerance = 1e-5 } = options;
  const weights = inputs * outputs;
  const penalties = Float64Array.from({ length: inputs }, (_, j) => l2 * (featurePenalties?.[j] ?? 1));
  const centre = towards === undefined ? new Float64Array(start.length) : toPoint(towards);
  const biasPenalty = towards === undefined ? 0 : l2;
  const { totalWeight } = objective;
  const meter = createProgressMeter(maxSteps, tolerance, options.onProgress);
  let loss = 0;
  const { point, steps } = minimise(start, {
    evaluate(at, slope) {
      const sum = objective.evaluate(
        at.subarray(0, weights),
        at.subarray(weights),
        slope.subarray(0, weights),
        slope.subarray(weights),
      );
      loss = sum / totalWeight;
      let penalty = 0;
      for (let i = 0; i < at.length; i++) {
        const strength = i < weights ? penalties[Math.floor(i / outputs)] : biasPenalty;
        const away = at[i] - centre[i];
        penalty += 0.5 * strength * away * away;
        slope[i] += strength * away;
      }
      return sum + penalty;
    },
    precondition: preconditioner(curvature, totalWeight, spread, penalties, biasPenalty, outputs),
    maxSteps,
    tolerance,
    onStep: (step, value, gainLeft) => meter(step, value / totalWeight, gainLeft / Math.abs(value)),
  });
  return { point, loss, steps };
}

/** Mean second derivative of the loss by logit, per output, per unit of the objective's weight. */
function spreads(data: FitData, loss: Loss): Float64Array {
  const { observed, rates } = baseRates(data, loss);
  return rates.map((rate, c) => {
    const bend = loss === 'squared' ? 1 : Math.max(0.01, rate * (1 - rate));
    return Math.max(1e-3, observed[c]) * bend;
  });
}

/**
 * Every output's curvature is about weight * spread * second moments + penalties. One factor, at the mean spread,
 * serves them all.
 */
export function preconditioner(
  curvature: Curvature,
  totalWeight: number,
  spread: Float64Array,
  penalties: Float64Array,
  biasPenalty: number,
  outputs: number,
): (vector: Float64Array) => void {
  const middle = mean(spread);
  const factor = curvature.factor(totalWeight * middle, penalties);
  const inputs = penalties.length;
  return (vector) => {
    factor?.solveInPlace(vector, outputs);
    for (let c = 0; c < outputs; c++) {
      const relative = Math.max(spread[c], 0.02 * middle) / middle;
      if (factor === null) {
        for (let j = 0; j < inputs; j++) {
          vector[j * outputs + c] /=
            totalWeight * middle * relative * (curvature.diagonal[j] + 1e-6) + penalties[j];
        }
      } else {
        for (let j = 0; j < inputs; j++) vector[j * outputs + c] /= relative;
      }
      vector[inputs * outputs + c] /= totalWeight * middle * relative + biasPenalty;
    }
  };
}

/**
 * Reports the steps of a fit that ends when what is left to gain falls below `tolerance` (a share of the loss). The
 * gain falls by about the same factor at every step, which is what the time left is reckoned from.
 */
function createProgressMeter(
  steps: number,
  tolerance: number,
  onProgress: OnProgress | undefined,
): (step: number, loss: number, gainLeft: number) => void {
  if (onProgress === undefined) return () => {};
  const started = performance.now();
  let first = 0;
  return (step, loss, gainLeft) => {
    if (step === 0) first = gainLeft;
    const perStep = step === 0 ? 0 : (performance.now() - started) / 1000 / step;
    const decay = step === 0 ? 0 : Math.log(first / gainLeft) / step;
    const byDecay = decay > 0 ? Math.max(0, Math.ceil(Math.log(gainLeft / tolerance) / decay)) : steps;
    onProgress({ step, steps, loss, secondsLeft: perStep * Math.min(steps - step, byDecay) });
  };
}

interface FactorisationOptions extends Omit<LinearOptions, 'start' | 'towards'> {
  /** Numbers a prompt and a candidate are described by; at most the candidates. */
  readonly rank: number;
  /** Penalty on the candidates' vectors, in the units of `l2`. @default 1 */
  readonly candidateL2?: number;
}

/** Prompt vectors, then candidates: logits = (x U + u) V + b. A `DenseChain`, to be exported as any other. */
type Factorisation = readonly [prompts: DenseLayer, candidates: DenseLayer];

/**
 * Low-rank fit: a full linear fit, its best approximation of the rank over these rows (reduced-rank regression,
 * Izenman 1975), then the candidates' vectors fitted again on it. Prompt vectors come out with mean 0 and
 * variance 1 in each direction, so that the penalty on candidates' vectors means the same whatever the features.
 */
export async function fitMatrixFactorisation(
  data: FitData,
  loss: Loss,
  options: FactorisationOptions,
): Promise<Factorisation> {
  const { rank, candidateL2 = 1, ...linear } = options;
  const outputs = data.targets.columns;
  if (!(Number.isInteger(rank) && rank > 0 && rank <= outputs)) {
    throw new InvalidInputError(`\`rank\` of fitMatrixFactorisation must be in 1..${outputs}. Got ${rank}.`);
  }
  const { layer } = await fitLinear(data, loss, linear);
  const directions = leadingDirections(predictRows(chainHead([layer]), data.features), rank);
  const prompts = standardised(project(layer, directions, rank), data.features);
  const vectors = predictRows(chainHead([prompts]), data.features);
  const candidates = await fitLinear({ ...data, features: vectors }, loss, { l2: candidateL2 });
  return [prompts, candidates.layer];
}

/** The directions of output space along which predictions vary most, `[outputs, rank]` row-major. */
function leadingDirections(predictions: Matrix, rank: number): Float64Array {
  const { rows, columns, values } = predictions;
  const centre = Float64Array.from({ length: columns }, (_, c) => moments(takeColumn(predictions, c)).mean);
  const covariance = Square.zeros(columns, columns);
  for (let row = 0; row < rows; row++) {
    for (let a = 0; a < columns; a++) {
      const x = values[row * columns + a] - centre[a];
      for (let b = 0; b <= a; b++) {
        covariance.set(a, b, covariance.get(a, b) + x * (values[row * columns + b] - centre[b]));
      }
    }
  }
  for (let a = 0; a < columns; a++) for (let b = 0; b < a; b++) covariance.set(b, a, covariance.get(a, b));
  // Eigenvalues come ascending.
  const { eigenvectorMatrix } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  const directions = new Float64Array(columns * rank);
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rank; r++) directions[c * rank + r] = eigenvectorMatrix.get(c, columns - 1 - r);
  }
  return directions;
}

function project(layer: DenseLayer, directions: Float64Array, rank: number): DenseLayer {
  const kernel = new Float32Array(layer.inputs * rank);
  for (let j = 0; j < layer.inputs; j++) {
    for (let r = 0; r < rank; r++) {
      let sum = 0;
      for (let c = 0; c < layer.outputs; c++) {
        sum += layer.kernel[j * layer.outputs + c] * directions[c * rank + r];
      }
      kernel[j * rank + r] = sum;
    }
  }
  return { inputs: layer.inputs, outputs: rank, kernel, bias: new Float32Array(rank), activation: 'linear' };
}

function standardised(layer: DenseLayer, features: Matrix): DenseLayer {
  const vectors = predictRows(chainHead([layer]), features);
  const { outputs } = layer;
  const kernel = layer.kernel.slice();
  const bias = new Float32Array(outputs);
  for (let r = 0; r < outputs; r++) {
    const { mean, variance } = moments(takeColumn(vectors, r));
    const scale = variance > 1e-12 ? 1 / Math.sqrt(variance) : 0;
    for (let j = 0; j < layer.inputs; j++) kernel[j * outputs + r] *= scale;
    bias[r] = -mean * scale;
  }
  return { ...layer, kernel, bias };
}
