import { InvalidInputError, NoCandidateError, PointsmanError } from 'pointsman';
import {
  BrokenStreamError,
  CostBudgetError,
  DeadlineError,
  ExecutionError,
  UnavailableError,
  UpstreamError,
} from 'pointsman/execution';
import { RefusalError } from './errors.ts';

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

/** What an error means for the client. What is not known is a mistake of the gateway's own, and says nothing of itself. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof RefusalError) {
    const { headers, kind, message, retryAfterMs, status } = error;
    return new Problem(status, REFUSAL_CODES[kind], message, { headers, retryAfterMs, cause: error });
  }
  if (error instanceof InvalidInputError)
    return new Problem(400, 'invalid_request', error.message, { cause: error });
  if (error instanceof NoCandidateError)
    return new Problem(400, 'no_candidate', error.message, { cause: error });
  if (error instanceof DeadlineError) return new Problem(504, 'deadline', error.message, { cause: error });
  if (error instanceof CostBudgetError)
    return new Problem(402, 'cost_budget', error.message, { cause: error });
  if (error instanceof ExecutionError) return failureOf(error);
  if (error instanceof PointsmanError)
    return new Problem(502, error.code.toLowerCase(), error.message, { cause: error });
  return new Problem(
    500,
    'internal',
    'The gateway made a mistake. Its operator finds it in the log of errors.',
    {
      cause: error,
    },
  );
}

/** Everything was tried. What the last upstream said of the request itself is handed on in its own words. */
function failureOf(error: ExecutionError): Problem {
  const { cause } = error;
  // A part of it was handed on: whose fault it was is of no use any more.
  if (error instanceof BrokenStreamError)
    return new Problem(502, 'broken_stream', error.message, { cause: error });
  if (cause instanceof UnavailableError) {
    return new Problem(503, 'unavailable', error.message, { retryAfterMs: 1000, cause: error });
  }
  if (!(cause instanceof UpstreamError))
    return new Problem(502, error.code.toLowerCase(), error.message, { cause: error });
  const { retryAfterMs, said, status } = cause;
  if (status !== null && ABOUT_THE_REQUEST.has(status))
    return new Problem(status, 'upstream_refused', said ?? cause.message, { cause: error });
  if (status === 429)
    return new Problem(429, 'upstream_busy', said ?? cause.message, { retryAfterMs, cause: error });
  return new Problem(502, 'upstream_failed', error.message, { retryAfterMs, cause: error });
}
