export { describeChange } from './describe-change.ts';
export type { CompileExpression, Expression } from './expression.ts';
export { createPolicy } from './kinds/create-policy.ts';
export { DEFAULT_RELAX, type Limits, type RelaxableLimit } from './limits.ts';
export type {
  AcceptTest,
  CallStep,
  Change,
  Combine,
  HedgeStep,
  ParallelStep,
  Plan,
  PlanStep,
  SequenceStep,
  ToolStep,
} from './plan.ts';
export { policies } from './policies.ts';
export type { Policy, PolicyCandidate, PolicyContext, PolicyOverrides, RequestNeeds } from './policy.ts';
export type { PolicyKit } from './policy-kit.ts';
export type { PolicyOptions } from './policy-options.ts';
export type { Predictions } from './predictions.ts';
export {
  type CascadePolicySpec,
  type ClassifierPolicySpec,
  DEFAULT_POLICY,
  type EnsemblePolicySpec,
  type ExplorePolicySpec,
  type HierarchicalPolicySpec,
  type PolicySpec,
  type PolicyTarget,
  type RouterPolicySpec,
  type RulesPolicySpec,
  type SpeculativePolicySpec,
  type ThresholdPolicySpec,
  type ToolsPolicySpec,
  type UtilityPolicySpec,
} from './spec.ts';
export { NAMED_WEIGHTS, type UtilityWeights, type WeightsName } from './weights.ts';
