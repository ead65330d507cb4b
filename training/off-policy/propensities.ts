import { argMin, createRandom, softmaxInto } from 'pointsman/internal';
import { fitLinearPath } from '../fit/linear.ts';
import {
  chainHead,
  createMatrix,
  eachFold,
  groupedFolds,
  type Matrix,
  type OnFold,
  predictRows,
  putRows,
  takeRows,
} from '../fit/rows.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';

/** How likely it was that the log holds what it holds. */
export interface LoggingPropensities {
  /** Probability that the cell was observed; NaN where nothing was. `[prompts, candidates]` */
  readonly values: Float64Array;
  /** Probability that the log gave the prompt to the candidate, seen or not; NaN where the log does not say. `[prompts, candidates]` */
  readonly policy?: Float64Array;
  /** 1 for the prompts with an outcome of any candidate: `[prompts]` */
  readonly answered: Uint8Array;
  /** `fitted` where at least one had to be estimated. */
  readonly source: 'logged' | 'fitted';
  /** What must hold for them to be right, in a sentence. */
  readonly assumption: string;
  /** Prompts with an outcome whose propensities were logged, or are certain as every candidate answered. */
  readonly knownRows: number;
  /** Prompts with an outcome whose propensities were estimated. */
  readonly fittedRows: number;
}

interface PropensityOptions {
  /**
   * Of every prompt of the matrix, `[prompts, features]`; a function is asked for them where some propensity must be estimated.
   * @default null: task and tier alone
   */
  readonly features?: Matrix | null | (() => Matrix);
  /** Prompts that are looked at; others stay NaN. @default all */
  readonly rows?: Int32Array;
  /** Near-duplicate group of each prompt of the matrix. @default each its own */
  readonly groups?: Int32Array;
  /** For cross-fitting. @default 5 */
  readonly folds?: number;
  /** Deals the folds. @default 0 */
  readonly seed?: number;
  readonly onFold?: OnFold;
}

/** An estimate below this is not to be told from 0; a weight of its inverse is far beyond where weights are cut. */
const LEAST_ESTIMATE = 1e-6;

/**
 * The propensity of every observed cell: the logged one where the log has it, 1 where every candidate answered, else an
 * estimate. A prompt with one answer has that candidate's probability in a multinomial logistic model of prompt, task and tier,
 * cross-fitted by near-duplicate group; one with k of more answers k times that, at most 1.
 *
 * Qualities are never looked at, only where there is one.
 */
export async function loggingPropensities(
  matrix: OutcomeMatrix,
  options: PropensityOptions = {},
): Promise<LoggingPropensities> {
  const columns = matrix.candidates.length;
  const rows = options.rows ?? Int32Array.from(matrix.prompts.keys());
  const values = new Float64Array(matrix.quality.length).fill(Number.NaN);
  const policy = new Float64Array(matrix.quality.length).fill(Number.NaN);
  const unknown: number[] = [];
  const answered = new Uint8Array(matrix.prompts.length);
  let knownRows = 0;
  for (const row of rows) {
    const cells = observedCells(matrix, row);
    if (cells.length === 0) continue;
    answered[row] = 1;
    const logged = cells.every((cell) => matrix.propensity[cell] > 0);
    if (!logged && cells.length < columns) {
      unknown.push(row);
      continue;
    }
    knownRows++;
    for (const cell of cells) values[cell] = logged ? matrix.propensity[cell] : 1;
    putPolicy(matrix, row, cells, values, policy);
  }
  if (unknown.length > 0) await estimate(matrix, Int32Array.from(unknown), options, values);
  return {
    values,
    policy,
    answered,
    source: unknown.length > 0 ? 'fitted' : 'logged',
    assumption: assumptionOf(knownRows, unknown.length),
    knownRows,
    fittedRows: unknown.length,
  };
}

/**
 * What is known of all candidates of a prompt: what the log says, or that a candidate with propensity 1 was the only one that
 * could be asked, or that all of them were.
 */
function putPolicy(
  { candidates, policy: logged }: OutcomeMatrix,
  row: number,
  cells: readonly number[],
  values: Float64Array,
  policy: Float64Array,
): void {
  const columns = candidates.length;
  const from = row * columns;
  const isCertain = cells.every((cell) => values[cell] === 1);
  for (let cell = from; cell < from + columns; cell++) {
    if (logged !== undefined && !Number.isNaN(logged[cell])) policy[cell] = logged[cell];
    else if (isCertain) policy[cell] = 0;
  }
  for (const cell of cells) policy[cell] = values[cell];
}

async function estimate(
  matrix: OutcomeMatrix,
  rows: Int32Array,
  { features = null, groups, folds = 5, seed = 0, onFold }: PropensityOptions,
  values: Float64Array,
): Promise<void> {
  const columns = matrix.candidates.length;
  const observed = (i: number, c: number) => !Number.isNaN(matrix.quality[rows[i] * columns + c]);
  const groupOf = rows.map((row) => groups?.[row] ?? row);
  const fitted = await fitPropensities(
    propensityFeatures(matrix, typeof features === 'function' ? features() : features, rows),
    observedShares(observed, rows.length, columns),
    groupedFolds(groupOf, folds, seed),
    seed,
    matrix.importance && Float32Array.from(rows, (row) => matrix.importance![row * columns]),
    onFold,
  );
  rows.forEach((row, i) => {
    const cells = observedCells(matrix, row);
    for (const cell of cells)
      values[cell] = Math.max(
        LEAST_ESTIMATE,
        Math.min(1, cells.length * fitted[i * columns + (cell % columns)]),
      );
  });
}

function observedCells({ candidates, quality }: OutcomeMatrix, row: number): number[] {
  const columns = candidates.length;
  return Array.from({ length: columns }, (_, c) => row * columns + c).filter(
    (cell) => !Number.isNaN(quality[cell]),
  );
}

function assumptionOf(known: number, fitted: number): string {
  const rated = 'whether an answer was rated depends on the prompt and the candidate alone';
  if (fitted === 0)
    return `The logged propensities are those that the candidates were drawn with, and ${rated}.`;
  const share =
    known === 0 ? 'The propensities' : `The propensities of ${fitted} of ${known + fitted} prompts`;
  return (
    `${share} are estimated from the prompts, which assumes that nothing but the prompt influenced both which candidate answered and ` +
    `how good the answer was (no unobserved confounding given the prompt), and that ${rated}.`
  );
}

/** Strong to weak, as shares of the features' variance times the rows: the first leaves little but the shares. */
const PENALTY_SHARES = [1, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001];

/** Folds that choose the penalty; the others are fitted at it alone. */
const CHOOSING_FOLDS = 2;

/**
 * Who answers which prompt, as multinomial logistic regression: cross-fitted by near-duplicate group, with the penalty of
 * the lowest log-loss on what the first folds hold out.
 * @param shares `[rows, candidates]`: 1 for the one that answered, 1/k for each of k
 * @param folds fold of each row, so that none is predicted by a model that saw one of its group
 * @param importance how many prompts of the log each row stands for: who asked whom is learned of the log, and not of a sample
 * @returns probabilities `[rows, candidates]` that add up to 1 in each row
 */
async function fitPropensities(
  { features, variance, penalties }: PropensityFeatures,
  shares: Matrix,
  folds: Int32Array,
  seed: number,
  importance: Float32Array | undefined,
  onFold: OnFold = () => {},
): Promise<Float32Array> {
  const all = eachFold(folds);
  const predictHeld = async (fold: number, strengths: readonly number[]) => {
    // A single group leaves nothing to hold out: its rows are predicted by themselves.
    const { held, fit: others } = all.length === 1 ? { ...all[0], fit: all[0].held } : all[fold];
    const fit = atMost(others, seed);
    const fits = await fitLinearPath(
      {
        ...{ features: takeRows(features, fit), targets: takeRows(shares, fit) },
        ...(importance && { weights: Float32Array.from(fit, (row) => importance[row]) }),
      },
      'softmax',
      {
        featurePenalties: penalties,
        l2s: strengths.map((share) => share * Math.max(variance, 1e-9) * fit.length),
        tolerance: 1e-4,
        onProgress: ({ loss }) => onFold({ fold, folds: all.length, loss }),
      },
    );
    const heldFeatures = takeRows(features, held);
    return fits.map(({ layer }) => probabilities(predictRows(chainHead([layer]), heldFeatures)));
  };
  const losses = new Float64Array(PENALTY_SHARES.length);
  const choosing: Matrix[][] = [];
  for (const { fold, held } of all.slice(0, CHOOSING_FOLDS)) {
    choosing[fold] = await predictHeld(fold, PENALTY_SHARES);
    choosing[fold].forEach((predicted, i) => {
      losses[i] += logLoss(predicted, takeRows(shares, held));
    });
  }
  const best = argMin(losses);
  const predictions = createMatrix(shares.rows, shares.columns);
  for (const { fold, held } of all)
    putRows(
      choosing[fold]?.[best] ?? (await predictHeld(fold, [PENALTY_SHARES[best]]))[0],
      held,
      predictions,
    );
  return predictions.values;
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
function observedShares(
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

/** Labels beyond so many, the rarest, are one. */
const MOST_LABELS = 100;

/** Features that a logging policy may have gone by, and how much they vary. */
interface PropensityFeatures {
  readonly features: Matrix; // [rows, features]
  /** Sum of the variances of all features, for penalties to be measured by. */
  readonly variance: number;
  /** Multiplies the penalty of each feature: `[features]` */
  readonly penalties: Float32Array;
}

/**
 * Tasks and tiers are few, and what rules go by; features are many, and most of them went by nobody. So their weights
 * are held back by so much less.
 */
const LABEL_PENALTY = 0.1;

/**
 * What may have decided who got a prompt: its features, its task and its tier. Each of the three varies as much in sum
 * as the others, so that one penalty treats them alike.
 * @param features of every prompt of the matrix; null leaves them out
 * @param rows prompts to describe: `[rows]`
 */
function propensityFeatures(
  { prompts }: Pick<OutcomeMatrix, 'prompts'>,
  features: Matrix | null,
  rows: Int32Array,
): PropensityFeatures {
  const blocks = [
    ...(features === null ? [] : [{ block: takeRows(features, rows), penalty: 1 }]),
    { block: oneHot(Array.from(rows, (row) => prompts[row].task)), penalty: LABEL_PENALTY },
    { block: oneHot(Array.from(rows, (row) => prompts[row].tier)), penalty: LABEL_PENALTY },
  ]
    .map(({ block, penalty }) => ({ ...centre(block), columns: block.columns, penalty }))
    .filter(({ variance }) => variance > 0);
  // Always one column, so that there is something to fit: of zeros, it leaves the shares of the candidates.
  const columns = Math.max(
    1,
    blocks.reduce((sum, block) => sum + block.columns, 0),
  );
  const joined = createMatrix(rows.length, columns);
  const penalties = new Float32Array(columns).fill(1);
  let from = 0;
  for (const { values, variance, columns: width, penalty } of blocks) {
    penalties.fill(penalty, from, from + width);
    const scale = 1 / Math.sqrt(variance);
    for (let row = 0; row < rows.length; row++)
      for (let i = 0; i < width; i++)
        joined.values[row * columns + from + i] = scale * values[row * width + i];
    from += width;
  }
  return { features: joined, variance: blocks.length, penalties };
}

function oneHot(labels: readonly (string | null)[]): Matrix {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label ?? '', (counts.get(label ?? '') ?? 0) + 1);
  const kept = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, MOST_LABELS);
  const numbers = new Map(kept.map(([label], i) => [label, i]));
  const block = createMatrix(labels.length, kept.length);
  labels.forEach((label, row) => {
    const number = numbers.get(label ?? '');
    if (number !== undefined) block.values[row * kept.length + number] = 1;
  });
  return block;
}

function centre({ rows, columns, values }: Matrix): { values: Float32Array; variance: number } {
  const means = new Float64Array(columns);
  values.forEach((value, i) => {
    means[i % columns] += value / rows;
  });
  let variance = 0;
  const centred = values.map((value, i) => {
    const difference = value - means[i % columns];
    variance += difference * difference;
    return difference;
  });
  return { values: centred, variance: variance / Math.max(1, rows) };
}
