import type { Request } from '../request.ts';
import type { Answer } from './answer.ts';
import type { ClientAnswer } from './client.ts';
import type { Clock } from './clock.ts';
import type { Addition } from './extend-request.ts';
import type { Prices } from './price.ts';
import type { Telemetry } from './telemetry.ts';

export interface ExecuteOptions<R extends Request = Request> {
  /** Cancels: attempts are aborted, and the execution rejects with the signal's reason. @default never */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for everything, the router included. @default 120000 */
  readonly deadlineMs?: number;
  /** US dollars for all attempts together; one is not sent when it is expected to cost more than is left. @default Infinity */
  readonly costBudgetUsd?: number;
  /** Milliseconds for one attempt; of one that streams, until its first piece. @default 60000 */
  readonly timeoutMs?: number;
  /** Milliseconds between two pieces of a stream. @default 30000 */
  readonly idleTimeoutMs?: number;
  /** Of these candidates other times, retries and bounds than of the rest. @default {} */
  readonly candidates?: Readonly<Record<string, CandidateOptions>>;
  /** Further attempts at the same candidate after a 408, 409, 429, 5xx or a lost connection. @default 2 */
  readonly retries?: number;
  /** Milliseconds: the wait before the n-th retry is drawn between 0 and this · 2^(n-1). @default 250 */
  readonly retryDelayMs?: number;
  /** Milliseconds: whoever asks for a longer wait by `Retry-After` is not waited for. @default 5000 */
  readonly longestRetryDelayMs?: number;
  /** UTF-16 units of a stream that are held back, so that a stream which breaks within them can still be replaced. Infinity holds back all. @default 1 */
  readonly commitAfterCharacters?: number;
  /**
   * UTF-16 units of one attempt's text, thoughts and tool calls together. A longer one is stopped and has failed: an
   * upstream may write without end. @default 4000000
   */
  readonly maxAnswerCharacters?: number;
  /**
   * Whether an answer may hold nothing: no text, no tool call, no image, and no word of a filter. Else the attempt has
   * failed, and the next candidate is asked. @default false
   */
  readonly allowEmptyAnswers?: boolean;
  /** Functions that a plan's tools name. @default {} */
  readonly tools?: Readonly<Record<string, Tool<R>>>;
  /** Functions that a plan's accept tests name. @default {} */
  readonly verifiers?: Readonly<Record<string, Judgement<R>>>;
  /** Functions that a plan's `best` names. @default {} */
  readonly scorers?: Readonly<Record<string, Judgement<R>>>;
  /** Adds answers or a tool's result to a request, for whoever is to read them. @default {@link extendRequest} */
  readonly extendRequest?: (request: R, addition: Addition) => R;
  /** For costs where a client gives tokens alone. @default `manifest.candidates` of the router */
  readonly prices?: Prices;
  /** @default nobody is told */
  readonly telemetry?: Telemetry;
  /** @default the platform's timers */
  readonly clock?: Clock;
  /** Uniform in [0, 1), for the jitter. @default the platform's random source */
  readonly random?: () => number;
}

/** What is to hold for one candidate. What is left out is as for all. */
export type CandidateOptions = Pick<
  ExecuteOptions,
  'timeoutMs' | 'idleTimeoutMs' | 'retries' | 'maxAnswerCharacters' | 'allowEmptyAnswers'
>;

/** Answers without a model, or helps one to. */
export type Tool<R extends Request = Request> = (
  input: {
    readonly request: R;
    /** What a candidate made of the request for the tool; null when the plan asks none first. */
    readonly answer: Answer | null;
  },
  context: { readonly signal: AbortSignal },
) => ToolResult | Promise<ToolResult>;

/** null: the tool has no answer. */
export type ToolResult = string | ClientAnswer | null;

/** How good an answer is; true is 1, false is 0. Between 0 and 1 it counts as the outcome's quality. */
export type Judgement<R extends Request = Request> = (
  answer: Answer,
  request: R,
  context: { readonly signal: AbortSignal },
) => number | boolean | Promise<number | boolean>;
