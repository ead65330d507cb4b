import { ExecutionError, type TriedAttempt } from './execution-error.ts';

/** The time for the whole execution ran out. */
export class DeadlineError extends ExecutionError {
  readonly code = 'DEADLINE';
  readonly deadlineMs: number;

  constructor(deadlineMs: number, attempts: readonly TriedAttempt[]) {
    super(
      `No answer within the deadline of ${deadlineMs} ms. Give more time, or a \`timeoutMs\` short enough to fall back in time.`,
      attempts,
    );
    this.deadlineMs = deadlineMs;
  }
}
