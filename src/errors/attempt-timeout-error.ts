import { PointsmanError } from './pointsman-error.ts';

/** One attempt took too long; others may follow. */
export class AttemptTimeoutError extends PointsmanError {
  readonly code = 'ATTEMPT_TIMEOUT';

  constructor(candidate: string, timeoutMs: number, waitedFor: string) {
    super(`\`${candidate}\` gave no ${waitedFor} within ${timeoutMs} ms.`);
  }
}
