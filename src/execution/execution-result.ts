import type { Answer } from './answer.ts';
import type { Attempt } from './attempt.ts';

/** What was seen of an answer: a row to learn from. */
export interface SeenOutcome {
  /** 0 to 1, where a verifier or scorer of the plan gave such a score; null otherwise. */
  readonly quality: number | null;
  /** US dollars of every attempt together, whether its answer was used or not. */
  readonly costUsd: number;
  /** Milliseconds from the call to the whole answer, the router included. */
  readonly latencyMs: number;
  /** Tokens of every attempt together, as far as their number is known. */
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What was tried. */
export interface ExecutionTrace {
  /** In the order they began. */
  readonly attempts: readonly Attempt[];
  /** Milliseconds that deciding took. */
  readonly routerMs: number;
  /** Whether every attempt's cost is known and none is estimated. */
  readonly costIsExact: boolean;
}

/** An answer, and how it came about. */
export interface ExecutionResult {
  readonly answer: Answer;
  /** Who gave it: a candidate, or a tool by its name. */
  readonly candidate: string;
  readonly outcome: SeenOutcome;
  readonly trace: ExecutionTrace;
}
