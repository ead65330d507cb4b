import type { CostSource } from 'pointsman/log';
import type { AmountField } from '../../outcomes/outcome-fields.ts';

/** A record of a log, parsed. */
export type LogDocument = Readonly<Record<string, unknown>>;

/** What a record of a log says. Values are judged later, as those of any table are. */
export type LogEntry = CallEntry | PromptEntry | OutcomeEntry | ScoreEntry | RefusedEntry;

/** One answer of one candidate. */
export interface CallEntry {
  readonly kind: 'call';
  /** Fields of the outcomes table, under their own names. */
  readonly row: Readonly<Record<string, unknown>>;
  /** What was answered, for a judge. */
  readonly answer?: string | null;
  /** Where `map` finds the user's own fields. @default the document */
  readonly record?: LogDocument;
  /** Whether the prompt may stand in a `PromptEntry`, of this or another file, when it is not here. @default false */
  readonly promptMayBeApart?: boolean;
  /** One of `LOG_REASONS`: why a prompt that the record lacks is not there. @default no words were found in it */
  readonly withoutPrompt?: string | undefined;
}

/** What was asked, kept apart from the answer: a line of a batch's input, or a log record of a span. */
export interface PromptEntry {
  readonly kind: 'prompt';
  /** The call's `requestId`. */
  readonly id: string;
  /** Where it is known, the call has the same. */
  readonly traceId: string | null;
  /** The whole prompt, and what else only this record knows of the call; null for one message of several. */
  readonly row: Readonly<Record<string, unknown>> | null;
  /** One message of several, in the order of `at`. */
  readonly message?: unknown;
  /** What was answered, where this record has it. */
  readonly answer?: string | null;
  /** ISO 8601. */
  readonly at: string | null;
}

/** How a decision of Pointsman's own log was carried out. */
export interface OutcomeEntry {
  readonly kind: 'outcome';
  /** The decision's `requestId`. */
  readonly id: string;
  readonly candidate: string;
  readonly failed: boolean;
  readonly costUsd: number | null;
  /** Null for logs of earlier versions: then the cost may be what the router expected. */
  readonly costSource: CostSource | null;
  /** Whether the costs of several attempts may be in `costUsd`. */
  readonly several: boolean;
  readonly latencyMs: number | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** Amounts that the record has and that cannot be: null here. */
  readonly refused: readonly AmountField[];
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
  /** Whether it stands in the call's own record, so that a quality which the user maps comes before it. @default false */
  readonly isColumn?: boolean;
}

/** A record that is no row, and why: one of `LOG_REASONS`; of a label, with the label behind it. */
export interface RefusedEntry {
  readonly kind: 'refused';
  readonly reason: string;
  /** Of a score, its name: one that was not asked for is refused for that. */
  readonly name?: string;
}

/** Takes the records of one format apart. */
export interface LogReader {
  /** Fields of a document that are read, at its top level; null for all of it. Others are not parsed. */
  readonly fields: readonly string[] | null;
  /** Fields that are read for the answer's sake alone. */
  readonly answerFields?: readonly string[];
  /** @param path of the file, where names may stand in its folders. */
  read(document: LogDocument, path?: string): Iterable<LogEntry>;
}
