import { PointsmanError } from './pointsman-error.ts';

/** A candidate was not called: its breaker is open, or as many requests are on their way to it as may be. */
export class UnavailableError extends PointsmanError {
  readonly code = 'UNAVAILABLE';
  readonly reason: 'breaker-open' | 'bulkhead-full';

  constructor(candidate: string, reason: 'breaker-open' | 'bulkhead-full') {
    super(
      reason === 'breaker-open'
        ? `\`${candidate}\` failed too often lately and is left alone for a while.`
        : `\`${candidate}\` has as many requests on their way as it may have.`,
    );
    this.reason = reason;
  }
}
