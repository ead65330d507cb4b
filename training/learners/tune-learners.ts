import { InvalidInputError } from 'pointsman';
import { argMin, createRandom, KnnHead, type KnnTable } from 'pointsman/internal';
import { LEARNER_NAMES, type LearnerName } from '../config.ts';
import { fitMatrixFactorisation } from '../fit/linear.ts';
import { fitMlp } from '../fit/mlp.ts';
import {
  chainHead,
  createMatrix,
  crossValidate,
  type DenseLayer,
  eachFold,
  type FoldProgress,
  groupedFolds,
  type Matrix,
  type OnFold,
  type OnProgress,
  predictRows,
  putRows,
  searchPenalties,
  takeRows,
} from '../fit/rows.ts';
import { tuneDomainLearner } from './domain.ts';
import {
  allRows,
  fitLayers,
  fittedChain,
  isFullyObserved,
  type KnnFit,
  type LearnerData,
  squaredError,
  type TunedLearner,
  tuneByFold,
  weightPerCandidate,
} from './learner.ts';
import { type LinearLearner, tuneLinearLearner } from './linear.ts';

/**
 * Tunes the named learners, one after the other. Those that the traffic has nothing for (a domain learner without
 * tasks) are left out.
 *
 * @param onLearner called before each with its name, and then as its cross-validation goes on.
 */
export async function tuneLearners(
  data: LearnerData,
  names: readonly LearnerName[],
  onLearner: (name: LearnerName, progress?: FoldProgress) => void = () => {},
): Promise<TunedLearner[]> {
  // Named or not: others are made of it.
  onLearner('linear');
  const linear = await tuneLinearLearner(data, (progress) => onLearner('linear', progress));
  const learners: TunedLearner[] = [];
  for (const name of LEARNER_NAMES) {
    if (!names.includes(name)) continue;
    if (name !== 'linear') onLearner(name);
    const tuned = await TUNERS[name](data, linear, (progress) => onLearner(name, progress));
    if (tuned !== null) learners.push(tuned);
  }
  return learners;
}

type Tuner = (
  data: LearnerData,
  linear: LinearLearner,
  onFold: OnFold,
) => TunedLearner | null | Promise<TunedLearner | null>;

const TUNERS: Readonly<Record<LearnerName, Tuner>> = {
  linear: (_, linear) => linear,
  domain: (data, _, onFold) => tuneDomainLearner(data, onFold),
  curve: tuneCurveLearner,
  mlp: tuneMlpLearner,
  knn: tuneKnnLearner,
  factorisation: tuneFactorisationLearner,
};

const MLP_SETTINGS = [
  { hidden: 32, dropout: 0.5 },
  { hidden: 64, dropout: 0.3 },
] as const;

/** One part in this many is held out to stop early by. */
const HELD_OUT_PARTS = 7;

/** One hidden layer of relu units with dropout, stopped early on held-out groups. */
function tuneMlpLearner(data: LearnerData): Promise<TunedLearner> {
  return tuneByFold('mlp', data, MLP_SETTINGS, async ({ features, ...known }, { hidden, dropout }, rows) => {
    const parts = groupedFolds(
      rows.map((row) => data.groups[row]),
      HELD_OUT_PARTS,
      data.seed,
    );
    const heldOut = Int32Array.from(parts.keys()).filter((row) => parts[row] === 0);
    const options = { seed: data.seed, hidden: [hidden], dropout, heldOut };
    const { chains } = await fitMlp(features, [{ ...known, loss: 'squared' }], options);
    return fittedChain(chains[0]);
  });
}

const KNN_SETTINGS = [
  { neighbours: 20, shrinkage: 5 },
  { neighbours: 40, shrinkage: 10 },
  { neighbours: 80, shrinkage: 10 },
] as const;

/**
 * Weighted nearest neighbours by the embedding. Strong on small data, but every stored row is compared at every
 * decision: 1,500 rows of 256 numbers take longer than everything else together.
 */
function tuneKnnLearner(data: LearnerData): Promise<TunedLearner> {
  return tuneByFold('knn', data, KNN_SETTINGS, async ({ features, targets }, setting) =>
    fitKnn(features, targets, { ...data.embedding, ...setting }),
  );
}

interface KnnOptions {
  /** How many of the most similar rows count. @default 40 */
  readonly neighbours?: number;
  /** Half-open range of the feature vector to compare. @default all of it */
  readonly from?: number;
  readonly to?: number;
  /** Weight of the overall mean, in neighbours of similarity 1. @default 2 */
  readonly shrinkage?: number;
  /** A neighbour weighs cosine^sharpness. @default 2 */
  readonly sharpness?: number;
  /** Importance of each row. @default 1 each */
  readonly weights?: Float32Array;
}

/**
 * Keeps the rows (int8, unit length) and their outcomes.
 * @param outcomes `[rows, outputs]`, NaN: unobserved
 * @throws InvalidInputError
 */
export function fitKnn(features: Matrix, outcomes: Matrix, options: KnnOptions = {}): KnnFit {
  const { neighbours = 40, from = 0, to = features.columns } = options;
  if (!(from >= 0 && from < to && to <= features.columns)) {
    throw new InvalidInputError(
      `\`from\` and \`to\` of fitKnn must be within 0..${features.columns}. Got ${from}..${to}.`,
    );
  }
  if (features.rows !== outcomes.rows || features.rows === 0) {
    throw new InvalidInputError(
      `\`features\` and \`outcomes\` of fitKnn must have the same rows, at least one. Got ${features.rows}, ${outcomes.rows}.`,
    );
  }
  const weights = options.weights ?? new Float32Array(features.rows).fill(1);
  const table: KnnTable = {
    rows: features.rows,
    dimensions: to - from,
    outputs: outcomes.columns,
    shrinkage: Math.fround(options.shrinkage ?? 2),
    sharpness: Math.fround(options.sharpness ?? 2),
    weights,
    prior: weightedMeans(outcomes, weights),
    outcomes: outcomes.values,
    ...quantise(features, from, to),
  };
  const head = new KnnHead(table, { inputs: features.columns, from, to, neighbours });
  return { table, neighbours, from, to, head };
}

function quantise(features: Matrix, from: number, to: number): Pick<KnnTable, 'vectors' | 'scales'> {
  const dimensions = to - from;
  const vectors = new Int8Array(features.rows * dimensions);
  const scales = new Float32Array(features.rows);
  for (let row = 0; row < features.rows; row++) {
    const values = features.values.subarray(row * features.columns + from, row * features.columns + to);
    let largest = 0;
    for (const value of values) largest = Math.max(largest, Math.abs(value));
    if (largest === 0) continue;
    let squares = 0;
    for (let d = 0; d < dimensions; d++) {
      const level = Math.round((127 * values[d]) / largest);
      vectors[row * dimensions + d] = level;
      squares += level * level;
    }
    scales[row] = 1 / Math.sqrt(squares);
  }
  return { vectors, scales };
}

function weightedMeans({ rows, columns, values }: Matrix, weights: Float32Array): Float32Array {
  const means = new Float32Array(columns);
  for (let c = 0; c < columns; c++) {
    let [sum, total] = [0, 0];
    for (let row = 0; row < rows; row++) {
      const value = values[row * columns + c];
      if (Number.isNaN(value)) continue;
      sum += weights[row] * value;
      total += weights[row];
    }
    means[c] = total > 0 ? sum / total : 0;
  }
  return means;
}

const RANKS = [1, 2, 4];

const PENALTY_SHARES = [0.1, 0.01, 0.003];

/** Prompts and candidates as short vectors whose product is the quality: what many candidates have in common is learned once. */
function tuneFactorisationLearner(data: LearnerData): Promise<TunedLearner> {
  const ranks = RANKS.filter((rank) => rank <= data.residuals.columns);
  const settings = ranks.flatMap((rank) => PENALTY_SHARES.map((penalty) => ({ rank, penalty })));
  return tuneByFold('factorisation', data, settings, async (known, { rank, penalty }) => {
    const l2 = penalty * known.features.rows * data.featureVariance;
    return fittedChain(await fitMatrixFactorisation(known, 'squared', { rank, l2 }));
  });
}

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
