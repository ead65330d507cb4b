import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { validate } from '../validation/validate.ts';
import { candidateIndex } from './candidate-index.ts';
import { createCascadePolicy } from './cascade-policy.ts';
import { createClassifierPolicy } from './classifier-policy.ts';
import { createEnsemblePolicy } from './ensemble-policy.ts';
import { createExplorePolicy } from './explore-policy.ts';
import type { CompileExpression } from './expression.ts';
import { createFixedPolicy } from './fixed-policy.ts';
import { createHierarchicalPolicy } from './hierarchical-policy.ts';
import { createLimitFilter } from './limit-filter.ts';
import { candidateMember, policyMember } from './member.ts';
import { mergeLimits } from './merge-limits.ts';
import type { Policy, PolicyCandidate } from './policy.ts';
import type { PolicyParts } from './policy-parts.ts';
import { policySchema } from './policy-schema.ts';
import type { Limited, PolicySpec, PolicyTarget } from './policy-spec.ts';
import { createRouterPolicy } from './router-policy.ts';
import { createRulesPolicy } from './rules-policy.ts';
import { createSpeculativePolicy } from './speculative-policy.ts';
import { createThresholdPolicy } from './threshold-policy.ts';
import { createToolsPolicy } from './tools-policy.ts';
import { createUtilityPolicy } from './utility-policy.ts';

export interface PolicyOptions {
  /** Reads the expressions of `rules`: `compileCel` of `pointsman/cel`. @default none, so that `rules` are an error */
  readonly compile?: CompileExpression;
  /** Names of the routers that a `router` policy may hand over to. @default [] */
  readonly routers?: readonly string[];
}

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
  const checked = validate<PolicySpec>(policySchema, spec, 'policy');
  const calls = candidates.map(({ name }) => ({ kind: 'call', candidate: name }) as const);
  return build(checked, { candidates, calls, options }, {}, '', true);
}

interface Shared {
  readonly candidates: readonly PolicyCandidate[];
  readonly calls: PolicyParts['calls'];
  readonly options: PolicyOptions;
}

/** Policies whose plan is that of one policy inside, unchanged: a propensity below them is a propensity of the whole. */
const HANDS_ON = new Set<PolicySpec['kind']>(['rules', 'hierarchical']);

function build(spec: PolicySpec, shared: Shared, around: Limited, field: string, handedOn: boolean): Policy {
  const limits = mergeLimits(around.limits, spec.limits);
  const relax = spec.relax ?? around.relax;
  const inside: Limited = relax === undefined ? { limits } : { limits, relax };
  const filter = createLimitFilter(shared.candidates, limits, relax);
  const parts: PolicyParts = {
    candidates: shared.candidates,
    calls: shared.calls,
    filter,
    compile: shared.options.compile,
    make(target: PolicyTarget, name: string) {
      const path = field === '' ? name : `${field}.${name}`;
      if (typeof target !== 'string') {
        return build(target, shared, inside, path, handedOn && HANDS_ON.has(spec.kind));
      }
      return createFixedPolicy(candidateIndex(shared.candidates, target, path), parts);
    },
    makeMember(target, name) {
      const decider = parts.make(target, name);
      if (typeof target !== 'string') return policyMember(decider);
      return candidateMember(candidateIndex(shared.candidates, target, name), decider, parts);
    },
  };
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
    case 'tools':
      return createToolsPolicy(spec, parts);
    case 'router':
      if (!handedOn)
        throw mustBeHandedOn(field, 'hand over to another router: the answer would be one of several');
      return createRouterPolicy(spec, parts, shared.options.routers ?? []);
    case 'explore':
      if (!handedOn)
        throw mustBeHandedOn(field, 'explore: the propensity of what is called would not be known');
      return createExplorePolicy(spec, parts);
  }
}

function mustBeHandedOn(field: string, what: string): InvalidInputError {
  return new InvalidInputError(
    `\`${field}\` of policy must not ${what} there. Put it outermost, or inside \`rules\` or \`hierarchical\`.`,
  );
}
