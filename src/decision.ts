import type { Change, PlanStep } from './policy/plan.ts';
import type { Signals } from './signals/signals.ts';

/** What the router expects of one candidate for one request. */
export interface CandidatePrediction {
  readonly candidate: string;
  /** Calibrated probability that its answer is good, 0 to 1. */
  readonly successProbability: number;
  /** US dollars; null where nothing is known. */
  readonly expectedCostUsd: number | null;
  /** Milliseconds; null where nothing is known. */
  readonly expectedLatencyMs: number | null;
  /** What the policy compared; higher is better. */
  readonly utility: number;
  /** Why a hard limit removed it. */
  readonly removedBy?: string;
}

/** Which candidate takes the request, and everything that led there. Plain data: it can be logged as it is. */
export interface Decision {
  /** For feedback and outcomes, when the router has a log. */
  readonly id?: string;
  /** The chosen candidate. */
  readonly candidate: string;
  /** Calibrated probability that the chosen candidate's answer is good: its `successProbability`. */
  readonly confidence: number;
  /** Per candidate, the choice head's probability that it is the one to choose; sums to 1. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** The chosen candidate first, then the order to fall back in, then those that a limit removed. */
  readonly predictions: readonly [CandidatePrediction, ...CandidatePrediction[]];
  /** Utility of the chosen candidate minus that of the best other one; null when no other is left. Below 0 when the policy abstained. */
  readonly margin: number | null;
  /** What to call, in which order, with which accept test. */
  readonly plan: PlanStep;
  /** Candidates to call instead, in order, when the plan fails: all that are left but the chosen one. */
  readonly fallback: readonly string[];
  /** Probability that this policy decides so for this request: 1 unless it explores. Log it. */
  readonly propensity: number;
  /** The same for every candidate, when it explores; they sum to 1. One that is not there had none. */
  readonly propensities?: Readonly<Record<string, number>>;
  /** The smallest changes that would put another candidate first, nearest first; `describeChange` says them. */
  readonly whatWouldChangeIt: readonly Change[];
  /** The signals that the policy looked at, and those the caller set. */
  readonly signals: Readonly<Partial<Signals>>;
  /** Plain sentences, the most important first. */
  readonly reasons: readonly string[];
  /** The policies that led here, outermost first. */
  readonly policyPath: readonly string[];
  readonly artifactId: string;
  /**
   * With the option `novelty`: how unlike the training prompts the request is; above 1 it is out of distribution. Null
   * where the artifact cannot say.
   */
  readonly novelty?: number | null;
  /** Milliseconds that deciding took, embedding included. */
  readonly routerMs: number;
}
