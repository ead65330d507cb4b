import type { Change, Plan, PlanStep, Predictions } from './policy/plan.ts';
import type { Uncertainty } from './policy/uncertainty.ts';
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
  /**
   * With the option `uncertainty`: standard error of `successProbability`, of what was learned and not of the single answer. Null
   * where the artifact does not know.
   */
  readonly standardError?: number | null;
  /** With it too: standard error of the difference to the success probability of the chosen one, whose own is 0. */
  readonly differenceError?: number | null;
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

const SMALLEST_CHANGE = 1e-9;

/**
 * A plan and its predictions, as plain data under the candidates' names.
 *
 * @param names the candidates, in the order of the predictions.
 * @param uncertainty of the predictions, where it is to be told; null where it is not known.
 */
export function createDecision(
  names: readonly string[],
  plan: Plan,
  predictions: Predictions,
  signals: Partial<Signals>,
  artifactId: string,
  routerMs: number,
  uncertainty?: Uncertainty | null,
): Decision {
  const { order, reserve = [], utilities, removed, propensities } = plan;
  const chosen = order[0];
  const usable = reserve.length === 0 ? order : [...order, ...reserve];
  const row = (c: number): CandidatePrediction => ({
    candidate: names[c],
    successProbability: predictions.success[c],
    expectedCostUsd: nullable(predictions.costUsd[c]),
    expectedLatencyMs: nullable(predictions.latencyMs[c]),
    utility: utilities[c],
    ...(uncertainty !== undefined && {
      standardError: uncertainty?.standardError(c) ?? null,
      differenceError: uncertainty?.differenceError(c, chosen) ?? null,
    }),
  });
  const rows = usable.map(row) as [CandidatePrediction, ...CandidatePrediction[]];
  if (usable.length < names.length) {
    for (let c = 0; c < names.length; c++) {
      const reason = removed[c];
      if (reason === undefined || reserve.includes(c)) continue;
      rows.push({ ...row(c), removedBy: reason });
    }
  }
  let margin: number | null = null;
  for (const c of order.slice(1)) margin = Math.min(margin ?? Infinity, utilities[chosen] - utilities[c]);
  return {
    candidate: names[chosen],
    confidence: predictions.success[chosen],
    probabilities: byName(names, predictions.choice),
    predictions: rows,
    margin,
    plan: plan.step,
    fallback: usable.slice(1).map((c) => names[c]),
    propensity: plan.propensity,
    ...(propensities && { propensities: byName(names, propensities) }),
    // What would change nothing, or is so already, is no change: a tie, a policy inside that names the same candidate.
    whatWouldChangeIt: plan.changes.filter(
      ({ candidate, from, to }) =>
        candidate !== names[chosen] && Math.abs(to - from) > SMALLEST_CHANGE * Math.abs(from),
    ),
    signals,
    reasons: plan.reasons,
    policyPath: plan.path,
    artifactId,
    routerMs,
  };
}

function nullable(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/** Own properties whatever the name: assignment would make `__proto__` something else. */
function byName(names: readonly string[], values: Float64Array): Record<string, number> {
  if (names.includes('__proto__')) return Object.fromEntries(names.map((name, c) => [name, values[c]]));
  const named: Record<string, number> = {};
  for (let c = 0; c < names.length; c++) named[names[c]] = values[c];
  return named;
}
