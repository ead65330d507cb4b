import { argMin, type Head, type KnnTable } from 'pointsman/internal';
import { fitLinearPath } from '../fit/linear.ts';
import type { FitData } from '../fit/loss.ts';
import {
  chainHead,
  createMatrix,
  crossValidate,
  type DenseChain,
  type DenseLayer,
  type Matrix,
  type OnFold,
  type OnProgress,
  predictRows,
  takeRows,
} from '../fit/rows.ts';

/** What learners learn from. Rows are those of the fit split. */
export interface LearnerData {
  /** Standardised, `[rows, features]`. */
  readonly features: Matrix;
  /** Sum of the features' variances: penalties are given in this unit, so that they mean the same for any features. */
  readonly featureVariance: number;
  /** Half-open range of the features that neighbours are compared by. */
  readonly embedding: { readonly from: number; readonly to: number };
  /** Quality minus the candidate's mean, `[rows, candidates]`; NaN: unobserved. */
  readonly residuals: Matrix;
  /** Importance of each outcome, `[rows, candidates]`; inverse propensities, for one. Null: all alike. */
  readonly weights: Float32Array | null;
  /**
   * How many prompts of its log each row stands for, `[rows, candidates]`: means are taken by it, heads are not fitted by it, which would
   * undo what is drawn more often to be learned (bench/experiments.md, "Which prompts to fit on"). @default null: all as many
   */
  readonly importance?: Float32Array | null;
  /** Whether a logging policy chose which outcomes were seen, so that no row can be compared with itself. */
  readonly logged: boolean;
  /** Task of each row as a number, -1 where it has none; null where the traffic has no tasks. */
  readonly tasks: Int32Array | null;
  readonly taskCount: number;
  /** Mean quality of each candidate, which the residuals were taken from: `[candidates]` */
  readonly candidateMeans: readonly number[];
  /** The same over all rows that are there to learn from, those to calibrate on too. @default candidateMeans */
  readonly trainMeans?: readonly number[];
  /** Group of each row: near-duplicates share one, and errors of a group count as one. */
  readonly groups: Int32Array;
  /** Fold of each row; no group straddles two. */
  readonly folds: Int32Array;
  readonly seed: number;
}

/** What is added to the candidates' differences when they are chosen by. `[candidates]` */
export function trainMeans(data: Pick<LearnerData, 'candidateMeans' | 'trainMeans'>): readonly number[] {
  return data.trainMeans ?? data.candidateMeans;
}

/**
 * A fitted learner: a head that gives each candidate's expected quality as a difference to its mean, and what goes into the
 * artifact.
 */
export type FittedLearner = FittedChain | KnnFit;

export interface FittedChain {
  readonly head: Head;
  readonly chain: DenseChain;
}

/** A fitted kNN head: the table that is written to the artifact, and how to search it. */
export interface KnnFit {
  readonly table: KnnTable;
  readonly neighbours: number;
  readonly from: number;
  readonly to: number;
  readonly head: Head;
}

export function fittedChain(chain: DenseChain): FittedChain {
  return { head: chainHead(chain), chain };
}

/** A learner whose settings cross-validation has chosen. */
export interface TunedLearner {
  readonly name: string;
  /** What was chosen, for the report. */
  readonly settings: Readonly<Record<string, number>>;
  /** Predictions for each row by a fit that did not see its fold: `[rows, candidates]` */
  readonly outOfFold: Matrix;
  /** Fits on all rows. */
  fit(): Promise<FittedLearner>;
}

/** Tunes any head by fitting it on every fold with every setting, and keeping the setting with the least squared error. */
export async function tuneByFold<Setting extends Readonly<Record<string, number>>>(
  name: string,
  data: LearnerData,
  settings: readonly Setting[],
  fit: (known: FitData, setting: Setting, rows: Int32Array) => Promise<FittedLearner>,
): Promise<TunedLearner> {
  const { features, residuals, folds } = data;
  const outOfFold = await crossValidate(folds, async (rows) => {
    const known = takeFitData(data, rows.fit);
    const held = takeRows(features, rows.held);
    const path: Matrix[] = [];
    for (const setting of settings) path.push(predictRows((await fit(known, setting, rows.fit)).head, held));
    return path;
  });
  const errors = outOfFold.map((predictions) => squaredError(predictions, residuals, 'all', data.weights));
  const chosen = argMin(errors);
  const all = allRows(residuals);
  return {
    name,
    settings: settings[chosen],
    outOfFold: outOfFold[chosen],
    fit: () => fit(takeFitData(data, all), settings[chosen], all),
  };
}

/**
 * What layers say of rows that they were not fitted on.
 *
 * @param fit layers for the penalties that are tried, fitted on these rows
 * @returns `[rows, candidates]` for each penalty
 */
export function crossValidateLayers(
  { features, folds }: Pick<LearnerData, 'features' | 'folds'>,
  fit: (rows: Int32Array, onProgress: OnProgress) => Promise<readonly DenseLayer[]>,
  onFold?: OnFold,
): Promise<Matrix[]> {
  return crossValidate(
    folds,
    async (rows) => {
      const layers = await fit(rows.fit, rows.onProgress);
      const held = takeRows(features, rows.held);
      return layers.map((layer) => predictRows(chainHead([layer]), held));
    },
    onFold,
  );
}

/** Linear layers for some penalties on the squared error, strong to weak. */
export async function fitLayers(
  data: Pick<LearnerData, 'features' | 'residuals' | 'weights'>,
  rows: Int32Array,
  l2s: readonly number[],
  onProgress?: OnProgress,
): Promise<DenseLayer[]> {
  const fits = await fitLinearPath(takeFitData(data, rows), 'squared', { l2s, onProgress });
  return fits.map(({ layer }) => layer);
}

/** The named rows of learner data, for a head to be fitted on. */
function takeFitData(
  { features, residuals, weights }: Pick<LearnerData, 'features' | 'residuals' | 'weights'>,
  rows: Int32Array,
): FitData {
  const taken = { features: takeRows(features, rows), targets: takeRows(residuals, rows) };
  if (weights === null) return taken;
  return { ...taken, weights: takeRows({ ...residuals, values: weights }, rows).values };
}

/** Every row of a matrix. */
export function allRows({ rows }: Matrix): Int32Array {
  return Int32Array.from({ length: rows }, (_, i) => i);
}

/** Weight of the observed outcomes of the named rows, per candidate: what penalties are measured against. */
export function weightPerCandidate(
  { residuals: { columns, values }, weights }: Pick<LearnerData, 'residuals' | 'weights'>,
  rows: Int32Array,
): number {
  let sum = 0;
  for (const row of rows)
    for (let i = row * columns; i < (row + 1) * columns; i++)
      if (!Number.isNaN(values[i])) sum += weights === null ? 1 : weights[i];
  return sum / columns;
}

/** A matrix in two parts that add up to it: each row's mean, repeated, and the differences to it. NaN spreads over its row. */
export function splitDifficulty({ rows, columns, values }: Matrix): {
  difficulty: Matrix;
  advantage: Matrix;
} {
  const difficulty = createMatrix(rows, columns);
  const advantage = createMatrix(rows, columns);
  for (let row = 0; row < rows; row++) {
    let mean = 0;
    for (let c = 0; c < columns; c++) mean += values[row * columns + c] / columns;
    for (let c = 0; c < columns; c++) {
      difficulty.values[row * columns + c] = mean;
      advantage.values[row * columns + c] = values[row * columns + c] - mean;
    }
  }
  return { difficulty, advantage };
}

/** Which part of the outcomes an error is measured on. */
export type Part = 'all' | 'difficulty' | 'advantage';

/**
 * Mean squared error of predictions. `difficulty` compares the rows' means, `advantage` the differences to them, both over
 * rows with every target observed; `all` every observed target. NaN when there is no such row.
 *
 * @param weights importance of each target for `all`, `[rows, outputs]`; null: all alike
 */
export function squaredError(
  predictions: Matrix,
  targets: Matrix,
  part: Part,
  weights: Float32Array | null = null,
): number {
  const { rows, columns } = targets;
  let sum = 0;
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    if (part === 'all') {
      for (let i = from; i < from + columns; i++) {
        if (Number.isNaN(targets.values[i])) continue;
        const weight = weights === null ? 1 : weights[i];
        sum += weight * (targets.values[i] - predictions.values[i]) ** 2;
        count += weight;
      }
      continue;
    }
    let error = 0;
    for (let i = from; i < from + columns; i++)
      error += (targets.values[i] - predictions.values[i]) / columns;
    if (Number.isNaN(error)) continue;
    count++;
    if (part === 'difficulty') sum += error * error;
    else
      for (let i = from; i < from + columns; i++)
        sum += (targets.values[i] - predictions.values[i] - error) ** 2 / columns;
  }
  return sum / count;
}

/** Whether most rows that have a target have every one, which tells difficulties from advantages. */
export function isFullyObserved({ rows, columns, values }: Matrix): boolean {
  let full = 0;
  let some = 0;
  for (let row = 0; row < rows; row++) {
    let observed = 0;
    for (let c = 0; c < columns; c++) if (!Number.isNaN(values[row * columns + c])) observed++;
    if (observed > 0) some++;
    if (observed === columns) full++;
  }
  return full >= some / 2;
}
