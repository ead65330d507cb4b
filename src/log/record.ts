import type { CandidatePrediction } from '../decision.ts';
import type { Message } from '../request.ts';

/** The version of the records' shape. A reader refuses a newer one. */
export const LOG_SCHEMA_VERSION = 1;

/** One line of a decision log: docs/decision-log.md. A reader passes over kinds that it does not need. */
export type LogRecord = DecisionRecord | OutcomeRecord | FeedbackRecord | DroppedRecord | FileRecord;

interface Versioned {
  readonly schemaVersion: typeof LOG_SCHEMA_VERSION;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** A request was routed. */
export interface DecisionRecord extends Versioned {
  readonly kind: 'decision';
  /** Of this decision; what happens later names it. */
  readonly id: string;
  readonly artifactId: string;
  /** The policies that led here, outermost first. */
  readonly policyPath: readonly string[];
  /** The chosen candidate. */
  readonly candidate: string;
  /** Probability that the policy chose it for this request: exact, and 1 unless it explores. */
  readonly propensity: number;
  /** The same of every candidate, where the policy explores: they sum to 1. One that is not there had none. */
  readonly propensities?: Readonly<Record<string, number>>;
  /** Calibrated probability that the chosen candidate's answer is good, 0 to 1. */
  readonly confidence: number;
  /** Per candidate, the choice head's probability. */
  readonly probabilities: Readonly<Record<string, number>>;
  readonly predictions: readonly LoggedPrediction[];
  /** Those that the policy looked at, and those the caller set. */
  readonly signals: Readonly<Record<string, unknown>>;
  /** sha256 of the prompt (the user's messages joined by a line break, or the text), in 64 hex digits. */
  readonly promptHash: string;
  /** What was asked. Left out when content is not to be kept. */
  readonly request?: LoggedRequest;
  /** The prompt's, by the router's embedder; where the log is told to keep it. */
  readonly embedding?: readonly number[];
  /** Kind of task, where it is known: its signal. */
  readonly task?: string;
  /** The user's tier, where it is known: its signal. */
  readonly tier?: string;
}

export type LoggedPrediction = Pick<
  CandidatePrediction,
  'candidate' | 'successProbability' | 'expectedCostUsd' | 'expectedLatencyMs'
>;

/** The request without what is no text: of a picture or a sound only its type is kept. */
export type LoggedRequest = { readonly text: string } | { readonly messages: readonly Message[] };

/** How a decision was carried out. */
export interface OutcomeRecord extends Versioned {
  readonly kind: 'outcome';
  /** The decision's. */
  readonly id: string;
  /**
   * Who answered. After a fallback, or further down a cascade, it is not the decided one; then its propensity is
   * not known. The decided one when nobody answered.
   */
  readonly candidate: string;
  readonly status: 'answered' | 'failed';
  /** US dollars of the candidate's own answer; null where nothing is known. Never what the router expected. */
  readonly costUsd: number | null;
  /**
   * How the cost is known; left out where it is not. Records from before this field was there may hold what the router
   * expected: docs/decision-log.md.
   */
  readonly costSource?: CostSource;
  /** Milliseconds of the candidate's own answer; null where nothing is known. */
  readonly latencyMs: number | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /**
   * US dollars of every attempt together, where that of each is known, and milliseconds from the call to its end, where
   * more was tried.
   */
  readonly totalCostUsd?: number;
  readonly totalLatencyMs?: number;
  /** The error's code, when nobody answered. */
  readonly error?: string;
  /** Amounts that cannot be, by their fields, as they were told: `{ costUsd: '-5' }`. The fields are null or left out. */
  readonly refused?: Readonly<Record<string, string>>;
}

/** The provider's own bill, or tokens times prices. */
export type CostSource = 'reported' | 'computed';

/** How good an answer was. Of several for one decision and candidate the last one counts. */
export interface FeedbackRecord extends Versioned {
  readonly kind: 'feedback';
  /** The decision's. */
  readonly id: string;
  /** 0 to 1. */
  readonly quality: number;
  /** Whose answer it was. @default who answered */
  readonly candidate?: string;
  /** Who says so: 'user', 'verifier', a name of your own. */
  readonly source?: string;
}

/** Records before this one were dropped, since the sink could not take them in time. */
export interface DroppedRecord extends Versioned {
  readonly kind: 'dropped';
  readonly count: number;
}

/** Of the file itself: its first line, and its last when it was closed in peace. */
export interface FileRecord extends Versioned {
  readonly kind: 'file';
  readonly state: 'opened' | 'closed';
  /** Of the first line: nothing is written to the file after this time. */
  readonly closesAt?: string;
}
