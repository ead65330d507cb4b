import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { candidateIndex } from './candidate-index.ts';
import { createFixedPolicy } from './fixed-policy.ts';
import { createLimitFilter } from './limit-filter.ts';
import { candidateMember, policyMember } from './member.ts';
import { mergeLimits } from './merge-limits.ts';
import type { Policy, PolicyCandidate } from './policy.ts';
import type { PolicyOptions } from './policy-options.ts';
import type { PolicyParts } from './policy-parts.ts';
import type { Limited, PolicySpec } from './policy-spec.ts';

/** How each kind is made. A kind that is missing is one that was not loaded. */
export type PolicyMakers = {
  readonly [Kind in PolicySpec['kind']]?: (
    spec: Extract<PolicySpec, { readonly kind: Kind }>,
    parts: PolicyParts,
  ) => Policy;
};

/**
 * Makes a policy of a spec whose shape is right.
 *
 * @throws InvalidInputError naming the field, when a candidate that it names is not there, an expression cannot be
 * read, or a kind was not loaded.
 */
export function buildPolicy(
  spec: PolicySpec,
  candidates: readonly PolicyCandidate[],
  options: PolicyOptions,
  makers: PolicyMakers,
): Policy {
  const calls = candidates.map(({ name }) => ({ kind: 'call', candidate: name }) as const);
  return build(spec, { candidates, calls, options, makers }, {}, '', true);
}

interface Shared {
  readonly candidates: readonly PolicyCandidate[];
  readonly calls: PolicyParts['calls'];
  readonly options: PolicyOptions;
  readonly makers: PolicyMakers;
}

/** Policies whose plan is that of one policy inside, unchanged: a propensity below them is a propensity of the whole. */
const HANDS_ON = new Set<PolicySpec['kind']>(['rules', 'hierarchical']);

function build(spec: PolicySpec, shared: Shared, around: Limited, field: string, handedOn: boolean): Policy {
  if (!handedOn && (spec.kind === 'explore' || spec.kind === 'router')) throw misplaced(spec.kind, field);
  const limits = mergeLimits(around.limits, spec.limits);
  const relax = spec.relax ?? around.relax;
  const inside: Limited = relax === undefined ? { limits } : { limits, relax };
  const parts: PolicyParts = {
    candidates: shared.candidates,
    calls: shared.calls,
    filter: createLimitFilter(shared.candidates, limits, relax),
    options: shared.options,
    make(target, name) {
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
  const make = shared.makers[spec.kind] as ((spec: PolicySpec, parts: PolicyParts) => Policy) | undefined;
  if (make !== undefined) return make(spec, parts);
  throw new InvalidInputError(
    `A policy of kind "${spec.kind}" needs code that is loaded apart. Pass { policies } of "pointsman/policy"; ` +
      '`loadRouter` does so by itself.',
  );
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
