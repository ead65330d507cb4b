import type { Failure } from './failure.ts';

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
