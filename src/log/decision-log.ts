import type { Decision } from '../decision.ts';
import type { Request } from '../request.ts';
import type { CostSource } from './record.ts';

/**
 * Takes down decisions and what came of them. Nothing that is told to it waits for the sink, or fails because of it:
 * what there is no room for is dropped, and counted.
 */
export interface DecisionLog {
  /**
   * A request was routed. Never throws.
   *
   * @param request undefined when only its embedding is known.
   * @param embedding the prompt's; copied, if it is to be kept.
   * @returns the decision's id, for what comes later.
   */
  decided(decision: Decision, request: Request | undefined, embedding?: ArrayLike<number>): string;
  /**
   * How the decision was carried out. `execute` tells this by itself. An amount that cannot be (negative, not finite, no
   * number, or above `LARGEST_AMOUNTS`) takes nothing else with it: it is null in the record, and named in its `refused`.
   *
   * @throws InvalidInputError naming the field that is wrong, or longer than `LONGEST_TEXTS`.
   */
  outcome(decisionId: string, outcome: OutcomeInput): void;
  /**
   * How good the answer was, as soon as somebody knows; any number of times, in any process.
   *
   * @throws InvalidInputError naming the field that is wrong, or longer than `LONGEST_TEXTS`.
   */
  feedback(decisionId: string, feedback: FeedbackInput): void;
  /** Resolves when everything told until now is written, or given up. */
  flush(): Promise<void>;
  /** {@link flush}, then closes the sink. What is told afterwards counts as dropped. */
  close(): Promise<void>;
  stats(): LogStats;
}

/** What was seen of an answer. */
export interface OutcomeInput {
  /** Who answered; the decided one when nobody did. */
  readonly candidate: string;
  /** @default 'answered' */
  readonly status?: 'answered' | 'failed';
  /** US dollars of the candidate's own answer. @default null, not known */
  readonly costUsd?: number | null;
  /** Whether that is the provider's own bill, or was computed from tokens and prices. Never tell what was only expected. @default 'reported' */
  readonly costSource?: CostSource;
  /** Milliseconds of the candidate's own answer. @default null, not known */
  readonly latencyMs?: number | null;
  /** @default null, not known */
  readonly inputTokens?: number | null;
  /** @default null, not known */
  readonly outputTokens?: number | null;
  /** US dollars of every attempt together, where more was tried. @default the candidate's own */
  readonly totalCostUsd?: number;
  /** Milliseconds from the call to its end, where more was tried. @default the candidate's own */
  readonly totalLatencyMs?: number;
  /** The error's code, when nobody answered; a longer text is cut. */
  readonly error?: string;
}

/** How good somebody found an answer. */
export interface FeedbackInput {
  /** 0 to 1. */
  readonly quality: number;
  /** Whose answer it was. @default who answered */
  readonly candidate?: string;
  /** Who says so: 'user', 'verifier', a name of your own. */
  readonly source?: string;
}

/** Records, since the log was made. Those told are written + failed + dropped + pending. */
export interface LogStats {
  readonly written: number;
  /** Given up after the last retry, or when the log was closed, or refused by the sink. */
  readonly failed: number;
  /** Not taken, since there was no room, or it could not be read, or the log was closed. */
  readonly dropped: number;
  /** Waiting, or on their way to the sink. */
  readonly pending: number;
  /** What the sink said last, when it rejected a batch or a record; null when the last batch went well. */
  readonly error: string | null;
}
