import { AttemptTimeoutError } from '../errors/attempt-timeout-error.ts';
import { BrokenStreamError } from '../errors/broken-stream-error.ts';
import { CostBudgetError } from '../errors/cost-budget-error.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import { PointsmanError } from '../errors/pointsman-error.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import { isRetryableStatus, UpstreamError } from '../errors/upstream-error.ts';
import type { AttemptFailure } from './attempt.ts';
import { readRetryAfter } from './read-retry-after.ts';

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

/**
 * Reads an error of a client. Our own kinds say what they are; others are read as the common HTTP clients write them:
 * `status` or `statusCode`, `isRetryable`, `code` of a lost connection, `Retry-After` among `headers`.
 *
 * @param wallNowMs the time against which a `Retry-After` that is a date is read.
 */
export function readFailure(error: unknown, wallNowMs: number): Failure {
  const base = {
    code: codeOf(error),
    message: error instanceof Error ? error.message : String(error),
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
  const foreign = (typeof error === 'object' && error !== null ? error : {}) as ForeignError;
  const status = numberOf(foreign.status) ?? numberOf(foreign.statusCode);
  const retryable =
    typeof foreign.isRetryable === 'boolean'
      ? foreign.isRetryable
      : status !== null
        ? isRetryableStatus(status)
        : isLostConnection(error);
  return {
    ...base,
    status,
    retryable,
    retryAfterMs: readRetryAfter(headerOf(foreign), wallNowMs),
    unhealthy: isUnhealthy(status, retryable),
  };
}

interface ForeignError {
  readonly status?: unknown;
  readonly statusCode?: unknown;
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

function codeOf(error: unknown): string {
  if (error instanceof PointsmanError) return error.code;
  return error instanceof Error ? error.name : typeof error;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) ? value : null;
}

function headerOf({ headers, responseHeaders }: ForeignError): string | null {
  const found = headers ?? responseHeaders;
  if (typeof found !== 'object' || found === null) return null;
  if (found instanceof Headers) return found.get('retry-after');
  const value = (found as Record<string, unknown>)['retry-after'];
  return typeof value === 'string' ? value : null;
}
