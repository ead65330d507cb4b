import { ExecutionError, type TriedAttempt } from './execution-error.ts';

/** The plan failed, and so did every candidate that could be fallen back on. */
export class ExecutionFailedError extends ExecutionError {
  readonly code = 'EXECUTION_FAILED';

  constructor(attempts: readonly TriedAttempt[], cause: unknown) {
    const last = cause instanceof Error ? cause.message : String(cause);
    super(
      `No candidate gave an answer, after ${attempts.length} ${attempts.length === 1 ? 'attempt' : 'attempts'}. ` +
        `The last one: ${last} See \`attempts\` for the others.`,
      attempts,
      { cause },
    );
  }
}
