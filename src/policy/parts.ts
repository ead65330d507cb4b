import type * as v from 'valibot';
import { InvalidInputError } from '../errors.ts';
import type { Signals } from '../signals/signals.ts';
import type { LimitFilter, Remaining } from './limit-filter.ts';
import type { AcceptTest, CallStep, Predictions } from './plan.ts';
import type { Policy, PolicyCandidate } from './policy.ts';
import type { InsideShapes, PolicyTarget } from './spec.ts';

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
