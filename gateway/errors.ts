import { PointsmanError } from 'pointsman';

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
