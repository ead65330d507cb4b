import type { Limits, RelaxableLimit } from './limits.ts';
import type { AcceptTest } from './plan.ts';
import type { UtilityWeights, WeightsName } from './weights.ts';

/** What every policy may say. Both also hold for the policies inside it: of two limits the tighter counts. */
export interface Limited {
  /** Hard limits, checked before anything is compared. @default {} */
  readonly limits?: Limits;
  /** Limits that give way, first one first, when none is left. @default that of the policy around, or DEFAULT_RELAX; [] is an error instead */
  readonly relax?: readonly RelaxableLimit[];
  /** Whether no limit gives way: `relax: []`, which no policy inside can take back. @default false */
  readonly strict?: boolean;
}

/** A candidate by its name, or another policy. */
export type PolicyTarget = string | PolicySpec;

/** arg max of quality · success − cost · cost / costliest mean cost − latency · latency / slowest mean latency. */
export interface UtilityPolicySpec extends Limited {
  readonly kind: 'utility';
  /** @default 'best' */
  readonly weights?: WeightsName | UtilityWeights;
}

/** arg max of the choice head. */
export interface ClassifierPolicySpec extends Limited {
  readonly kind: 'classifier';
  /** Choose `to` instead in these cases. @default never */
  readonly abstain?: {
    readonly to: string;
    /** When the first's probability is under this, 0 to 1. @default 0 */
    readonly below?: number;
    /** When the request is unlike those the router was trained on. @default false */
    readonly outOfDistribution?: boolean;
  };
}

/** The first rule whose expression is true decides. */
export interface RulesPolicySpec extends Limited {
  readonly kind: 'rules';
  readonly rules: readonly {
    /** For reasons and errors. @default its number, from 1 */
    readonly name?: string;
    /** A CEL expression over signals and predictions, of type bool; see docs/signals.md. */
    readonly when: string;
    readonly then: PolicyTarget;
  }[];
  /** When no rule is true. */
  readonly otherwise: PolicyTarget;
}

/** Two candidates on one dial: the strong one where it is likelier to answer well by more than `threshold`. */
export interface ThresholdPolicySpec extends Limited {
  readonly kind: 'threshold';
  readonly strong: string;
  readonly weak: string;
  /** Strong success minus weak success, -1 to 1; `pointsman tune` finds it. Lower sends more to the strong one. */
  readonly threshold: number;
}

/** The first step that is expected to do, then the next ones until an answer is accepted. */
export interface CascadePolicySpec extends Limited {
  readonly kind: 'cascade';
  /** Cheapest first; two or more. The last is taken as it is. */
  readonly steps: readonly {
    readonly use: PolicyTarget;
    /** Before anything is generated: skip the step when its calibrated success is under this. @default 0 */
    readonly minSuccess?: number;
    /** After: go on to the next step when its answer does not pass. @default any answer passes */
    readonly accept?: AcceptTest;
  }[];
}

/** Several candidates at once, their answers made one. */
export interface EnsemblePolicySpec extends Limited {
  readonly kind: 'ensemble';
  /** Which, or how many of the likeliest to answer well. */
  readonly members: readonly PolicyTarget[] | number;
  /** `weighted`: a vote weighs its member's calibrated success. See `Combine` for the others. */
  readonly combine:
    | { readonly kind: 'majority' }
    | { readonly kind: 'weighted' }
    | { readonly kind: 'best'; readonly scorer: string }
    | { readonly kind: 'judge'; readonly judge: string };
}

/** A fast candidate, and a slow one beside it when the fast one keeps us waiting. */
export interface SpeculativePolicySpec extends Limited {
  readonly kind: 'speculative';
  readonly fast: PolicyTarget;
  readonly slow: PolicyTarget;
  /**
   * Milliseconds after which the slow one starts; 0 starts both together. @default the fast one's 95th percentile:
   * its expected latency times p95 over mean of the traffic; 0 where no latency is known
   */
  readonly delayMs?: number;
  /** @default any answer passes */
  readonly accept?: AcceptTest;
}

/** A signal picks the domain, the domain's own policy or router decides. */
export interface HierarchicalPolicySpec extends Limited {
  readonly kind: 'hierarchical';
  /** @default 'task' */
  readonly by?: 'task' | 'language' | 'tier' | 'quality';
  /** Value of the signal to what decides there. */
  readonly domains: Readonly<Record<string, PolicyTarget>>;
  /** When there is no such domain. */
  readonly otherwise: PolicyTarget;
  /** Under this `taskConfidence`, `otherwise` decides. Only with `by: 'task'`. @default 0 */
  readonly minConfidence?: number;
}

/** Another router, with an artifact of its own. Its candidates may be others; it has its own policy and limits. */
export interface RouterPolicySpec extends Limited {
  readonly kind: 'router';
  /** Its name in `routers` of the router options. */
  readonly router: string;
}

/** A function of the caller's answers, or helps a candidate to. */
export interface ToolsPolicySpec extends Limited {
  readonly kind: 'tools';
  /** Its name in the executor's tools. */
  readonly tool: string;
  /** Asked first; the tool gets its answer. @default none, the tool gets the request alone */
  readonly before?: PolicyTarget;
  /** Answers with the tool's result at hand. @default none, the result is the answer */
  readonly after?: PolicyTarget;
  /** When the tool has no answer. */
  readonly otherwise: PolicyTarget;
}

/** Now and then another candidate than the policy's first, with a known probability, so that logs can be learned from. */
export type ExplorePolicySpec = Limited & {
  readonly kind: 'explore';
  readonly policy: PolicySpec;
} & (
    | {
        readonly method: 'epsilon-greedy';
        /** Probability of a candidate drawn evenly from those within the limits, 0 to 1. */
        readonly epsilon: number;
      }
    | {
        readonly method: 'softmax';
        /** Utility that makes a candidate e times likelier, > 0. */
        readonly temperature: number;
      }
    | {
        readonly method: 'thompson';
        /** How many observations a success probability is worth; more explore less. @default 100 */
        readonly observations?: number;
      }
  );

/** How to choose, as data: it lives in the manifest, or in a configuration file. */
export type PolicySpec =
  | UtilityPolicySpec
  | ClassifierPolicySpec
  | RulesPolicySpec
  | ThresholdPolicySpec
  | CascadePolicySpec
  | EnsemblePolicySpec
  | SpeculativePolicySpec
  | HierarchicalPolicySpec
  | RouterPolicySpec
  | ToolsPolicySpec
  | ExplorePolicySpec;

/** What a trained router does unless the user says otherwise. */
export const DEFAULT_POLICY: PolicySpec = { kind: 'utility', weights: 'best' };
