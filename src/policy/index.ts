export { createPolicy } from './create-policy.ts';
export { DEFAULT_RELAX, type Limits, type RelaxableLimit } from './limits.ts';
export type {
  Plan,
  Policy,
  PolicyCandidate,
  PolicyContext,
  PolicyOverrides,
  RequestNeeds,
} from './policy.ts';
export {
  type ClassifierPolicySpec,
  DEFAULT_POLICY,
  type PolicySpec,
  type UtilityPolicySpec,
} from './policy-spec.ts';
export type { Predictions } from './predictions.ts';
export { NAMED_WEIGHTS, type UtilityWeights, type WeightsName } from './weights.ts';
