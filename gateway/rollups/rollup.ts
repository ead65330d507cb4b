/** How long a bucket is; `all` is the whole range that is asked for. Buckets begin at UTC. */
export type RollupStep = 'minute' | 'hour' | 'day' | 'all';

/** What requests are told apart by. */
export const ROLLUP_LABELS = ['router', 'version', 'candidate', 'task', 'key'] as const;
export type RollupLabel = (typeof ROLLUP_LABELS)[number];

/**
 * Who and what a row is about. A label that was not asked for is left out. `none` is no router, candidate, key or task; `other` are those for
 * which there was no room.
 *
 * `version` is the id of an artifact. `candidate` is who answered; where nobody did, who was decided on.
 */
export type RollupLabels = Readonly<Partial<Record<RollupLabel, string>>>;

/** What `GET /admin/rollups` answers. */
export interface RollupAnswer {
  /** ISO 8601. The first bucket begins here. */
  readonly from: string;
  /** The last bucket ends here. */
  readonly to: string;
  readonly by: RollupStep;
  readonly group: readonly RollupLabel[];
  /** By time, then by labels. A bucket in which nothing happened has none. */
  readonly rows: readonly RollupRow[];
}

/** What happened in one bucket to requests of one group. Sums, so that rows can be added, but for quantiles: ask by `all` for those. */
export interface RollupRow extends RollupLabels {
  /** When the bucket begins. */
  readonly at: string;
  /** Requests that ended: answered + failed + left + refused. */
  readonly requests: number;
  readonly answered: number;
  /** No candidate gave a whole answer, or the request was wrong. */
  readonly failed: number;
  /** The client left before the answer was whole. */
  readonly left: number;
  /** Turned away by a key, a limit or a budget. */
  readonly refused: number;
  /** Went to the cheapest candidate, since the budget did not cover the decided one. */
  readonly degraded: number;
  /** Answered by another candidate than was decided. */
  readonly fallbacks: number;
  /** Requests that were failed, left or refused, by `code`. */
  readonly errors: Readonly<Record<string, number>>;
  readonly attempts: number;
  /** Attempts that sent the same call again. */
  readonly retries: number;
  /** US dollars of every attempt, as far as it is known. */
  readonly costUsd: number;
  /** Of it, of attempts whose answer was not the one that was given. */
  readonly unusedCostUsd: number;
  /** Requests of which the cost of an attempt is not known. */
  readonly unknownCosts: number;
  readonly inputTokens: number;
  /** Of them, those that the upstream read from its cache. */
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  /** Milliseconds until the answer was whole, of requests that were answered. */
  readonly latencyMs: Quantiles | null;
  /** Milliseconds until a stream began. */
  readonly firstByteMs: Quantiles | null;
  /** Milliseconds of the gateway's own before it sent. */
  readonly overheadMs: Quantiles | null;
  /** Decisions for this candidate, and sums of what was expected of it. */
  readonly decided: Expected;
  /** Every decision in which the candidate was looked at, whoever was chosen, and sums of what was expected had it answered. */
  readonly considered: Expected;
  readonly propensity: PropensitySums;
  readonly ratings: RatingSums;
  readonly shadow: ShadowSums;
}

/** Of a distribution, within 1 % of each value. */
export interface Quantiles {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface Expected {
  readonly decisions: number;
  /** Sum of `successProbability`. */
  readonly quality: number;
  /** Sum of `expectedCostUsd`, over those decisions where it is known. */
  readonly costUsd: number;
  /** Decisions where it is not. */
  readonly unknownCosts: number;
}

/** Of decisions that a router made, by the probability that they had. */
export interface PropensitySums {
  /** Decisions for another candidate than the most probable one. */
  readonly explored: number;
  /** Sum of what those were expected to cost more than the most probable candidate, in US dollars. */
  readonly exploredCostUsd: number;
  /** Sum of 1 / propensity. */
  readonly inverse: number;
  /** Sum of 1 / propensity². */
  readonly inverseSquared: number;
  /** Of rated decisions: sum of rating / propensity. */
  readonly weightedRating: number;
}

/** Ratings, in the bucket in which they came, under the labels of the answer that they are about. */
export interface RatingSums {
  readonly count: number;
  /** Sum of ratings, 0 to 1. */
  readonly rated: number;
  /** Sum of their squares. */
  readonly ratedSquared: number;
  /** Sum of what the router had predicted of those answers, where it had: of those that are in `bins`. */
  readonly predicted: number;
  /** Ten bins of what was predicted, 0 to 0.1 and so on; those that are empty are left out. */
  readonly bins: readonly CalibrationBin[];
}

export interface CalibrationBin {
  /** Where it begins: 0, 0.1, to 0.9. */
  readonly from: number;
  readonly count: number;
  readonly predicted: number;
  readonly rated: number;
}

/** Answers that were asked for in the background, of this candidate. */
export interface ShadowSums {
  readonly answers: number;
  readonly failed: number;
  readonly costUsd: number;
  /** US dollars of the judge. */
  readonly judgeCostUsd: number;
  /** Sum of the judge's verdicts on them against the answer that was given: 1 better, 0.5 as good, 0 worse. */
  readonly preferred: number;
  /** Of how many. */
  readonly judged: number;
}
