import type { LogRecord } from './record.ts';

/** Where records go: a folder, a database, a queue. Called with one batch at a time, in order. */
export interface LogSink {
  /**
   * Resolves when the records are safe. A batch that it rejects comes again, whole, so a record may come twice: take
   * it once. One that never settles stops the log, not the router; give what may hang a time limit of its own.
   *
   * @returns nothing, or an error for each record that can never be kept; then the others are safe.
   */
  write(records: readonly LogRecord[]): Promise<void> | Promise<readonly Error[]>;
  /** After the last `write`. */
  close(): Promise<void>;
}

/** A sink that is only a function. */
export type WriteRecords = (records: readonly LogRecord[]) => void | Promise<void>;
