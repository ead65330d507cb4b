/** What the heads and calibrators say of one request; all arrays are `[candidates]`, in the manifest's order. */
export interface Predictions {
  /** Probability that the candidate is the one to choose; sums to 1. */
  readonly choice: Float64Array;
  /** Calibrated probability that the candidate's answer is good. */
  readonly success: Float64Array;
  /** Expected cost in US dollars; NaN where nothing is known. */
  readonly costUsd: Float64Array;
  /** Expected latency in milliseconds; NaN where nothing is known. */
  readonly latencyMs: Float64Array;
  /** Expected length of the answer in tokens; NaN where nothing is known. @default not known */
  readonly outputTokens?: Float64Array;
}
