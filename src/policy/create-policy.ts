import { validate } from '../validation/validate.ts';
import { createClassifierPolicy } from './classifier-policy.ts';
import type { Policy, PolicyCandidate } from './policy.ts';
import { policySchema } from './policy-schema.ts';
import type { PolicySpec } from './policy-spec.ts';
import { createUtilityPolicy } from './utility-policy.ts';

/**
 * Makes a policy from data, checked once: afterwards it never fails for its own sake.
 *
 * @param spec a `PolicySpec`, from a manifest, a file or a caller.
 * @throws InvalidInputError naming the field, when the shape is wrong or a candidate that it names is not there.
 */
export function createPolicy(spec: unknown, candidates: readonly PolicyCandidate[]): Policy {
  return build(validate<PolicySpec>(policySchema, spec, 'policy'), candidates);
}

function build(spec: PolicySpec, candidates: readonly PolicyCandidate[]): Policy {
  switch (spec.kind) {
    case 'utility':
      return createUtilityPolicy(spec, candidates);
    case 'classifier':
      return createClassifierPolicy(spec, candidates);
  }
}
