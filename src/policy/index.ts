export { createPolicy, type PolicyKit, policies } from './kinds/create-policy.ts';
export type { CompileExpression, Expression, PolicyOptions } from './parts.ts';
export {
  type AcceptTest,
  type CallStep,
  type Change,
  type Combine,
  describeChange,
  type HedgeStep,
  type ParallelStep,
  type Plan,
  type PlanStep,
  type Predictions,
  type SequenceStep,
  type ToolStep,
} from './plan.ts';
export type { Policy, PolicyCandidate, PolicyContext, PolicyOverrides, RequestNeeds } from './policy.ts';
export {
  type CascadePolicySpec,
  type ClassifierPolicySpec,
  DEFAULT_POLICY,
  DEFAULT_RELAX,
  type EnsemblePolicySpec,
  type ExplorePolicySpec,
  type HierarchicalPolicySpec,
  type Limits,
  NAMED_WEIGHTS,
  type PolicySpec,
  type PolicyTarget,
  type RelaxableLimit,
  type RouterPolicySpec,
  type RulesPolicySpec,
  type SpeculativePolicySpec,
  type ThresholdPolicySpec,
  type ToolsPolicySpec,
  type UtilityPolicySpec,
  type UtilityWeights,
  type WeightsName,
} from './spec.ts';
