import { AttemptTimeoutError } from '../errors/attempt-timeout-error.ts';
import { BrokenStreamError } from '../errors/broken-stream-error.ts';
import { CostBudgetError } from '../errors/cost-budget-error.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import { PointsmanError } from '../errors/pointsman-error.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import { UpstreamError } from '../errors/upstream-error.ts';
import type { AttemptFailure } from './attempt.ts';
import { readRetryAdvice } from './read-retry-after.ts';
import { hideKeys, oneLine } from './redact.ts';
import { isPassing, readSaidError } from './said-error.ts';

/** What an error means for the next step. */
export interface Failure extends AttemptFailure {
  /** Whether the same call may work when it is sent again. */
  readonly retryable: boolean;
  /** Whether it speaks against the candidate, so that its breaker counts it. */
  readonly unhealthy: boolean;
  readonly retryAfterMs: number | null;
  /** Whether nothing was sent. */
  readonly refused: boolean;
}

/** Enough for every reason; an upstream may write books. */
const LONGEST_MESSAGE = 1000;

/**
 * Reads an error of a client. Our own kinds say what they are; others are read as the common HTTP clients and endpoints
 * write them: texts, plain objects or instances of Error with `status` or `statusCode`, `isRetryable`, `code` and
 * `type`, `Retry-After` and its like among `headers`, or words such as "Overloaded". What looks like a key is left out.
 *
 * @param wallNowMs the time against which a `Retry-After` that is a date is read.
 */
export function readFailure(error: unknown, wallNowMs: number): Failure {
  const base = {
    code: codeOf(error),
    message: oneLine(hideKeys(messageOf(error).slice(0, 4 * LONGEST_MESSAGE)), LONGEST_MESSAGE),
    status: null,
    retryAfterMs: null,
    refused: false,
  };
  if (error instanceof UpstreamError) {
    const { status, retryable, retryAfterMs } = error;
    return { ...base, status, retryable, retryAfterMs, unhealthy: isUnhealthy(status, retryable) };
  }
  if (error instanceof UnavailableError || error instanceof CostBudgetError) {
    return { ...base, retryable: false, unhealthy: false, refused: true };
  }
  if (error instanceof BrokenStreamError) {
    const { committed, cause } = error;
    const passing = cause === undefined || readFailure(cause, wallNowMs).retryable;
    return { ...base, retryable: !committed && passing, unhealthy: true };
  }
  // Slow once is likely to be slow again: the next candidate gets what time is left.
  if (error instanceof AttemptTimeoutError) return { ...base, retryable: false, unhealthy: true };
  if (error instanceof MalformedAnswerError) return { ...base, retryable: false, unhealthy: true };
  if (error instanceof InvalidInputError) return { ...base, retryable: false, unhealthy: false };
  const said = readSaidError(error);
  const { status } = said;
  const foreign = (typeof error === 'object' && error !== null ? error : {}) as ForeignError;
  const advice = readRetryAdvice(headersOf(foreign), wallNowMs);
  const own = typeof foreign.isRetryable === 'boolean' ? foreign.isRetryable : null;
  const retryable =
    advice.shouldRetry ??
    (said.permanent ? false : null) ??
    own ??
    isPassing(said) ??
    isLostConnection(error);
  return {
    ...base,
    status,
    retryable,
    retryAfterMs: advice.retryAfterMs,
    unhealthy: isUnhealthy(status, retryable),
  };
}

interface ForeignError {
  readonly isRetryable?: unknown;
  readonly headers?: unknown;
  readonly responseHeaders?: unknown;
}

/** These are about the request, not about who was asked. */
const ABOUT_THE_REQUEST = new Set([400, 409, 413, 414, 415, 422]);

function isUnhealthy(status: number | null, retryable: boolean): boolean {
  return status === null ? retryable : !ABOUT_THE_REQUEST.has(status);
}

/** Codes of Node's sockets and of undici. */
const LOST_CONNECTION =
  /^(ECONN(RESET|REFUSED|ABORTED)|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_.+)$/;

/** `fetch` says so by a TypeError, whose cause has the code where there is one. */
function isLostConnection(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && LOST_CONNECTION.test(code)) return true;
    if (at instanceof TypeError && /fetch|network|terminated|load failed/i.test(at.message)) return true;
  }
  return false;
}

/** The error's own name for itself; of a text or a plain object, which have no class, what they say or are. */
function codeOf(error: unknown): string {
  if (error instanceof PointsmanError) return error.code;
  if (error instanceof Error) return error.name;
  return oneLine(hideKeys(readSaidError(error).code ?? typeof error), 100);
}

function messageOf(error: unknown): string {
  // What broke it is what is of use.
  if (error instanceof BrokenStreamError && error.cause !== undefined) {
    return `${error.message} It broke by this: ${messageOf(error.cause)}`;
  }
  if (error instanceof Error && error.message !== '') return error.message;
  const { message } = readSaidError(error);
  if (message !== '') return message;
  if (typeof error !== 'object' || error === null) return String(error);
  try {
    return `An error without words: ${JSON.stringify(error)}`;
  } catch {
    return 'An error without words.';
  }
}

function headersOf({ headers, responseHeaders }: ForeignError): (name: string) => string | null {
  const found = headers ?? responseHeaders;
  if (typeof found !== 'object' || found === null) return () => null;
  if (found instanceof Headers) return (name) => found.get(name);
  const values = new Map(Object.entries(found).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => {
    const value = values.get(name);
    return typeof value === 'string' ? value : null;
  };
}
