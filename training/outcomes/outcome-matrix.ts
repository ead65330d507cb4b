import type { Request } from 'pointsman';

/** One prompt of the outcomes table. */
export interface PromptRecord {
  readonly requestId: string;
  /** Milliseconds since the epoch, or null. */
  readonly timestampMs: number | null;
  readonly request: Request;
  readonly task: string | null;
  readonly tier: string | null;
  readonly source: string;
  /** sha256 of the prompt in hexadecimal, where its words are not kept: then `request` is empty. */
  readonly promptHash?: string;
  /** The prompt's embedding, where its words are not kept. */
  readonly embedding?: Float32Array; // [dimensions]
}

/**
 * The outcomes table pivoted for learning: N prompts by C candidates, row-major. What was not observed is NaN,
 * so a full-information benchmark and a log of one model per prompt have the same shape.
 */
export interface OutcomeMatrix {
  /** Sorted by name. */
  readonly candidates: readonly string[];
  readonly prompts: readonly PromptRecord[];
  readonly quality: Float32Array; // [prompts, candidates]
  readonly costUsd: Float32Array; // [prompts, candidates]
  readonly latencyMs: Float32Array; // [prompts, candidates]
  readonly propensity: Float32Array; // [prompts, candidates]
  /**
   * Probability that the policy which wrote the log gave the prompt to the candidate, asked or not; NaN where it is not known.
   * Absent where it is nowhere.
   */
  readonly policy?: Float32Array; // [prompts, candidates]
  /** Tokens as the candidate counted them. Absent where nobody said. */
  readonly inputTokens?: Float32Array; // [prompts, candidates]
  readonly outputTokens?: Float32Array; // [prompts, candidates]
  /** What a router that serves already expects of each quality, to be remembered in learning; NaN: nothing. */
  readonly expected?: Float32Array; // [prompts, candidates]
}
