import type { LimitFilter } from './limit-filter.ts';
import type { CallStep } from './plan.ts';
import type { Policy, PolicyCandidate } from './policy.ts';
import type { PolicyOptions } from './policy-options.ts';
import type { PolicyTarget } from './spec.ts';

/** A policy inside another, or one candidate in the place of a policy. */
export type Decider = Pick<Policy, 'decide'>;

/** What every policy is made with, beside its spec. */
export interface BasicParts {
  readonly candidates: readonly PolicyCandidate[];
  /** One step a candidate. */
  readonly calls: readonly CallStep[];
  /** The limits that hold here: the spec's own and those of the policies around. */
  readonly filter: LimitFilter;
}

/** What a policy that may hold others is made with. */
export interface PolicyParts extends BasicParts {
  readonly options: PolicyOptions;
  /**
   * Makes what stands inside this policy.
   *
   * @param field where it stands, for messages.
   */
  make(target: PolicyTarget, field: string): Decider;
  /** {@link make}, for policies that leave a target out when limits removed it. */
  makeMember(target: PolicyTarget, field: string): Member;
}

/** A target that is left out when nothing of it is left. */
export interface Member {
  /** Undefined when limits removed it. */
  decide: (...parameters: Parameters<Policy['decide']>) => ReturnType<Policy['decide']> | undefined;
}
