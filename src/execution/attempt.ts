import type { CandidatePrediction } from '../decision.ts';
import type { CostSource } from '../log/record.ts';
import type { PlanStep } from '../policy/plan.ts';
import type { Answer } from './answer.ts';

/** What an attempt was for. */
export type AttemptRole =
  /** The plan's own call. */
  | 'answer'
  /** Beside the first, when that one kept us waiting. */
  | 'hedge'
  /** One of several answers that are compared. */
  | 'member'
  /** A further answer of the same step, to see whether it agrees with itself. */
  | 'sample'
  /** Reads the others' answers and writes the final one. */
  | 'judge'
  /** The caller's function. */
  | 'tool'
  /** After the plan failed. */
  | 'fallback';

export type AttemptState =
  | 'running'
  /** Its answer was used, or was one of those compared. */
  | 'answered'
  /** It answered, and the answer was not good enough. */
  | 'rejected'
  | 'failed'
  /** Stopped by us: another one won, or the caller left, or the deadline came. */
  | 'aborted'
  /** Not sent: the breaker was open, the bulkhead full, or the budget too small. */
  | 'refused';

/** One call of one candidate or tool. Plain data. */
export interface Attempt {
  /** The candidate's name, or the tool's. */
  readonly candidate: string;
  readonly role: AttemptRole;
  /** 0 for the first; 1 and on when the same call is sent again. */
  readonly retry: number;
  readonly state: AttemptState;
  /** Milliseconds since the execution began. */
  readonly startedMs: number;
  /** Milliseconds until it ended. */
  readonly latencyMs: number;
  /** Milliseconds until the first piece came, for those that came in pieces. */
  readonly firstChunkMs: number | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** US dollars; null where nothing is known. */
  readonly costUsd: number | null;
  /**
   * How the cost is known: by the provider's own bill, from tokens and prices, or, for want of both, by what the router
   * expected, and no less than the words cost at the candidate's prices. Null where nothing is known or was billed.
   */
  readonly costSource: CostSource | 'estimated' | null;
  /** Whether `costSource` is 'estimated'. */
  readonly costIsEstimated: boolean;
  readonly error: AttemptFailure | null;
  /** What its answer was found to be worth, in the order it was asked. @default nothing was asked */
  readonly scores?: readonly AttemptScore[];
}

/** Who says what an answer is worth: a verifier or scorer of the caller's, or the router's answer head. */
export type ScoreSource = 'verifier' | 'scorer' | 'answer';

interface AttemptScore {
  readonly source: ScoreSource;
  /** Of the answer head: the calibrated probability that the answer is good. */
  readonly value: number;
}

export interface AttemptFailure {
  /** The error's `code`, or its name. */
  readonly code: string;
  readonly message: string;
  /** HTTP status; null when there was no response. */
  readonly status: number | null;
}

/** An attempt that is still being written. */
export type AttemptRecord = { -readonly [Field in keyof Attempt]: Attempt[Field] };

/** What was seen of an answer: a row to learn from. */
export interface SeenOutcome {
  /** 0 to 1, where a verifier, a scorer or the answer head gave the answer such a score; null otherwise. */
  readonly quality: number | null;
  /** Whose score that is. What the answer head says is an estimate, and nothing to learn from. @default none */
  readonly qualitySource?: ScoreSource;
  /** US dollars of every attempt together, whether its answer was used or not. */
  readonly costUsd: number;
  /** Milliseconds from the call to the whole answer, the router included. */
  readonly latencyMs: number;
  /** Tokens of every attempt together, as far as their number is known. */
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What was tried. */
export interface ExecutionTrace {
  /** In the order they began. */
  readonly attempts: readonly Attempt[];
  /** Milliseconds that deciding took. */
  readonly routerMs: number;
  /** Whether every attempt's cost is known and none is estimated. */
  readonly costIsExact: boolean;
}

/** An answer, and how it came about. */
export interface ExecutionResult {
  readonly answer: Answer;
  /** Who gave it: a candidate, or a tool by its name. */
  readonly candidate: string;
  readonly outcome: SeenOutcome;
  readonly trace: ExecutionTrace;
}

/** What is executed; a `Decision` is one. */
export interface PlannedExecution {
  readonly plan: PlanStep;
  /** Candidates to call, in order, when the plan fails. */
  readonly fallback: readonly string[];
  /**
   * What each candidate is expected to cost, for the budget, and for bills that never come; and how likely it is to answer well,
   * for the answer head. @default unknown
   */
  readonly predictions?: readonly (Pick<CandidatePrediction, 'candidate' | 'expectedCostUsd'> &
    Partial<Pick<CandidatePrediction, 'successProbability'>>)[];
  /** Of the router that made the plan; an answer head of another is not asked. @default it is not known */
  readonly artifactId?: string;
  /** Milliseconds that deciding took. @default 0 */
  readonly routerMs?: number;
}
