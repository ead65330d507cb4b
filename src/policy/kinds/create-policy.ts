import * as v from 'valibot';
import { InvalidInputError, NoCandidateError } from '../../errors.ts';
import { createRandom } from '../../math.ts';
import { readSignals } from '../../signals/read-signals.ts';
import { validate } from '../../validate.ts';
import { createLimitFilter, mergeLimits } from '../limit-filter.ts';

import {
  type BasicParts,
  candidateIndex,
  composeOrder,
  type Decider,
  type Member,
  type Policy,
  type PolicyCandidate,
  type PolicyKind,
  type PolicyOptions,
  type PolicyParts,
} from '../policy.ts';
import type { Limited, PolicySpec } from '../spec.ts';
import { abstain } from './abstain.ts';
import { cascade } from './cascade.ts';
import { classifier } from './classifier.ts';
import { ensemble } from './ensemble.ts';
import { explore } from './explore.ts';
import { hierarchical } from './hierarchical.ts';
import { handOver, router } from './router.ts';
import { rules, withinSteps } from './rules.ts';
import { session } from './session.ts';
import { speculative } from './speculative.ts';
import { threshold } from './threshold.ts';
import { tools } from './tools.ts';
import { utility } from './utility.ts';

/** The kinds that every router has at hand. */
const BASIC_POLICIES = { utility, classifier };

/** Every kind of policy. */
export const POLICIES = {
  utility,
  classifier,
  rules,
  threshold,
  cascade,
  ensemble,
  speculative,
  hierarchical,
  router,
  tools,
  abstain,
  session,
  explore,
} satisfies { readonly [Kind in PolicySpec['kind']]: PolicyKind<Extract<PolicySpec, { kind: Kind }>> };

/** The kinds of a table, whose specs and shapes go together. */
const kindsOf = (table: object) => table as Readonly<Record<string, PolicyKind<PolicySpec>>>;

/** The shape of a policy of these kinds; whether what it names exists is checked when it is made. */
function shapeOf(
  kinds: Readonly<Record<string, PolicyKind<PolicySpec>>>,
): v.GenericSchema<unknown, PolicySpec> {
  const policy: v.GenericSchema<unknown, PolicySpec> = v.lazy(() => whole);
  const target = v.union([v.string(), policy]);
  const shapes = Object.values(kinds).map(({ shape }) =>
    shape({ policy, target }),
  ) as unknown as v.VariantOptions<'kind'>;
  const whole = v.variant('kind', shapes) as v.GenericSchema<unknown, PolicySpec>;
  return whole;
}

/** Whether a policy, not yet checked, or one inside it has expressions to compile. */
export function hasExpressions(policy: unknown): boolean {
  return hasKind(policy, (kind) => kind.hasExpressions === true);
}

/** Whether a policy, not yet checked, or one inside it asks how unsure predictions are. */
export function readsUncertainty(policy: unknown): boolean {
  return hasKind(policy, (kind, spec) => kind.readsUncertainty?.(spec) === true);
}

function hasKind(
  policy: unknown,
  isMeant: (kind: PolicyKind<PolicySpec>, spec: PolicySpec) => boolean,
): boolean {
  return hasPart(
    policy,
    (name, part) => Object.hasOwn(POLICIES, name) && isMeant(kindsOf(POLICIES)[name], part as PolicySpec),
  );
}

/** Whether a policy, not yet checked, or one inside it puts answers before the answer head. */
export function needsAnswers(policy: unknown): boolean {
  return (
    hasPart(policy, (kind, part) => kind === 'answer' && 'threshold' in part) ||
    hasKind(policy, (kind, spec) => kind.readsAnswers?.(spec) === true)
  );
}

function hasPart(policy: unknown, isMeant: (kind: string, part: object) => boolean): boolean {
  if (policy === null || typeof policy !== 'object') return false;
  const kind = 'kind' in policy && typeof policy.kind === 'string' ? policy.kind : '';
  return isMeant(kind, policy) || Object.values(policy).some((inside) => hasPart(inside, isMeant));
}

let shape: v.GenericSchema<unknown, PolicySpec> | undefined;

/** @throws InvalidInputError naming the field, when the shape is wrong. */
export function validatePolicy(spec: unknown): PolicySpec {
  shape ??= shapeOf(kindsOf(POLICIES));
  return validate(shape, spec, 'policy');
}

/**
 * Makes a policy from data, checked once: afterwards it never fails for its own sake.
 *
 * @param spec a `PolicySpec`, from a manifest, a file or a caller.
 * @throws InvalidInputError naming the field, when the shape is wrong, a candidate that it names is not there, an
 * expression cannot be read, or a policy stands where it may not.
 */
export function createPolicy(
  spec: unknown,
  candidates: readonly PolicyCandidate[],
  options: PolicyOptions = {},
): Policy {
  const { compile } = options;
  const bounded = compile === undefined ? options : { ...options, compile: withinSteps(compile) };
  return build(validatePolicy(spec), { candidates, options: bounded }, {}, '', true, 1);
}

/** Policies inside one another. */
const DEEPEST = 50;

interface Shared {
  readonly candidates: readonly PolicyCandidate[];
  readonly options: PolicyOptions;
}

function build(
  spec: PolicySpec,
  shared: Shared,
  around: Limited,
  field: string,
  handedOn: boolean,
  depth: number,
): Policy {
  if (depth > DEEPEST) {
    throw new InvalidInputError(`Policies must be at most ${DEEPEST} deep inside one another. Got more.`);
  }
  const { create, handsOn, misplaced } = kindsOf(POLICIES)[spec.kind];
  if (!handedOn && misplaced !== undefined) throw misplacedAt(field, misplaced);
  const limits = mergeLimits(around.limits, spec.limits);
  const relax = spec.relax ?? around.relax;
  const strict = spec.strict === true || around.strict === true;
  const inside: Limited = {
    limits,
    ...(relax && { relax }),
    ...(strict ? { strict } : {}),
  };
  const parts: PolicyParts = {
    ...basicParts(inside, shared.candidates),
    options: shared.options,
    make(target, name) {
      const path = field === '' ? name : `${field}.${name}`;
      if (typeof target !== 'string') {
        return build(target, shared, inside, path, handedOn && handsOn === true, depth + 1);
      }
      return createFixedPolicy(candidateIndex(shared.candidates, target, path), parts);
    },
    makeMember(target, name) {
      const decider = parts.make(target, name);
      if (typeof target !== 'string') return policyMember(decider);
      return candidateMember(candidateIndex(shared.candidates, target, name), decider, parts);
    },
  };
  return create(spec, parts);
}

function misplacedAt(field: string, why: string): InvalidInputError {
  const handOn = Object.entries(kindsOf(POLICIES)).filter(([, { handsOn }]) => handsOn);
  return new InvalidInputError(
    `\`${field}\` of policy must not ${why}. Put it outermost, or inside ` +
      `${handOn.map(([kind]) => `\`${kind}\``).join(' or ')}.`,
  );
}

/**
 * Makes a policy of one of the kinds that every router has at hand.
 *
 * @throws InvalidInputError for the other kinds, when the shape is wrong, and when a candidate that it names is not there.
 */
export function createBasicPolicy(spec: unknown, candidates: readonly PolicyCandidate[]): Policy {
  const { kind } = (spec ?? {}) as { readonly kind?: unknown };
  if (typeof kind === 'string' && !Object.hasOwn(BASIC_POLICIES, kind)) {
    throw new InvalidInputError(
      `A policy of kind "${kind}" is not in "pointsman/tiny". Import \`createRouter\` from "pointsman", which has every kind.`,
    );
  }
  const checked = validate(shapeOf(kindsOf(BASIC_POLICIES)), spec, 'policy');
  const { create } = kindsOf(BASIC_POLICIES)[checked.kind];
  // They hold no others.
  return create(checked, basicParts(checked, candidates) as PolicyParts);
}

/** @param limited the limits that hold. */
function basicParts(limited: Limited, candidates: readonly PolicyCandidate[]): BasicParts {
  return {
    candidates,
    calls: candidates.map(({ name }) => ({ kind: 'call', candidate: name })),
    filter: createLimitFilter(candidates, limited.limits, limited.strict === true ? [] : limited.relax),
  };
}

/** One candidate, whatever the predictions; when a limit removed it, the likeliest of the others to answer well. */
function createFixedPolicy(candidate: number, { candidates, calls, filter }: PolicyParts): Decider {
  const { name } = candidates[candidate];
  return {
    decide(context) {
      const { predictions } = context;
      const remaining = filter(context);
      const utilities = predictions.success.slice();
      const why = remaining.removed[candidate];
      const firsts = why === undefined ? [candidate] : [];
      const { order, removed, reserve } = composeOrder(firsts, remaining, utilities, predictions);
      const reasons: string[] = [];
      if (why !== undefined) {
        reasons.push(`${name} was removed, since ${why}; ${candidates[order[0]].name} takes its place.`);
      }
      if (remaining.note !== undefined) reasons.push(remaining.note);
      return {
        step: calls[order[0]],
        order,
        reserve,
        utilities,
        removed,
        reasons,
        path: [],
        propensity: 1,
        changes: [],
      };
    },
  };
}

/** One candidate: there, unless a limit removed it. */
function candidateMember(candidate: number, decider: Decider, { filter }: PolicyParts): Member {
  return {
    decide: (context) =>
      filter(context).removed[candidate] === undefined ? decider.decide(context) : undefined,
  };
}

/** A policy: there, unless its limits leave nobody. */
function policyMember(decider: Decider): Member {
  return {
    decide(context) {
      try {
        return decider.decide(context);
      } catch (error) {
        if (error instanceof NoCandidateError) return undefined;
        throw error;
      }
    },
  };
}

/** Every kind of policy. */
export const policies: PolicyKit = { create: createPolicy, createRandom, handOver, readSignals };

/** The kinds of policy that a router may have, and what only the others than `utility` and `classifier` need. */
export interface PolicyKit {
  readonly create: typeof createPolicy;
  /** What is drawn with. */
  readonly createRandom?: typeof createRandom;
  /** Carries out a plan that names another router. */
  readonly handOver?: typeof handOver;
  /** What requests are looked at with. */
  readonly readSignals?: typeof readSignals;
}
