import * as v from 'valibot';
import { amount, finiteNumber, record, share, strictObject, wholeNumber } from '../validate.ts';
import type { AcceptTest } from './plan.ts';

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

/**
 * The first step that is expected to do, then the next ones until an answer is accepted; or, with `weights`, cascade routing: whoever
 * promises most for its price, given the answers so far, until nobody promises enough.
 */
export interface CascadePolicySpec extends Limited {
  readonly kind: 'cascade';
  /**
   * Cascade routing (Dekoninck et al. 2025, arXiv 2410.10347): what quality, cost and latency are worth to each other, as in a `utility`
   * policy, and those that a request asks for go before. The router's answer head reads every answer, and the likeliest to be good is
   * taken; steps are asked in any order. @default the steps in turn
   */
  readonly weights?: WeightsName | UtilityWeights;
  /** Cheapest first; two or more. The last is taken as it is, unless there are `weights`. */
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
        /**
         * How many observations a success probability is worth; more explore less. `posterior`: as many as training found,
         * for each candidate and prompt. @default 100
         */
        readonly observations?: number | 'posterior';
      }
  );

/** Another choice where the policy's own is hardly better than it, for all that is known. */
export interface AbstainPolicySpec extends Limited {
  readonly kind: 'abstain';
  readonly policy: PolicySpec;
  /** The default, or a policy that escalates. */
  readonly to: PolicyTarget;
  /**
   * Probability, 0 to 1, that the policy's first has a higher utility than that of `to`: below it `to` decides. At 0.95 the 90 %
   * interval of the difference must be above 0. @default 0.95
   */
  readonly confidence?: number;
}

/** The policy's choice, but a conversation stays with whom it has until leaving pays. Requests are told apart by `conversation` of their options. */
export interface SessionPolicySpec extends Limited {
  readonly kind: 'session';
  readonly policy: PolicySpec;
  /** Utility by which another candidate must be above the one that answered last, 0 or more. @default 0 */
  readonly switchMargin?: number;
  /** Milliseconds after the last answer from which on nobody is stayed with. @default 300000 */
  readonly ttlMs?: number;
  /**
   * `free`: to any candidate that is above the margin. `upwards`: to one whose answer is likelier to be good, and to no other. `pin`: to
   * none, as long as limits leave the one that answered last. @default 'free'
   */
  readonly mode?: 'free' | 'upwards' | 'pin';
}

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
  | AbstainPolicySpec
  | SessionPolicySpec
  | ExplorePolicySpec;

/** What a candidate must not exceed, or must reach. A limit that is left out does not apply. */
export interface Limits {
  /** Only these candidates. */
  readonly allow?: readonly string[];
  /** Never these candidates. */
  readonly deny?: readonly string[];
  /** Highest expected cost of the request, in US dollars. A candidate whose cost is not known exceeds it. */
  readonly maxCostUsd?: number;
  /** Highest expected latency, in milliseconds. A candidate whose latency is not known exceeds it. */
  readonly maxLatencyMs?: number;
  /** Lowest calibrated probability of a good answer, 0 to 1. */
  readonly minSuccessProbability?: number;
}

/**
 * Limits that may give way when they leave no candidate. The last three are read off the request and the
 * candidates: what the candidate can read, and how much of it. `allow` and `deny` never give way.
 */
export type RelaxableLimit =
  | 'minSuccessProbability'
  | 'maxLatencyMs'
  | 'maxCostUsd'
  | 'tools'
  | 'modalities'
  | 'contextWindow';

/** The order in which limits give way unless a policy says otherwise. An empty order asks for an error instead. */
export const DEFAULT_RELAX: readonly RelaxableLimit[] = [
  'minSuccessProbability',
  'maxLatencyMs',
  'maxCostUsd',
  'tools',
  'modalities',
  'contextWindow',
];

/** What quality, cost and latency are worth to each other in a utility. Each is a number from 0 to 1,000,000. */
export interface UtilityWeights {
  /** Utility of one whole success probability (γ). */
  readonly quality: number;
  /**
   * Utility lost by the mean cost of the costliest candidate (β). With quality 1 and cost 0.2, that candidate must
   * be 0.2 more likely to answer well than a free one in order to be chosen.
   */
  readonly cost: number;
  /** Utility lost by the mean latency of the slowest candidate (α). */
  readonly latency: number;
}

export type WeightsName = 'best' | 'balanced' | 'cheapest';

/**
 * `best`: the highest success probability; cost breaks ties. `balanced`: a success probability of 0.2 is worth the
 * costliest candidate, 0.02 the slowest. `cheapest`: the lowest cost within the limits; set
 * `minSuccessProbability` beside it.
 */
export const NAMED_WEIGHTS: Readonly<Record<WeightsName, UtilityWeights>> = {
  best: { quality: 1, cost: 0, latency: 0 },
  balanced: { quality: 1, cost: 0.2, latency: 0.02 },
  cheapest: { quality: 0, cost: 1, latency: 0 },
};

export function resolveWeights(weights: WeightsName | UtilityWeights): UtilityWeights {
  return typeof weights === 'string' ? NAMED_WEIGHTS[weights] : weights;
}

const weight = v.pipe(amount, v.maxValue(1e6));
export const name = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
const names = v.array(v.string());

export const limitsSchema = strictObject({
  allow: v.exactOptional(names),
  deny: v.exactOptional(names),
  maxCostUsd: v.exactOptional(amount),
  maxLatencyMs: v.exactOptional(amount),
  minSuccessProbability: v.exactOptional(share),
}) satisfies v.GenericSchema<unknown, Limits>;

export const weightsSchema = v.union([
  v.picklist(['best', 'balanced', 'cheapest']),
  strictObject({ quality: weight, cost: weight, latency: weight }),
]) satisfies v.GenericSchema<unknown, WeightsName | UtilityWeights>;

/** The fields that every policy may have. */
export const limited = {
  limits: v.exactOptional(limitsSchema),
  relax: v.exactOptional(v.array(v.picklist(DEFAULT_RELAX as [...typeof DEFAULT_RELAX]))),
  strict: v.exactOptional(v.boolean()),
};

/** When an answer passes. */
export const accept: v.GenericSchema<unknown, AcceptTest> = v.variant('kind', [
  strictObject({ kind: v.literal('logprob'), min: v.pipe(finiteNumber, v.maxValue(0)) }),
  strictObject({
    kind: v.literal('agreement'),
    samples: v.pipe(wholeNumber, v.minValue(2), v.maxValue(100)),
    min: share,
  }),
  strictObject({ kind: v.literal('verifier'), verifier: name, min: finiteNumber }),
  strictObject({ kind: v.literal('json'), schema: v.exactOptional(record(v.unknown())) }),
  strictObject({ kind: v.literal('answer'), threshold: v.union([share, v.literal('tuned')]) }),
  strictObject({
    kind: v.literal('all'),
    tests: v.pipe(v.array(v.lazy(() => accept)), v.minLength(1), v.maxLength(20)),
  }),
]);

/** A list of at least so many, and at most 1,000. */
export const many = <T extends v.GenericSchema>(item: T, least: number) =>
  v.pipe(v.array(item), v.minLength(least), v.maxLength(1000));

/** The shapes of what may stand inside a policy. */
export interface InsideShapes {
  readonly policy: v.GenericSchema<unknown, PolicySpec>;
  /** A policy, or a candidate by its name. */
  readonly target: v.GenericSchema<unknown, PolicyTarget>;
}
