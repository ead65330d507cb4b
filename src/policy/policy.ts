import type * as v from 'valibot';
import { InvalidInputError } from '../errors.ts';
import type { Candidate, Modality, Prompt, Request } from '../request.ts';
import type { Signals } from '../signals/signals.ts';
import { countRequestTokens, type TokenCounter } from '../tokens.ts';
import type { AcceptTest, CallStep, Plan, Predictions } from './plan.ts';
import type {
  InsideShapes,
  Limits,
  PolicySpec,
  PolicyTarget,
  SessionPolicySpec,
  UtilityWeights,
  WeightsName,
} from './spec.ts';
import type { Uncertainty } from './uncertainty.ts';

/** Predictions, what the request needs and what the caller asks for, to a plan. Immutable; decides at once. */
export interface Policy {
  readonly spec: PolicySpec;
  /** @throws NoCandidateError when no candidate is left and no limit may give way. */
  decide(context: PolicyContext): Plan;
}

/** A candidate with the means that utilities are measured against. */
export interface PolicyCandidate extends Candidate {
  readonly meanCostUsd: number | null;
  readonly meanLatencyMs: number | null;
  /** 95th percentile of the latency, in milliseconds, where the traffic says. */
  readonly p95LatencyMs?: number;
}

/** What a candidate must be able to take. */
export interface RequestNeeds {
  /** Estimated length of the whole request, in tokens. */
  readonly tokens: number;
  readonly modalities: readonly Modality[];
  /** Whether tools are offered. */
  readonly tools: boolean;
}

/** What one request may ask for, beside what the policy says. */
export interface PolicyOverrides {
  /** Replaces the weights of a `utility` policy, and of a `cascade` that has some. */
  readonly weights?: WeightsName | UtilityWeights;
  /** Added to the policy's own limits; of two, the tighter counts. */
  readonly limits?: Limits;
  /** Whether a limit that leaves no candidate is an error, and never gives way. @default that of the policy, or false */
  readonly strict?: boolean;
  /** The candidates that can be called, where not all can: others are out of choice, and no limit gives way for them. */
  readonly callable?: readonly string[];
  /** False: an `explore` policy takes its first choice, with probability 1. @default true */
  readonly explore?: boolean;
}

export interface PolicyContext {
  readonly predictions: Predictions;
  readonly needs: RequestNeeds;
  readonly overrides: PolicyOverrides;
  /** What can be seen of the request; computed at the first call, so that policies that do not look pay nothing. */
  signals(): Signals;
  /**
   * How far the request is from what the router was trained on: over 1 is out of distribution. Null where the
   * artifact does not say. Computed when asked, too.
   */
  novelty(): number | null;
  /** How unsure the predictions are; undefined where the artifact does not say, or was read without it. Likewise. */
  uncertainty(): Uncertainty | undefined;
  /** Of a request of a conversation: the plan that a `session` policy makes of the one inside it. */
  readonly stay?: ((spec: SessionPolicySpec, plan: Plan, context: PolicyContext) => Plan) | undefined;
  /** Uniform in [0, 1), for policies that explore. */
  random(): number;
}

/**
 * Where a candidate of this name is.
 *
 * @param field what names it, for the message.
 * @throws InvalidInputError when there is none.
 */
export function candidateIndex(
  candidates: readonly { readonly name: string }[],
  name: string,
  field: string,
): number {
  for (let c = 0; c < candidates.length; c++) if (candidates[c].name === name) return c;
  const known = candidates.map((candidate) => candidate.name).join(', ');
  throw new InvalidInputError(`\`${field}\` of policy must name candidates among ${known}. Got "${name}".`);
}

const NOTHING: readonly Modality[] = [];
const TEXT: readonly Modality[] = ['text'];

/** The counted tokens are wanted from this share of the smallest context window on; below, no estimate is so wrong. */
const CLOSE_TO_WINDOW = 0.2;

/**
 * What a candidate must be able to take: what the caller says, else read off the shape of the request.
 *
 * @param request undefined when there is an embedding alone.
 * @param estimated tokens of it, or the caller's; NaN where nobody needs to know.
 * @param count asked only close to a window's end.
 */
export function requestNeeds(
  prompt: Prompt,
  request: Request | undefined,
  estimated: number,
  given: Partial<Signals>,
  smallestWindow: number,
  count: TokenCounter | undefined,
): RequestNeeds {
  const characters = prompt.text.length + prompt.contextCharacters;
  let tokens = given.tokens ?? (Number.isNaN(estimated) ? 0 : estimated);
  const isClose = tokens > CLOSE_TO_WINDOW * smallestWindow;
  if (isClose && given.tokens === undefined && request !== undefined && count !== undefined) {
    tokens = countRequestTokens(request, count);
  }
  return {
    tokens,
    modalities: given.modalities ?? modalities(prompt, characters),
    tools: (given.tools ?? prompt.tools) > 0,
  };
}

function modalities(prompt: Prompt, characters: number): readonly Modality[] {
  const { images, audios, videos = 0, documents = 0 } = prompt;
  if (images + audios + videos + documents === 0) return characters > 0 ? TEXT : NOTHING;
  const needed: Modality[] = characters > 0 ? ['text'] : [];
  if (images > 0) needed.push('image');
  if (audios > 0) needed.push('audio');
  if (videos > 0) needed.push('video');
  if (documents > 0) needed.push('document');
  return needed;
}

/** One kind of policy: the shape of its spec, and how it is made. */
export interface PolicyKind<Spec> {
  /** @param inside the shapes of what may stand inside it */
  readonly shape: (inside: InsideShapes) => v.GenericSchema<unknown, Spec>;
  /** @throws InvalidInputError naming the field, when what the spec names is not there. */
  readonly create: (spec: Spec, parts: PolicyParts) => Policy;
  /**
   * Whether its plan is that of one policy inside, unchanged: a propensity below it is a propensity of the whole.
   * @default false
   */
  readonly handsOn?: boolean;
  /** Why it may stand outermost and below those that hand on, and nowhere else: what it would do there, and what of it. @default it may */
  readonly misplaced?: string;
  /** Whether it has expressions to compile. @default false */
  readonly hasExpressions?: boolean;
  /** Whether it asks how unsure predictions are. @default never */
  readonly readsUncertainty?: (spec: Spec) => boolean;
  /** Whether answers are put before the answer head, whatever its accept tests. @default never */
  readonly readsAnswers?: (spec: Spec) => boolean;
}

/** A policy inside another, or one candidate in the place of a policy. */
export type Decider = Pick<Policy, 'decide'>;

/** What every policy is made with, beside its spec. */
export interface BasicParts {
  readonly candidates: readonly PolicyCandidate[];
  /** One step a candidate. */
  readonly calls: readonly CallStep[];
  /** The limits that hold here: the spec's own and those of the policies around. */
  readonly filter: LimitFilter;
}

/** What a policy that may hold others is made with. */
export interface PolicyParts extends BasicParts {
  readonly options: PolicyOptions;
  /**
   * Makes what stands inside this policy.
   *
   * @param field where it stands, for messages.
   */
  make(target: PolicyTarget, field: string): Decider;
  /** {@link make}, for policies that leave a target out when limits removed it. */
  makeMember(target: PolicyTarget, field: string): Member;
}

/** A target that is left out when nothing of it is left. */
export interface Member {
  /** Undefined when limits removed it. */
  decide: (...parameters: Parameters<Policy['decide']>) => ReturnType<Policy['decide']> | undefined;
}

export interface PolicyOptions {
  /** Reads the expressions of `rules`: `compileCel`. @default none, so that `rules` are an error */
  readonly compile?: CompileExpression;
  /** Names of the routers that a `router` policy may hand over to. @default [] */
  readonly routers?: readonly string[];
  /** What the router has to read answers with; null: nothing. @default it is not known yet */
  readonly answer?: AnswerThresholds | null | undefined;
  /** Whether contexts say how unsure predictions are. @default false */
  readonly uncertainty?: boolean;
}

/** The numbers that `tuned` stands for: one for all steps of a policy, or one for each. */
interface AnswerThresholds {
  readonly thresholds?: { readonly shared: number } | { readonly steps: readonly number[] } | undefined;
}

/**
 * The test of a step, with a number where it said `tuned`.
 *
 * @param step its place among the steps of its policy.
 * @param field where the test stands, for messages.
 * @throws InvalidInputError when it asks what the router does not have.
 */
export function acceptTest(
  accept: AcceptTest | undefined,
  { answer }: PolicyOptions,
  step: number,
  field: string,
): AcceptTest | null {
  if (accept?.kind === 'all') {
    const tests = accept.tests.map((test) => acceptTest(test, { answer }, step, field) as AcceptTest);
    return { ...accept, tests };
  }
  if (accept?.kind !== 'answer') return accept ?? null;
  const { shared, steps }: { shared?: number; steps?: readonly number[] } = answer?.thresholds ?? {};
  const threshold = accept.threshold === 'tuned' ? (shared ?? steps?.[step]) : accept.threshold;
  if (answer !== null && threshold !== undefined) return { ...accept, threshold };
  throw new InvalidInputError(
    `\`${field}\` of policy must ask an answer head that is there, tuned where it says so. Train on logs with answers, or run pointsman tune.`,
  );
}

/**
 * @param field that asks how unsure predictions are @param of what it is a field of
 * @throws InvalidInputError always
 */
export function noUncertainty(field: string, of = 'policy'): never {
  throw new InvalidInputError(
    `\`${field}\` of ${of} needs a router that was trained and read with { uncertainty: true }. Got one that does not know.`,
  );
}

/** A compiled expression. */
export interface Expression {
  /** The most steps that it takes for any request. @default it is not known */
  readonly maxSteps?: number;
  /** @throws whatever evaluation throws, such as a division by zero. */
  evaluate(signals: Signals, predictions: Predictions, novelty: () => number | null): boolean;
}

/**
 * Compiles an expression over signals and predictions: what `loadCel` gives.
 *
 * @param candidates names, in the order of the predictions.
 * @throws InvalidInputError when it cannot be read, names what is not there, or is not of type bool.
 */
export type CompileExpression = (expression: string, candidates: readonly string[]) => Expression;

/** An order with some candidates put first, and who is removed. */
interface ComposedOrder {
  readonly order: readonly number[];
  readonly removed: readonly (string | undefined)[];
  readonly reserve: readonly number[];
}

/**
 * Puts `firsts` first, then all others that are left, by utility. A policy inside may have kept a candidate that
 * the limits around it removed, where its own `relax` says so: then it counts as left.
 */
export function composeOrder(
  firsts: readonly number[],
  { left, removed, reserve }: Remaining,
  utilities: Float64Array,
  predictions: Predictions,
): ComposedOrder {
  const order = [...new Set([...firsts, ...rank(left, utilities, predictions)])];
  return {
    order,
    removed: removed.map((why, c) => (firsts.includes(c) ? undefined : why)),
    reserve: reserve.filter((c) => !order.includes(c)),
  };
}

/**
 * Candidates by utility, best first. Ties go to the higher success probability, then to the lower cost, then to
 * the one listed first; so the same predictions always give the same order.
 */
export function rank(left: readonly number[], utilities: Float64Array, predictions: Predictions): number[] {
  const order = left.slice();
  for (let i = 1; i < order.length; i++) {
    const candidate = order[i];
    let j = i;
    while (j > 0 && isBetter(candidate, order[j - 1], utilities, predictions)) {
      order[j] = order[j - 1];
      j--;
    }
    order[j] = candidate;
  }
  return order;
}

function isBetter(a: number, b: number, utilities: Float64Array, { success, costUsd }: Predictions): boolean {
  if (utilities[a] !== utilities[b]) return utilities[a] > utilities[b];
  if (success[a] !== success[b]) return success[a] > success[b];
  return costUsd[a] < costUsd[b];
}

/** Who is left under hard limits, and why the others are not. */
export interface Remaining {
  /**
   * Indices of the candidates that are left, in the manifest's order. Never empty. Where a limit gave way, those that
   * break it least.
   */
  readonly left: readonly number[];
  /** Per candidate; undefined for those that are left. */
  readonly removed: readonly (string | undefined)[];
  /** Those that break by more what gave way, and could answer all the same: to fall back on last, nearest first. */
  readonly reserve: readonly number[];
  /** A sentence where a limit gave way. */
  readonly note: string | undefined;
  /** The limit to blame, where one bound alone removed the candidate; undefined elsewhere. */
  onlyBound(candidate: number): BrokenBound | undefined;
}

/** A bound that a candidate breaks, and what it would have to be. */
export interface BrokenBound {
  readonly limit: 'maxCostUsd' | 'maxLatencyMs' | 'minSuccessProbability';
  readonly from: number;
  /** NaN where the candidate's amount is not known. */
  readonly to: number;
}

export type LimitFilter = (context: PolicyContext) => Remaining;
