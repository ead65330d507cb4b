import type { PolicyMakers } from './build-policy.ts';
import { createClassifierPolicy } from './classifier-policy.ts';
import { createThresholdPolicy } from './threshold-policy.ts';
import { createUtilityPolicy } from './utility-policy.ts';

/** The kinds that every router has at hand; the others are loaded when a policy is of their kind. */
export const BASIC_POLICIES = {
  utility: createUtilityPolicy,
  classifier: createClassifierPolicy,
  threshold: createThresholdPolicy,
} as const satisfies PolicyMakers;
