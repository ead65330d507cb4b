import { PointsmanError } from './pointsman-error.ts';

export interface UpstreamErrorOptions extends ErrorOptions {
  /** HTTP status; leave out when there was no response. */
  readonly status?: number;
  /** Whether the same request may work when it is sent again. @default by the status; true without one */
  readonly retryable?: boolean;
  /** Milliseconds that the endpoint asks to wait. */
  readonly retryAfterMs?: number;
}

/** An endpoint that refused, failed, or could not be reached. */
export class UpstreamError extends PointsmanError {
  readonly code = 'UPSTREAM';
  /** HTTP status; null when there was no response. */
  readonly status: number | null;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, options);
    this.status = options.status ?? null;
    this.retryable = options.retryable ?? (this.status === null || isRetryableStatus(this.status));
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

/** RFC 9110 and 6585: 408 and 429 ask for it, 409 is a conflict that passes, 5xx is the server's own trouble. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500;
}
