import { InvalidInputError, NoCandidateError, PointsmanError } from 'pointsman';
import {
  BrokenStreamError,
  CostBudgetError,
  DeadlineError,
  ExecutionError,
  UnavailableError,
  UpstreamError,
} from 'pointsman/execution';

/** Why a request is turned away before anything is sent for it. */
export type RefusalKind =
  /** No key, or one that is not known, has run out or was revoked: 401. */
  | 'unauthenticated'
  /** The key may not use this router, candidate or route: 403. */
  | 'forbidden'
  /** More requests or tokens a minute than the key may have: 429. */
  | 'rate-limited'
  /** What is left of a budget does not cover the expected cost: 402. */
  | 'over-budget'
  /** Nobody can say, since the state of keys and budgets cannot be reached: 503. */
  | 'unavailable';

const REFUSAL_STATUS: Readonly<Record<RefusalKind, number>> = {
  unauthenticated: 401,
  forbidden: 403,
  'rate-limited': 429,
  'over-budget': 402,
  unavailable: 503,
};

/** What a refusal says beside its sentence. */
export interface RefusalDetails extends ErrorOptions {
  /** The limit that was reached, such as `tokens-per-minute` or `budget-per-day`. */
  readonly limit?: string;
  /** What is left of each limit, as headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that a key, a limit or a budget turns away. Each protocol writes it in its own shape. */
export class RefusalError extends PointsmanError {
  override readonly name = 'RefusalError';
  readonly code = 'REFUSED';
  readonly kind: RefusalKind;
  /** HTTP status. */
  readonly status: number;
  /** Milliseconds after which it may be asked again; null where waiting is of no use. */
  readonly retryAfterMs: number | null;
  /** The limit that was reached, such as `tokens-per-minute` or `budget-per-day`; null where it is none. */
  readonly limit: string | null;
  /** What is left of each limit, as headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    kind: RefusalKind,
    message: string,
    retryAfterMs: number | null = null,
    details: RefusalDetails = {},
  ) {
    super(message, details);
    this.limit = details.limit ?? null;
    this.headers = details.headers ?? {};
    this.kind = kind;
    this.status = REFUSAL_STATUS[kind];
    this.retryAfterMs = retryAfterMs;
  }
}

interface ProblemOptions extends ErrorOptions {
  /** The field that is wrong. */
  readonly param?: string;
  readonly retryAfterMs?: number | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a client is told when it gets no answer. Each protocol writes it in its own shape. */
export class Problem extends Error {
  override readonly name = 'Problem';
  /** HTTP status. */
  readonly status: number;
  /** A literal that clients can switch on. */
  readonly code: string;
  readonly param: string | null;
  /** Milliseconds after which it may be asked again; null where nothing is known. */
  readonly retryAfterMs: number | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, options: ProblemOptions = {}) {
    super(message, options);
    this.status = status;
    this.code = code;
    this.param = options.param ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.headers = options.headers ?? {};
  }
}

const REFUSAL_CODES = {
  unauthenticated: 'invalid_api_key',
  forbidden: 'not_allowed',
  'rate-limited': 'rate_limit_exceeded',
  'over-budget': 'budget_exceeded',
  unavailable: 'state_unavailable',
} as const;

/** What became of a request that its client gave up; nobody reads it. */
export const CLIENT_LEFT = 499;

/** Of an error of an upstream what speaks of the request, and not of the gateway's own dealings with it. */
const ABOUT_THE_REQUEST = new Set([400, 404, 413, 415, 422]);

/** What is known of a request that failed beside its error. */
export interface FailedRequest {
  /** Undefined where nothing was decided. */
  readonly decisionId?: string | undefined;
  /** Milliseconds until the breaker of a candidate lets a request try it; 0 where it is not open. */
  readonly reopensInMs?: (candidate: string) => number;
}

/** What an error means for the client. What is not known is a mistake of the gateway's own, and says nothing of itself. */
export function problemOf(error: unknown, request: FailedRequest = {}): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof RefusalError) {
    const { headers, kind, message, retryAfterMs, status } = error;
    return new Problem(status, REFUSAL_CODES[kind], message, { headers, retryAfterMs, cause: error });
  }
  if (error instanceof InvalidInputError)
    return new Problem(400, 'invalid_request', error.message, { cause: error });
  if (error instanceof NoCandidateError)
    return new Problem(400, 'no_candidate', inWordsOfClients(error.message), { cause: error });
  if (error instanceof DeadlineError) return new Problem(504, 'deadline', error.message, { cause: error });
  if (error instanceof CostBudgetError)
    return new Problem(402, 'cost_budget', error.message, { cause: error });
  if (error instanceof ExecutionError) return failureOf(error, request);
  if (error instanceof PointsmanError)
    return new Problem(502, error.code.toLowerCase(), withoutAddresses(error.message), { cause: error });
  return new Problem(
    500,
    'internal',
    'The gateway made a mistake. Its operator finds it in the log of errors.',
    {
      cause: error,
    },
  );
}

/** Whoever asks a gateway gives no clients: candidates have upstreams in its configuration. */
function inWordsOfClients(message: string): string {
  return message
    .replaceAll('it has no client', "the gateway's configuration has no upstream for it")
    .replace('or give a client for one.', 'or have the operator give an upstream for one.');
}

/** Everything was tried. What the last upstream said of the request itself is handed on in its own words. */
function failureOf(error: ExecutionError, { decisionId, reopensInMs = () => 0 }: FailedRequest): Problem {
  const { cause } = error;
  // A part of it was handed on: whose fault it was is of no use any more.
  if (error instanceof BrokenStreamError)
    return new Problem(502, 'broken_stream', withoutAddresses(error.message), { cause: error });
  const count = error.attempts.length;
  const last = withoutAddresses(cause instanceof Error ? cause.message : String(cause));
  const all = decisionId === undefined ? '' : ` \`GET /v1/decisions/${decisionId}\` shows every attempt.`;
  const message = `No candidate gave an answer, after ${count} ${count === 1 ? 'attempt' : 'attempts'}. The last one: ${last}${all}`;
  if (cause instanceof UnavailableError) {
    const firstMs = error.attempts.reduce(
      (least, { candidate }) => Math.min(least, reopensInMs(candidate)),
      Number.POSITIVE_INFINITY,
    );
    const retryAfterMs = Math.max(SHORTEST_WAIT_MS, Number.isFinite(firstMs) ? firstMs : 0);
    return new Problem(503, 'unavailable', message, { retryAfterMs, cause: error });
  }
  if (!(cause instanceof UpstreamError))
    return new Problem(502, error.code.toLowerCase(), message, { cause: error });
  const { retryAfterMs, said, status } = cause;
  const words = said ?? withoutAddresses(cause.message);
  if (status !== null && ABOUT_THE_REQUEST.has(status))
    return new Problem(status, 'upstream_refused', words, { cause: error });
  if (status === 429) return new Problem(429, 'upstream_busy', words, { retryAfterMs, cause: error });
  return new Problem(502, 'upstream_failed', message, { retryAfterMs, cause: error });
}

/** Of a candidate that has as many requests under way as it may have: nobody knows when the first of them ends. */
const SHORTEST_WAIT_MS = 1000;

/** URLs, addresses of the Internet Protocol with their ports, and the names that sockets could not find. */
const ADDRESSES =
  /https?:\/\/[^\s`"'<>]+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|\[[\da-f:.]+:[\da-f:.]+\](?::\d+)?|(?<![\w:])[\da-f:]*::[\da-f:.]*|(?<=\b(?:ENOTFOUND|EAI_AGAIN|ECONN[A-Z]+) )\S+/gi;

/** Words of an error without where upstreams are: that is for the operator, and not for clients. */
export function withoutAddresses(text: string): string {
  return text.replace(ADDRESSES, (_, at: number) => (at === 0 ? 'The upstream' : '(hidden address)'));
}
