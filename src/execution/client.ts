import type { Request } from '../request.ts';
import type { Answer, AnswerChunk } from './answer.ts';

/**
 * One way to get an answer: an async function. It must stop when `signal` aborts, and throw when it has no whole
 * answer: an `UpstreamError` says best what went wrong, other errors are read by `status`, `isRetryable` and `code`.
 */
export type Client<R extends Request = Request> = (
  request: R,
  context: ClientContext,
) => Promise<ClientAnswer | AsyncIterable<AnswerChunk>> | AsyncIterable<AnswerChunk>;

/** An answer as a client may give it: the text, and what else it knows. */
export type ClientAnswer = Pick<Answer, 'text'> & Partial<Answer>;

export interface ClientContext {
  /** Aborts when the answer is no longer wanted: cancelled, too late, or another one won. */
  readonly signal: AbortSignal;
  /** The candidate that is called, by its name in the router. */
  readonly candidate: string;
  /** Whether the caller reads the answer as it comes. A client that gives it whole is fine too. */
  readonly stream: boolean;
  /** Whether log-probabilities are wanted. */
  readonly logprobs: boolean;
  /** 0 for the answer; 1 and on for further samples of the same request, which must not be the same by design. */
  readonly sample: number;
  /** 0 for the first attempt; 1 and on when it is sent again. */
  readonly retry: number;
}

/** Clients by the name of their candidate. */
export type ClientMap<R extends Request = Request> = Readonly<Record<string, Client<R>>>;
