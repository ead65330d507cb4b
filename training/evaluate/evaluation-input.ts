import { InvalidInputError, type UtilityWeights } from 'pointsman';
import type { PolicyCandidate } from 'pointsman/internal';
import type { Matrix } from '../fit/rows.ts';
import { clipWeights, highestWeight } from '../off-policy/estimate.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import type { Splits } from '../split/split.ts';
import type { KeptAnswers } from '../tune/answer-scores.ts';
import type { DialSettingId, Ways } from './evaluation.ts';

/**
 * What the exported artifact said of each test prompt, through the code that ships. Row i is prompt
 * `splits.test.rows[i]`; columns are `matrix.candidates`.
 */
export interface TestPredictions {
  /** Probability that the answer is good (expected quality). NaN where it was not predicted. */
  readonly success: Float32Array; // [test, candidates]
  /** Probability of being the one to choose; null where the router has no choice head. */
  readonly choice: Float32Array | null; // [test, candidates]
  /** US dollars; NaN where unknown. */
  readonly expectedCostUsd: Float32Array; // [test, candidates]
  /** Milliseconds; NaN where unknown. */
  readonly expectedLatencyMs: Float32Array; // [test, candidates]
  /** Candidate number that the router's own policy chose: the one that is asked first. */
  readonly chosen: Int32Array; // [test]
  /** What comes of its plans, where some may ask several candidates. Null or absent: whoever is chosen answers. */
  readonly plans?: PlanOutcomes | null;
  /** 1 where limits, or what the request needs, removed a candidate. @default nowhere */
  readonly removed?: Uint8Array; // [test, candidates]
  /** The router's own time for each decision, in microseconds; null where it was not timed. */
  readonly decisionMicroseconds: Float64Array | null; // [test]
}

/** What comes of plans that may ask several candidates for one prompt: of a cascade, of two at the same time. */
export interface PlanOutcomes {
  /** Number of the candidate whose answer is given; -1 where what was seen does not say. */
  readonly answers: Int32Array; // [rows]
  /** How often each candidate is paid for. */
  readonly asked: Float32Array; // [rows, candidates]
  /** 1 for each candidate that the plan may ask, known or not. */
  readonly mayAsk: Uint8Array; // [rows, candidates]
  /** Until the answer is there; NaN where that is not known. */
  readonly latencyMs: Float64Array; // [rows]
  /** What is lacking most often where it is not known, in the middle of a sentence; null: nothing is. */
  readonly unknown: string | null;
}

/** All that an evaluation reads. Outcomes that were not observed are NaN in the matrix. */
export interface EvaluationInput {
  readonly matrix: OutcomeMatrix;
  /** `test` is scored; baselines learn from `fit` and `calibrate`, as the router did. */
  readonly splits: Splits;
  /**
   * Near-duplicate group of each prompt of the matrix, as of `groupPrompts`. What copies of a prompt repeat is one piece of
   * evidence: every interval is over groups.
   */
  readonly groups: Int32Array; // [prompts]
  readonly predictions: TestPredictions;
  /** What the router chose for each test prompt where it was told the task that the traffic gives; null or absent: it has none that it could be told. */
  readonly told?: Pick<TestPredictions, 'chosen' | 'plans'> | null;
  readonly artifactId: string;
  /**
   * What baselines know of each candidate, for an evaluation without training rows.
   * @default means over the rows of `fit` and `calibrate`
   */
  readonly means?: TrainMeans;
  /** How the router chose, in a word or two. */
  readonly policy: string;
  /** Of every prompt, `[prompts, dimensions]`. Null or absent: no nearest-neighbours baseline. */
  readonly embeddings?: Matrix | null;
  /**
   * How the log came about, where it does not hold every candidate's outcome: off-policy estimates rest on it. Null or
   * absent: none are made.
   */
  readonly propensities?: LoggingPropensities | null;
  /** How the dial is found. Null or absent: none is measured. */
  readonly dial?: DialInput | null;
  /** What the router was trained with; kept as it is in the result. */
  readonly config?: unknown;
}

export interface EvaluationOptions {
  /**
   * Whether figures are estimated off-policy: where they cannot be read off, or always. Either needs `propensities`.
   * @default 'auto'
   */
  readonly offPolicy?: 'auto' | 'always';
  /** Of the bootstrap and of sampling. @default 0 */
  readonly seed?: number;
  /** Bootstrap resamples. @default 2000 */
  readonly resamples?: number;
  /** Neighbours in the nearest-neighbours baseline. @default 40 */
  readonly neighbours?: number;
  /** The nearest-neighbours baseline reads at most so many training rows, drawn by seed. @default 10000 */
  readonly neighbourRows?: number;
  /** Candidate that APGR calls strong. @default the best on the training rows */
  readonly strong?: string;
  /** Candidate that APGR calls weak. @default the cheapest on the training rows; without costs, the worst */
  readonly weak?: string;
}

/** What an earlier evaluation found of settings that keep to a loss. */
export type FoundWeights = Readonly<Partial<Record<DialSettingId, UtilityWeights | string>>>;

/** What an evaluation needs to set the dial. */
export interface DialInput {
  /** As in the manifest, in the order of the matrix. */
  readonly candidates: readonly PolicyCandidate[];
  /** The router's own. */
  readonly policy: unknown;
  /**
   * What the artifact said of prompts of the calibrate split, by their rows in the matrix. Null: settings that keep to a loss
   * are not looked for.
   */
  readonly calibrate: { readonly rows: Int32Array; readonly predictions: TestPredictions } | null;
  /** Weights that keep to a loss, as an earlier evaluation found them, or why it found none: a sentence. @default none */
  readonly found?: FoundWeights;
  /** The answers of the matrix, or what is lacking to read them: ways to ask are then compared. Absent: they are not. */
  readonly answers?: KeptAnswers | string;
  /** Ways to ask as an earlier evaluation found their settings. @default none */
  readonly foundWays?: Ways | undefined;
}

/** Each candidate's mean over the rows that baselines may learn from. NaN where nothing was observed. */
export interface TrainMeans {
  readonly quality: Float64Array; // [candidates]
  readonly costUsd: Float64Array; // [candidates]
}

/** Rows that baselines may learn from: fit and calibrate. */
export function trainRows({ fit, calibrate }: Splits): Int32Array {
  return Int32Array.from([...fit.rows, ...calibrate.rows]).sort();
}

/**
 * @param propensities of the observed cells, `[prompts, candidates]`: each then counts by its inverse, so that a candidate
 * that was given the easy prompts is not the better for it. Null where nothing was left to a logging policy.
 * @param clip weights above this are cut. @default highestWeight(propensities)
 */
export function trainMeans(
  matrix: OutcomeMatrix,
  rows: ArrayLike<number>,
  propensities: Pick<LoggingPropensities, 'policy' | 'source' | 'values'> | null = null,
  clip?: number,
): TrainMeans {
  const inverse =
    propensities &&
    clipWeights(
      propensities.values.map((p) => 1 / p),
      clip ?? highestWeight(propensities.values, propensities.source, propensities.policy),
    ).weights;
  const { importance } = matrix;
  const weights =
    inverse && importance
      ? inverse.map((weight, cell) => weight * importance[cell])
      : (inverse ?? importance);
  return {
    quality: columnMeans(matrix.quality, matrix.candidates.length, rows, weights),
    costUsd: columnMeans(matrix.costUsd, matrix.candidates.length, rows, weights),
  };
}

/**
 * Means of each column over some rows, NaN cells left out.
 * @param cells `[*, columns]` @param weights the same; cells with a NaN weight are left out. Null: all alike
 */
export function columnMeans(
  cells: ArrayLike<number>,
  columns: number,
  rows: ArrayLike<number>,
  weights: ArrayLike<number> | null = null,
): Float64Array {
  const sums = new Float64Array(columns);
  const counts = new Float64Array(columns);
  for (let i = 0; i < rows.length; i++) {
    for (let c = 0; c < columns; c++) {
      const value = cells[rows[i] * columns + c];
      const weight = weights === null ? 1 : weights[rows[i] * columns + c];
      if (Number.isNaN(value) || Number.isNaN(weight)) continue;
      sums[c] += weight * value;
      counts[c] += weight;
    }
  }
  return sums.map((sum, c) => sum / counts[c]);
}

/** {@link meansByTask}; null where there are no training rows, or all prompts are of one task. */
export function taskScores(
  matrix: OutcomeMatrix,
  train: Int32Array,
  prompts: Int32Array,
  fallback: ArrayLike<number>,
): Float64Array | null {
  const isTasked = new Set(Array.from(prompts, (prompt) => matrix.prompts[prompt].task)).size > 1;
  return train.length > 0 && isTasked ? meansByTask(matrix, train, prompts, fallback) : null;
}

/**
 * Each candidate's mean quality on the training rows of the prompt's task: what can be known from the task's
 * name alone. A task without an observed training row, and a prompt without a task, give the overall mean.
 * @param prompts matrix rows to look up: `[rows]` @param fallback `[candidates]`
 * @returns `[rows, candidates]`
 */
export function meansByTask(
  matrix: OutcomeMatrix,
  train: ArrayLike<number>,
  prompts: ArrayLike<number>,
  fallback: ArrayLike<number>,
): Float64Array {
  const candidates = matrix.candidates.length;
  const tasks = new Map<string, { sums: Float64Array; counts: Float64Array }>();
  for (let i = 0; i < train.length; i++) {
    const task = matrix.prompts[train[i]].task;
    if (task === null) continue;
    let entry = tasks.get(task);
    if (!entry) {
      entry = { sums: new Float64Array(candidates), counts: new Float64Array(candidates) };
      tasks.set(task, entry);
    }
    for (let c = 0; c < candidates; c++) {
      const quality = matrix.quality[train[i] * candidates + c];
      if (Number.isNaN(quality)) continue;
      entry.sums[c] += quality;
      entry.counts[c]++;
    }
  }
  return Float64Array.from({ length: prompts.length * candidates }, (_, i) => {
    const c = i % candidates;
    const task = matrix.prompts[prompts[(i - c) / candidates]].task;
    const entry = task === null ? undefined : tasks.get(task);
    return entry && entry.counts[c] > 0 ? entry.sums[c] / entry.counts[c] : fallback[c];
  });
}

/** Refuses predictions whose shape does not fit the test split, before a wrong figure is printed. */
export function checkEvaluationInput({
  matrix,
  splits,
  predictions,
  embeddings,
  propensities,
  groups,
  told,
}: EvaluationInput): void {
  const rows = splits.test.rows.length;
  const candidates = matrix.candidates.length;
  if (rows === 0) {
    throw new InvalidInputError(
      '`splits.test` of EvaluationInput must hold at least one row. Got 0. Give the test split a larger share.',
    );
  }
  const cells = rows * candidates;
  checkLength('success', predictions.success.length, cells);
  if (predictions.choice) checkLength('choice', predictions.choice.length, cells);
  checkLength('expectedCostUsd', predictions.expectedCostUsd.length, cells);
  checkLength('expectedLatencyMs', predictions.expectedLatencyMs.length, cells);
  checkLength('chosen', predictions.chosen.length, rows);
  if (told) checkLength('told.chosen', told.chosen.length, rows);
  if (predictions.decisionMicroseconds) {
    checkLength('decisionMicroseconds', predictions.decisionMicroseconds.length, rows);
  }
  const stray = predictions.chosen.find((chosen) => !(chosen >= 0 && chosen < candidates));
  if (stray !== undefined) {
    throw new InvalidInputError(
      `\`predictions.chosen\` of EvaluationInput must be candidate numbers from 0 to ${candidates - 1}. Got ${stray}.`,
    );
  }
  if (embeddings && embeddings.values.length !== matrix.prompts.length * embeddings.columns) {
    throw new InvalidInputError(
      `\`embeddings.values\` of EvaluationInput must have ${matrix.prompts.length} prompts times ${embeddings.columns} numbers. Got ${embeddings.values.length}. Embed every prompt of the matrix, in order.`,
    );
  }
  const prompts = matrix.prompts.length;
  for (const field of ['values', 'policy'] as const) {
    const cells = propensities?.[field];
    if (cells === undefined || cells.length === matrix.quality.length) continue;
    throw new InvalidInputError(
      `\`propensities.${field}\` of EvaluationInput must have one number for each of ${matrix.quality.length} cells. Got ${cells.length}. Find them with loggingPropensities(matrix).`,
    );
  }
  if (groups.length !== prompts) {
    throw new InvalidInputError(
      `\`groups\` of EvaluationInput must have one number for each of ${prompts} prompts. Got ${groups.length}. Find them with groupPrompts(matrix).`,
    );
  }
}

function checkLength(field: string, length: number, expected: number): void {
  if (length === expected) return;
  throw new InvalidInputError(
    `\`predictions.${field}\` of EvaluationInput must have ${expected} entries (test rows, times candidates where it is a table). Got ${length}. Predict the test rows in the order of \`splits.test.rows\`.`,
  );
}
