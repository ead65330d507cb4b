import type { Sha256 } from '../artifact/sha256.ts';
import type { LogClock } from './log-clock.ts';
import type { LogSink, WriteRecords } from './log-sink.ts';

export interface DecisionLogOptions {
  /** Where records go; a function will do. */
  readonly sink: LogSink | WriteRecords;
  /** What is kept of a request: its text and messages, or nothing but the sha256 of its prompt. @default 'prompt' */
  readonly content?: 'prompt' | 'hash';
  /** Whether the prompt's embedding is kept, to learn from without the prompt. @default false */
  readonly embedding?: boolean;
  /** Records that may wait; more are dropped. @default 10000 */
  readonly capacity?: number;
  /** UTF-16 units of text that may wait, prompts and all, at most two bytes each; more are dropped. @default 33554432 */
  readonly capacityCharacters?: number;
  /** Records written together; as many are written at once. @default 256 */
  readonly batch?: number;
  /** Milliseconds that a record waits for others to be written with. @default 1000 */
  readonly flushMs?: number;
  /** Further attempts at a batch that the sink rejects; then it is given up. @default 3 */
  readonly retries?: number;
  /** Milliseconds before the first of them; doubled for each further one, up to half a minute. @default 200 */
  readonly retryDelayMs?: number;
  /** Milliseconds that `close` waits for the sink. @default 10000 */
  readonly closeMs?: number;
  /** Told of each batch that is given up, with its number of records, and of each record that cannot be kept. @default nobody; `stats` counts them */
  readonly onError?: (error: unknown, records: number) => void;
  /** How prompts are hashed. @default the Web Crypto API */
  readonly sha256?: Sha256;
  /** Ids of decisions: never the same twice, in no process. @default `crypto.randomUUID` */
  readonly newId?: () => string;
  /** @default the platform's time */
  readonly clock?: LogClock;
}

/** Options with every default filled in. */
export type LogSettings = Required<Omit<DecisionLogOptions, 'sink'>> & { readonly sink: LogSink };
