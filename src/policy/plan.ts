import type { Signals } from '../signals/signals.ts';

/**
 * What to call, in which order, and when an answer is good enough. Pure data under the candidates' names: it
 * survives JSON, and an executor needs nothing else of the policy.
 *
 * A step *answers* or *fails* (error, time-out, breaker). A step inside another is run by the same rules.
 */
export type PlanStep = CallStep | SequenceStep | ParallelStep | HedgeStep | ToolStep;

/** One candidate, once. */
export interface CallStep {
  readonly kind: 'call';
  readonly candidate: string;
}

/**
 * Steps in turn, cheapest first. The first answer that its `accept` passes is the answer; one that fails, or whose
 * answer is not accepted, is followed by the next. The last has `accept` null. When it fails too, the last answer
 * that was there is *not* used: the whole sequence fails.
 *
 * With `routing` it is cascade routing (Dekoninck et al. 2025, arXiv 2410.10347): the first step first, then whoever promises most
 * for its price, given the answers so far, while that is worth it. The answer is the likeliest to be good of those that
 * their `accept` passes, or of all where none passes.
 */
export interface SequenceStep {
  readonly kind: 'sequence';
  /** Two or more. */
  readonly steps: readonly {
    readonly step: PlanStep;
    /** null: any answer will do. */
    readonly accept: AcceptTest | null;
  }[];
  /** @default the steps are asked in turn */
  readonly routing?: CascadeRouting;
}

/** What is expected of steps that have not been asked. */
export interface CascadeRouting {
  /** Utility of a whole probability of a good answer, ≥ 0. */
  readonly quality: number;
  /**
   * One for each step: the calibrated probability that its answer is good, by the prompt alone; and the utility of asking nobody
   * else, which is quality · success less the price of asking.
   */
  readonly promises: readonly { readonly success: number; readonly utility: number }[];
}

/**
 * Which of the steps to ask next, and the probability of the best answer so far under which that is worth its price. An answer shows
 * whether it is good, so that asking gains (1 − best) · chance on average; to go by these bounds, and to stop at them, is
 * optimal where candidates are good or bad independently of one another (Weitzman 1979, "Optimal search for the best
 * alternative"): a cheap one that may do goes before a dear one that surely does.
 *
 * @param left numbers of the steps that were not asked; one or more
 * @param chance how likely a step is to be good where the best answer so far is bad, from its success by the prompt alone
 * @returns `under` at most 1; -Infinity where it is never worth it
 */
export function nextToAsk(
  { quality, promises }: CascadeRouting,
  left: readonly number[],
  chance: (success: number) => number,
): { readonly step: number; readonly under: number } {
  let [next, highest] = [left[0], -Infinity];
  for (const step of left) {
    const { success, utility } = promises[step];
    const price = quality * success - utility;
    const gain = quality * chance(success);
    const under = gain > 0 ? 1 - price / gain : -Infinity;
    if (under > highest) [next, highest] = [step, under];
  }
  return { step: next, under: highest };
}

/** Members at the same time; their answers become one. Members that fail drop out; with none left it fails. */
export interface ParallelStep {
  readonly kind: 'parallel';
  /** Two or more, the likeliest to answer well first. */
  readonly members: readonly PlanStep[];
  readonly combine: Combine;
}

/**
 * `fast` at once and `slow` after `delayMs`, sooner when `fast` fails or its answer is not accepted. The first
 * answer that `accept` passes wins and the other is aborted; both costs count. When neither is accepted, the slow
 * one's answer is used.
 */
export interface HedgeStep {
  readonly kind: 'hedge';
  readonly fast: PlanStep;
  readonly slow: PlanStep;
  /** 0 or more; 0 starts both together. */
  readonly delayMs: number;
  readonly accept: AcceptTest | null;
}

/**
 * A function of the caller's, by name: `(input) => answer | null`.
 *
 * The tool is given the request and, with `before`, that step's answer: what a candidate made of the request for
 * the tool. With `after`, the tool's result goes to that step beside the request, and its answer counts; without,
 * the tool's result is the answer. When the tool gives null or fails, `otherwise` answers.
 */
export interface ToolStep {
  readonly kind: 'tool';
  readonly tool: string;
  readonly before: PlanStep | null;
  readonly after: PlanStep | null;
  readonly otherwise: PlanStep;
}

/** Whether an answer is good enough. */
export type AcceptTest =
  /** Mean log-probability a token of the answer, ≤ 0, at least `min`. An answer without log-probabilities does not pass. */
  | { readonly kind: 'logprob'; readonly min: number }
  /** Self-consistency: of `samples` answers of the same step (this one among them), at least the share `min` agree with the commonest, which becomes the answer. */
  | { readonly kind: 'agreement'; readonly samples: number; readonly min: number }
  /** The caller's function of this name gives the answer a score of at least `min`; true is 1, false 0. */
  | { readonly kind: 'verifier'; readonly verifier: string; readonly min: number }
  /** The answer is JSON that this JSON schema allows; without one, the schema of the request's response format. */
  | { readonly kind: 'json'; readonly schema?: Readonly<Record<string, unknown>> }
  /**
   * The router's answer head gives the answer a probability of being good of at least `threshold`, 0 to 1. `tuned`: the number that
   * `pointsman tune` found, which a plan has in its place. An answer that the head cannot read does not pass.
   */
  | { readonly kind: 'answer'; readonly threshold: number | 'tuned' }
  /** Every one of these passes, tried in order. */
  | { readonly kind: 'all'; readonly tests: readonly AcceptTest[] };

/** How the answers of parallel members become one. */
export type Combine =
  /** The commonest answer, compared after trimming and lower-casing; ties go to the member listed first. */
  | { readonly kind: 'majority' }
  /** The same with a weight for each member, in the members' order. */
  | { readonly kind: 'weighted'; readonly weights: readonly number[] }
  /** The answer to which the caller's function of this name gives the highest score; `answer`, where no function has it, is the answer head. */
  | { readonly kind: 'best'; readonly scorer: string }
  /** A candidate reads the request and every answer, and writes the final one. */
  | { readonly kind: 'judge'; readonly judge: string };

/** What a policy makes of a request: what to call, and why. A policy that holds others hands on theirs, its name before the path. */
export interface Plan {
  readonly step: PlanStep;
  /**
   * Indices of the candidates that are left: the first one called, then the order to fall back in when the step
   * fails. Never empty.
   */
  readonly order: readonly number[];
  /** Candidates to fall back on after those, where a limit gave way: they break it by more. @default none */
  readonly reserve?: readonly number[];
  /** What was compared, higher is better: `[candidates]`. */
  readonly utilities: Float64Array;
  /** What a whole success probability adds to a utility. @default 1 */
  readonly perSuccess?: number;
  /** Per candidate, why it was removed; undefined for those in `order`. */
  readonly removed: readonly (string | undefined)[];
  /** Plain sentences. */
  readonly reasons: readonly string[];
  /** Names of the policies that led here, outermost first. */
  readonly path: readonly string[];
  /** Probability that the policy makes this plan for this request: 1 unless it explores. */
  readonly propensity: number;
  /** The probability of each candidate, when the policy explores: `[candidates]`. */
  readonly propensities?: Float64Array;
  /** The smallest changes that would put another candidate first, nearest first. Empty where none is known. */
  readonly changes: readonly Change[];
  /** Another router to ask instead, by name: its decision counts, this one's path goes before. */
  readonly router?: string;
}

/** One change that would put another candidate first, everything else as it is. */
export type Change =
  /** A weight of the utility. */
  | {
      readonly kind: 'weight';
      readonly weight: 'quality' | 'cost' | 'latency';
      readonly from: number;
      readonly to: number;
      readonly candidate: string;
    }
  /** A limit that removed the candidate, and what it would have to be. */
  | {
      readonly kind: 'limit';
      readonly limit: 'maxCostUsd' | 'maxLatencyMs' | 'minSuccessProbability';
      readonly from: number;
      readonly to: number;
      readonly candidate: string;
    }
  /** A threshold of the policy, by its field. */
  | {
      readonly kind: 'threshold';
      readonly field: string;
      readonly from: number;
      readonly to: number;
      readonly candidate: string;
    }
  /** A prediction for a candidate: what it is, and what would do. */
  | {
      readonly kind: 'prediction';
      readonly prediction: 'success' | 'choice';
      readonly of: string;
      readonly from: number;
      readonly to: number;
      readonly candidate: string;
    };

/** The smallest change first. */
export function nearestFirst(changes: Change[]): Change[] {
  return changes.sort((a, b) => Math.abs(a.to - a.from) - Math.abs(b.to - b.from));
}

/** A change that would put another candidate before the one that was chosen, as a sentence that holds for the numbers it prints. */
export function describeChange(change: Change): string {
  // As far as it takes, or further; and what it is now, on the other side of that.
  const to = format(change.to, (printed) =>
    change.to > change.from ? printed >= change.to : printed <= change.to,
  );
  const from = format(change.from, (printed) => (printed - change.to) * (change.from - change.to) > 0);
  switch (change.kind) {
    case 'weight':
      return `${change.candidate} would be first with the weight of ${change.weight} past ${to} instead of ${from}.`;
    case 'limit':
      return `${change.candidate} would come before the one that was chosen with \`${change.limit}\` at ${to} instead of ${from}.`;
    case 'threshold':
      return `${change.candidate} would be first with \`${change.field}\` past ${to} instead of ${from}.`;
    case 'prediction':
      return `${change.candidate} would be first if the ${change.prediction} probability of ${change.of} were over ${to} instead of ${from}.`;
  }
}

/** With three digits that count, or as many more as it takes for the sentence to hold. */
function format(value: number, holds: (printed: number) => boolean): string {
  if (Number.isInteger(value)) return String(value);
  let digits = 3;
  while (digits < 17 && !holds(Number(value.toPrecision(digits)))) digits++;
  return value.toPrecision(digits);
}

/** What the heads and calibrators say of one request; all arrays are `[candidates]`, in the manifest's order. */
export interface Predictions {
  /** Probability that the candidate is the one to choose; sums to 1. */
  readonly choice: Float64Array;
  /** Calibrated probability that the candidate's answer is good. */
  readonly success: Float64Array;
  /** Expected cost in US dollars; NaN where nothing is known. */
  readonly costUsd: Float64Array;
  /** Expected latency in milliseconds; NaN where nothing is known. */
  readonly latencyMs: Float64Array;
  /** Expected length of the answer in tokens; NaN where nothing is known. @default not known */
  readonly outputTokens?: Float64Array;
  /** Of `router.predict` alone: how likely each task is, `[manifest.task.names]`; they sum to 1. Left out where there are none. */
  readonly tasks?: Float32Array;
  /** Of `router.predict` alone: how unlike the training prompts the request is; above 1 it is out of distribution. Null where nothing is known. */
  readonly novelty?: number | null;
}

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

/** How unsure the predictions are, by the candidates' indices: what `Uncertainty` says too. */
interface StandardErrors {
  standardError(candidate: number): number;
  differenceError(a: number, b: number): number;
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
  uncertainty?: StandardErrors | null,
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
