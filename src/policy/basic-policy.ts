import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { createClassifierPolicy } from './kinds/classifier.ts';
import { createUtilityPolicy } from './kinds/utility.ts';
import { createLimitFilter } from './limit-filter.ts';
import type { BasicParts } from './parts.ts';
import type { Policy, PolicyCandidate } from './policy.ts';
import type { Limited, PolicySpec } from './spec.ts';

/** Whether every router has this kind at hand; the code of others is loaded when a policy is of their kind. */
export function isBasicKind(kind: string): boolean {
  return kind === 'utility' || kind === 'classifier';
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
    `A policy of kind "${spec.kind}" needs code that is loaded apart. Pass { policies } of "pointsman/policy"; ` +
      '`loadRouter` does so by itself.',
  );
}

/** @param limited the limits that hold. */
export function basicParts(limited: Limited, candidates: readonly PolicyCandidate[]): BasicParts {
  return {
    candidates,
    calls: candidates.map(({ name }) => ({ kind: 'call', candidate: name })),
    filter: createLimitFilter(candidates, limited.limits, limited.strict === true ? [] : limited.relax),
  };
}
