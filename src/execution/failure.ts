import {
  AttemptTimeoutError,
  BrokenStreamError,
  CostBudgetError,
  InvalidInputError,
  MalformedAnswerError,
  PointsmanError,
  readRetryAfter,
  UnavailableError,
  UpstreamError,
} from '../errors.ts';
import type { AttemptFailure } from './attempt.ts';
import { hideKeys, isPassing, oneLine, readSaidError } from './said-error.ts';

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

/** What an endpoint asks of whoever it turned away. */
interface RetryAdvice {
  /** Milliseconds to wait; null for none said. */
  readonly retryAfterMs: number | null;
  /** Whether the same request is worth another try; null for none said. */
  readonly shouldRetry: boolean | null;
}

/**
 * Reads the headers of a refusal: `retry-after-ms` of OpenAI and Azure before `Retry-After`, and `x-should-retry`,
 * which overrules the status.
 *
 * @param header gives a header's value by its name in lower case.
 * @param wallNowMs milliseconds since 1970, against which a date is read.
 */
export function readRetryAdvice(
  header: (name: string) => string | null | undefined,
  wallNowMs: number,
): RetryAdvice {
  const milliseconds = [header('retry-after-ms'), header('x-ms-retry-after-ms')].map(
    (value) => value?.trim() ?? '',
  );
  const ms = milliseconds.find((value) => /^\d+(\.\d+)?$/.test(value));
  const should = header('x-should-retry')?.trim().toLowerCase();
  return {
    retryAfterMs: ms === undefined ? readRetryAfter(header('retry-after') ?? null, wallNowMs) : Number(ms),
    shouldRetry: should === 'true' ? true : should === 'false' ? false : null,
  };
}

/** How an attempt ended badly, between the parts of an execution; it never reaches the caller. */
export class AttemptError extends Error {
  readonly failure: Failure;
  /** Whether we stopped it ourselves. */
  readonly aborted: boolean;

  constructor(cause: unknown, failure: Failure, aborted: boolean) {
    super(failure.message, { cause });
    this.failure = failure;
    this.aborted = aborted;
  }
}

/** Another answer has won: the reason with which those that are not needed any more are stopped. */
export class SupersededError extends Error {
  constructor() {
    super('Another answer was taken.');
    this.name = 'AbortError';
  }
}
