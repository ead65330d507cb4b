import { InvalidInputError, NoCandidateError } from '../../errors.ts';
import { createRandom } from '../../math/random.ts';
import { readSignals } from '../../signals/read-signals.ts';
import { createLimitFilter, mergeLimits } from '../limit-filter.ts';
import {
  type BasicParts,
  composeOrder,
  type Decider,
  type Member,
  type PolicyOptions,
  type PolicyParts,
} from '../parts.ts';
import { candidateIndex, type Policy, type PolicyCandidate } from '../policy.ts';
import { type Limited, type PolicySpec, validatePolicy } from '../spec.ts';
import { createCascadePolicy } from './cascade.ts';
import { createClassifierPolicy } from './classifier.ts';
import { createEnsemblePolicy } from './ensemble.ts';
import { createExplorePolicy } from './explore.ts';
import { createHierarchicalPolicy, createRouterPolicy } from './hierarchical.ts';
import { createRulesPolicy, withinSteps } from './rules.ts';
import { createSpeculativePolicy } from './speculative.ts';
import { createThresholdPolicy } from './threshold.ts';
import { createToolsPolicy } from './tools.ts';
import { createUtilityPolicy, handOver } from './utility.ts';

/**
 * Makes a policy from data, checked once: afterwards it never fails for its own sake.
 *
 * @param spec a `PolicySpec`, from a manifest, a file or a caller.
 * @throws InvalidInputError naming the field, when the shape is wrong, a candidate that it names is not there, or
 * an expression cannot be read.
 */
export function createPolicy(
  spec: unknown,
  candidates: readonly PolicyCandidate[],
  options: PolicyOptions = {},
): Policy {
  return buildPolicy(validatePolicy(spec), candidates, options);
}

/**
 * Makes a policy of a spec whose shape is right.
 *
 * @throws InvalidInputError naming the field, when a candidate that it names is not there, an expression cannot be
 * read, or a policy stands where it may not.
 */
function buildPolicy(
  spec: PolicySpec,
  candidates: readonly PolicyCandidate[],
  options: PolicyOptions,
): Policy {
  const { compile } = options;
  const bounded = compile === undefined ? options : { ...options, compile: withinSteps(compile) };
  return build(spec, { candidates, options: bounded }, {}, '', true, 1);
}

/** Policies inside one another. */
const DEEPEST = 50;

interface Shared {
  readonly candidates: readonly PolicyCandidate[];
  readonly options: PolicyOptions;
}

/** Policies whose plan is that of one policy inside, unchanged: a propensity below them is a propensity of the whole. */
const HANDS_ON = new Set<PolicySpec['kind']>(['rules', 'hierarchical']);

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
  if (!handedOn && (spec.kind === 'explore' || spec.kind === 'router')) throw misplaced(spec.kind, field);
  const limits = mergeLimits(around.limits, spec.limits);
  const relax = spec.relax ?? around.relax;
  const strict = spec.strict === true || around.strict === true;
  const inside: Limited = {
    limits,
    ...(relax === undefined ? {} : { relax }),
    ...(strict ? { strict } : {}),
  };
  const parts: PolicyParts = {
    ...basicParts(inside, shared.candidates),
    options: shared.options,
    make(target, name) {
      const path = field === '' ? name : `${field}.${name}`;
      if (typeof target !== 'string') {
        return build(target, shared, inside, path, handedOn && HANDS_ON.has(spec.kind), depth + 1);
      }
      return createFixedPolicy(candidateIndex(shared.candidates, target, path), parts);
    },
    makeMember(target, name) {
      const decider = parts.make(target, name);
      if (typeof target !== 'string') return policyMember(decider);
      return candidateMember(candidateIndex(shared.candidates, target, name), decider, parts);
    },
  };
  return make(spec, parts);
}

function make(spec: PolicySpec, parts: PolicyParts): Policy {
  switch (spec.kind) {
    case 'utility':
      return createUtilityPolicy(spec, parts);
    case 'classifier':
      return createClassifierPolicy(spec, parts);
    case 'rules':
      return createRulesPolicy(spec, parts);
    case 'threshold':
      return createThresholdPolicy(spec, parts);
    case 'cascade':
      return createCascadePolicy(spec, parts);
    case 'ensemble':
      return createEnsemblePolicy(spec, parts);
    case 'speculative':
      return createSpeculativePolicy(spec, parts);
    case 'hierarchical':
      return createHierarchicalPolicy(spec, parts);
    case 'router':
      return createRouterPolicy(spec, parts);
    case 'tools':
      return createToolsPolicy(spec, parts);
    case 'explore':
      return createExplorePolicy(spec, parts);
  }
}

function misplaced(kind: 'explore' | 'router', field: string): InvalidInputError {
  const why =
    kind === 'explore'
      ? 'explore there: the propensity of what is called would not be known'
      : 'hand over to another router there: its answer would be one of several';
  return new InvalidInputError(
    `\`${field}\` of policy must not ${why}. Put it outermost, or inside \`rules\` or \`hierarchical\`.`,
  );
}

/**
 * Makes a `utility` or `classifier` policy of a spec whose shape is right.
 *
 * @throws InvalidInputError for the other kinds, and when a candidate that it names is not there.
 */
export function createBasicPolicy(spec: PolicySpec, candidates: readonly PolicyCandidate[]): Policy {
  if (spec.kind === 'utility') return createUtilityPolicy(spec, basicParts(spec, candidates));
  if (spec.kind === 'classifier') return createClassifierPolicy(spec, basicParts(spec, candidates));
  throw new InvalidInputError(
    `A policy of kind "${spec.kind}" is not in "pointsman/tiny". Import \`createRouter\` from "pointsman", which has every kind.`,
  );
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
export const policies: PolicyKit = { build: buildPolicy, createRandom, handOver, readSignals };

/** Every kind of policy, and what only they need: the smallest router is without. */
export interface PolicyKit {
  readonly build: typeof buildPolicy;
  /** What is drawn with. */
  readonly createRandom: typeof createRandom;
  /** Carries out a plan that names another router. */
  readonly handOver: typeof handOver;
  /** What requests are looked at with. */
  readonly readSignals: typeof readSignals;
}
