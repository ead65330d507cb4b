/** A record of a log, parsed. */
export type LogDocument = Readonly<Record<string, unknown>>;

/** What a record of a log says. Values are judged later, as those of any table are. */
export type LogEntry = CallEntry | OutcomeEntry | ScoreEntry | RefusedEntry;

/** One answer of one candidate. */
export interface CallEntry {
  readonly kind: 'call';
  /** Fields of the outcomes table, under their own names. */
  readonly row: Readonly<Record<string, unknown>>;
  /** What was answered, for a judge. */
  readonly answer?: string | null;
  /** Where `map` finds the user's own fields. @default the document */
  readonly record?: LogDocument;
}

/** How a decision of Pointsman's own log was carried out. */
export interface OutcomeEntry {
  readonly kind: 'outcome';
  /** The decision's `requestId`. */
  readonly id: string;
  readonly candidate: string;
  readonly failed: boolean;
  readonly costUsd: unknown;
  readonly latencyMs: unknown;
  readonly inputTokens: unknown;
  readonly outputTokens: unknown;
  readonly error: string | null;
  /** ISO 8601. */
  readonly at: string | null;
}

/** How good an answer was, said apart from it. */
export interface ScoreEntry {
  readonly kind: 'score';
  /** Whether `id` is the `requestId` of a call, or the `traceId` or `responseId` in its metadata. */
  readonly of: 'call' | 'trace' | 'response';
  readonly id: string;
  /** Whose answer it was. @default who answered */
  readonly candidate?: string | null;
  readonly name: string;
  /** As the log has it. */
  readonly value: unknown;
  /** ISO 8601. */
  readonly at: string | null;
}

/** A record that is no row, and why: one of `LOG_REASONS`. */
export interface RefusedEntry {
  readonly kind: 'refused';
  readonly reason: string;
}

/** Takes the records of one format apart. */
export interface LogReader {
  /** Fields of a document that are read, at its top level; null for all of it. Others are not parsed. */
  readonly fields: readonly string[] | null;
  /** Fields that are read for the answer's sake alone. */
  readonly answerFields?: readonly string[];
  read(document: LogDocument): Iterable<LogEntry>;
}
