import { buildPolicy } from '../build-policy.ts';
import type { Policy, PolicyCandidate } from '../policy.ts';
import type { PolicyOptions } from '../policy-options.ts';
import { validatePolicy } from '../validate-policy.ts';

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
