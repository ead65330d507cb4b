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
