import type { PolicyCandidate, UtilityWeights } from 'pointsman/policy';
import type { DialSettingId } from '../evaluation/dial-settings.ts';
import type { TrainMeans } from '../evaluation/train-means.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Splits } from '../split/split.ts';
import type { LossCurve } from './evaluation.ts';

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
  /** Candidate number that the router's own policy chose. */
  readonly chosen: Int32Array; // [test]
  /** 1 where limits, or what the request needs, removed a candidate. @default nowhere */
  readonly removed?: Uint8Array; // [test, candidates]
  /** The router's own time for each decision, in microseconds; null where it was not timed. */
  readonly decisionMicroseconds: Float64Array | null; // [test]
}

/** Vectors of every prompt of the matrix, for the nearest-neighbours baseline. */
export interface PromptEmbeddings {
  readonly dimensions: number;
  readonly vectors: Float32Array; // [prompts, dimensions]
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
  readonly artifactId: string;
  /**
   * What baselines know of each candidate, for an evaluation without training rows.
   * @default means over the rows of `fit` and `calibrate`
   */
  readonly means?: TrainMeans;
  /** How the router chose, in a word or two. */
  readonly policy: string;
  /** Null or absent: no nearest-neighbours baseline. */
  readonly embeddings?: PromptEmbeddings | null;
  /**
   * How the log came about, where it does not hold every candidate's outcome: off-policy estimates rest on it. Null or
   * absent: none are made.
   */
  readonly propensities?: LoggingPropensities | null;
  readonly losses?: readonly LossCurve[];
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
}
