import { ExecutionError, type TriedAttempt } from './execution-error.ts';

/** A stream ended before its answer did. */
export class BrokenStreamError extends ExecutionError {
  readonly code = 'BROKEN_STREAM';
  readonly candidate: string;
  /** UTF-16 units of the answer that had come. */
  readonly receivedCharacters: number;
  /** Whether the caller has been given a part of it already, so that nothing else could be tried. */
  readonly committed: boolean;

  constructor(
    candidate: string,
    receivedCharacters: number,
    committed: boolean,
    attempts: readonly TriedAttempt[],
    options?: ErrorOptions,
  ) {
    super(
      `The stream of \`${candidate}\` broke after ${receivedCharacters} characters, before it was finished. ` +
        (committed ? 'Drop what came and ask again.' : 'Another attempt may work.'),
      attempts,
      options,
    );
    this.candidate = candidate;
    this.receivedCharacters = receivedCharacters;
    this.committed = committed;
  }
}
