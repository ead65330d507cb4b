import { validate } from '../validate.ts';
import { policySchema } from './policy-schema.ts';
import type { PolicySpec } from './spec.ts';

/** @throws InvalidInputError naming the field, when the shape is wrong. */
export function validatePolicy(spec: unknown): PolicySpec {
  return validate<PolicySpec>(policySchema, spec, 'policy');
}
