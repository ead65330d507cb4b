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
import type { CostSource } from '../log/record.ts';
import type { CandidatePrediction, PlanStep } from '../policy/plan.ts';
import type { Answer } from './answer.ts';
import { hideKeys, isPassing, oneLine, readSaidError } from './said-error.ts';

/** What an attempt was for. */
export type AttemptRole =
  /** The plan's own call. */
  | 'answer'
  /** Beside the first, when that one kept us waiting. */
  | 'hedge'
  /** One of several answers that are compared. */
  | 'member'
  /** A further answer of the same step, to see whether it agrees with itself. */
  | 'sample'
  /** Reads the others' answers and writes the final one. */
  | 'judge'
  /** The caller's function. */
  | 'tool'
  /** After the plan failed. */
  | 'fallback';

export type AttemptState =
  | 'running'
  /** Its answer was used, or was one of those compared. */
  | 'answered'
  /** It answered, and the answer was not good enough. */
  | 'rejected'
  | 'failed'
  /** Stopped by us: another one won, or the caller left, or the deadline came. */
  | 'aborted'
  /** Not sent: the breaker was open, the bulkhead full, or the budget too small. */
  | 'refused';

/** One call of one candidate or tool. Plain data. */
export interface Attempt {
  /** The candidate's name, or the tool's. */
  readonly candidate: string;
  readonly role: AttemptRole;
  /** 0 for the first; 1 and on when the same call is sent again. */
  readonly retry: number;
  readonly state: AttemptState;
  /** Milliseconds since the execution began. */
  readonly startedMs: number;
  /** Milliseconds until it ended. */
  readonly latencyMs: number;
  /** Milliseconds until the first piece came, for those that came in pieces. */
  readonly firstChunkMs: number | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** US dollars; null where nothing is known. */
  readonly costUsd: number | null;
  /**
   * How the cost is known: by the provider's own bill, from tokens and prices, or, for want of both, by what the router
   * expected, and no less than the words cost at the candidate's prices. Null where nothing is known or was billed.
   */
  readonly costSource: CostSource | 'estimated' | null;
  /** Whether `costSource` is 'estimated'. */
  readonly costIsEstimated: boolean;
  readonly error: AttemptFailure | null;
  /** What its answer was found to be worth, in the order it was asked. @default nothing was asked */
  readonly scores?: readonly AttemptScore[];
  /** Of cascade routing: why somebody else was asked after it, or nobody, in a sentence. @default it was not up for that */
  readonly next?: string;
}

/** Who says what an answer is worth: a verifier or scorer of the caller's, or the router's answer head. */
export type ScoreSource = 'verifier' | 'scorer' | 'answer';

interface AttemptScore {
  readonly source: ScoreSource;
  /** Of the answer head: the calibrated probability that the answer is good. */
  readonly value: number;
}

export interface AttemptFailure {
  /** The error's `code`, or its name. */
  readonly code: string;
  readonly message: string;
  /** HTTP status; null when there was no response. */
  readonly status: number | null;
}

/** An attempt that is still being written. */
export type AttemptRecord = { -readonly [Field in keyof Attempt]: Attempt[Field] };

/** What was seen of an answer: a row to learn from. */
export interface SeenOutcome {
  /** 0 to 1, where a verifier, a scorer or the answer head gave the answer such a score; null otherwise. */
  readonly quality: number | null;
  /** Whose score that is. What the answer head says is an estimate, and nothing to learn from. @default none */
  readonly qualitySource?: ScoreSource;
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

/** What is executed; a `Decision` is one. */
export interface PlannedExecution {
  readonly plan: PlanStep;
  /** Candidates to call, in order, when the plan fails. */
  readonly fallback: readonly string[];
  /**
   * What each candidate is expected to cost, for the budget, and for bills that never come; and how likely it is to answer well,
   * for the answer head. @default unknown
   */
  readonly predictions?: readonly (Pick<CandidatePrediction, 'candidate' | 'expectedCostUsd'> &
    Partial<Pick<CandidatePrediction, 'successProbability'>>)[];
  /** Of the router that made the plan; an answer head of another is not asked. @default it is not known */
  readonly artifactId?: string;
  /** Milliseconds that deciding took. @default 0 */
  readonly routerMs?: number;
}

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
