import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { basicParts } from './basic-policy.ts';
import { candidateIndex } from './candidate-index.ts';
import { createExplorePolicy } from './explore-policy.ts';
import { createFixedPolicy } from './fixed-policy.ts';
import { createCascadePolicy } from './kinds/cascade.ts';
import { createClassifierPolicy } from './kinds/classifier.ts';
import { createEnsemblePolicy } from './kinds/ensemble.ts';
import { createHierarchicalPolicy } from './kinds/hierarchical.ts';
import { createRulesPolicy, withinSteps } from './kinds/rules.ts';
import { createSpeculativePolicy } from './kinds/speculative.ts';
import { createThresholdPolicy } from './kinds/threshold.ts';
import { createToolsPolicy } from './kinds/tools.ts';
import { createUtilityPolicy } from './kinds/utility.ts';
import { candidateMember, policyMember } from './member.ts';
import { mergeLimits } from './merge-limits.ts';
import type { PolicyParts } from './parts.ts';
import type { Policy, PolicyCandidate } from './policy.ts';
import type { PolicyOptions } from './policy-options.ts';
import { createRouterPolicy } from './router-policy.ts';
import type { Limited, PolicySpec } from './spec.ts';

/**
 * Makes a policy of a spec whose shape is right.
 *
 * @throws InvalidInputError naming the field, when a candidate that it names is not there, an expression cannot be
 * read, or a policy stands where it may not.
 */
export function buildPolicy(
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
