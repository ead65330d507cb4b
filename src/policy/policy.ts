import type { Candidate, Modality } from '../candidate/candidate.ts';
import type { Limits } from './limits.ts';
import type { PolicySpec } from './policy-spec.ts';
import type { Predictions } from './predictions.ts';
import type { UtilityWeights, WeightsName } from './weights.ts';

/** Predictions, what the request needs and what the caller asks for, to a plan. Immutable; decides at once. */
export interface Policy {
  readonly spec: PolicySpec;
  /** @throws NoCandidateError when no candidate is left and no limit may give way. */
  decide(context: PolicyContext): Plan;
}

/** A candidate with the means that utilities are measured against. */
export interface PolicyCandidate extends Candidate {
  readonly meanCostUsd: number | null;
  readonly meanLatencyMs: number | null;
}

/** What a candidate must be able to take. */
export interface RequestNeeds {
  /** Estimated length of the whole request, in tokens. */
  readonly tokens: number;
  readonly modalities: readonly Modality[];
  /** Whether tools are offered. */
  readonly tools: boolean;
}

/** What one request may ask for, beside what the policy says. */
export interface PolicyOverrides {
  /** Replaces the weights of a `utility` policy. */
  readonly weights?: WeightsName | UtilityWeights;
  /** Added to the policy's own limits; of two, the tighter counts. */
  readonly limits?: Limits;
}

export interface PolicyContext {
  readonly predictions: Predictions;
  readonly needs: RequestNeeds;
  readonly overrides: PolicyOverrides;
}

/** What to call, and why. A policy that holds others hands on their plan, with its own name before the path. */
export interface Plan {
  /** Indices of the candidates that are left: the chosen one, then the order to fall back in. Never empty. */
  readonly order: readonly number[];
  /** What was compared, higher is better: `[candidates]`. */
  readonly utilities: Float64Array;
  /** Per candidate, why it was removed; undefined for those in `order`. */
  readonly removed: readonly (string | undefined)[];
  /** Plain sentences. */
  readonly reasons: readonly string[];
  /** Names of the policies that led here, outermost first. */
  readonly path: readonly string[];
}
