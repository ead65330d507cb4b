import { PointsmanError } from './pointsman-error.ts';

/** What was tried before an execution ended without an answer. Fuller types are in `pointsman/execution`. */
export interface TriedAttempt {
  readonly candidate: string;
  readonly state: string;
  readonly costUsd: number | null;
}

/** An execution that ended without an answer, or with half of one. */
export abstract class ExecutionError extends PointsmanError {
  /** Everything that was tried, in the order it was started. */
  readonly attempts: readonly TriedAttempt[];

  constructor(message: string, attempts: readonly TriedAttempt[], options?: ErrorOptions) {
    super(message, options);
    this.attempts = attempts;
  }
}
