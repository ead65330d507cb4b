import { InvalidInputError } from '../errors.ts';
import type { CandidatePrediction, Decision } from '../policy/plan.ts';
import type { Request } from '../request.ts';
import type { LoggedAnswer, LoggedRequest, SaidAnswer } from './kept-content.ts';

/** The version of the records' shape. A reader refuses a newer one. */
export const LOG_SCHEMA_VERSION = 1;

/** One line of a decision log: docs/decision-log.md. A reader passes over kinds that it does not need. */
export type LogRecord = DecisionRecord | OutcomeRecord | FeedbackRecord | DroppedRecord | FileRecord;

interface Versioned {
  readonly schemaVersion: typeof LOG_SCHEMA_VERSION;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** A request was routed. */
export interface DecisionRecord extends Versioned {
  readonly kind: 'decision';
  /** Of this decision; what happens later names it. */
  readonly id: string;
  readonly artifactId: string;
  /** The policies that led here, outermost first. */
  readonly policyPath: readonly string[];
  /** The chosen candidate. */
  readonly candidate: string;
  /** Probability that the policy chose it for this request: exact, and 1 unless it explores. */
  readonly propensity: number;
  /** The same of every candidate, where the policy explores: they sum to 1. One that is not there had none. */
  readonly propensities?: Readonly<Record<string, number>>;
  /** Calibrated probability that the chosen candidate's answer is good, 0 to 1. */
  readonly confidence: number;
  /** Per candidate, the choice head's probability. */
  readonly probabilities: Readonly<Record<string, number>>;
  readonly predictions: readonly LoggedPrediction[];
  /** Those that the policy looked at, and those the caller set. */
  readonly signals: Readonly<Record<string, unknown>>;
  /** sha256 of the prompt (the user's messages joined by a line break, or the text), in 64 hex digits. */
  readonly promptHash: string;
  /** What was asked. Left out when content is not to be kept. */
  readonly request?: LoggedRequest;
  /** The prompt's, by the router's embedder; where the log is told to keep it. */
  readonly embedding?: readonly number[];
  /** Kind of task, where it is known: its signal. */
  readonly task?: string;
  /** The user's tier, where it is known: its signal. */
  readonly tier?: string;
  /** Who asked: HMAC-SHA-256 of it in 64 hex digits, or as it is. Left out where it is not known, or not to be kept. */
  readonly user?: string;
}

export type LoggedPrediction = Pick<
  CandidatePrediction,
  'candidate' | 'successProbability' | 'expectedCostUsd' | 'expectedLatencyMs'
>;

/** How a decision was carried out. */
export interface OutcomeRecord extends Versioned {
  readonly kind: 'outcome';
  /** The decision's. */
  readonly id: string;
  /**
   * Who answered. After a fallback, or further down a cascade, it is not the decided one; then its propensity is
   * not known. The decided one when nobody answered.
   */
  readonly candidate: string;
  /**
   * `left`: nobody waited for the answer any more. `refused`: it was turned away before anybody was asked, as by a budget. Of
   * neither it is known what the answer would have been, and nothing is learned from it.
   */
  readonly status: 'answered' | 'failed' | 'left' | 'refused';
  /** US dollars of the candidate's own answer; null where nothing is known. Never what the router expected. */
  readonly costUsd: number | null;
  /**
   * How the cost is known; left out where it is not. Records from before this field was there may hold what the router
   * expected: docs/decision-log.md.
   */
  readonly costSource?: CostSource;
  /** Milliseconds of the candidate's own answer; null where nothing is known. */
  readonly latencyMs: number | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /**
   * US dollars of every attempt together, where that of each is known, and milliseconds from the call to its end, where
   * more was tried.
   */
  readonly totalCostUsd?: number;
  readonly totalLatencyMs?: number;
  /** The error's code, when there is no answer. */
  readonly error?: string;
  /** What is kept of what was answered. Left out where it is not known, or nothing is to be kept. */
  readonly answer?: LoggedAnswer;
  /** Amounts that cannot be, by their fields, as they were told: `{ costUsd: '-5' }`. The fields are null or left out. */
  readonly refused?: Readonly<Record<string, string>>;
}

/** The provider's own bill, or tokens times prices. */
export type CostSource = 'reported' | 'computed';

/** How good an answer was. Of several for one decision and candidate the last one counts. */
export interface FeedbackRecord extends Versioned {
  readonly kind: 'feedback';
  /** The decision's. */
  readonly id: string;
  /** 0 to 1. Left out where nobody rated, and there is a comment or a right answer alone. */
  readonly quality?: number;
  /** Whose answer it was. @default who answered */
  readonly candidate?: string;
  /** Who says so: 'user', 'verifier', a name of your own. */
  readonly source?: string;
  /** What somebody said of it, in words. */
  readonly comment?: string;
  /** What should have been answered. */
  readonly rightAnswer?: string;
}

/** Records before this one were dropped, since the sink could not take them in time. */
export interface DroppedRecord extends Versioned {
  readonly kind: 'dropped';
  readonly count: number;
}

/** Of the file itself: its first line, and its last when it was closed in peace. */
export interface FileRecord extends Versioned {
  readonly kind: 'file';
  readonly state: 'opened' | 'closed';
  /** Of the first line: nothing is written to the file after this time. */
  readonly closesAt?: string;
}

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

/** The largest amounts that are believed of one decision. What is above is a mistake, and would drown everything else. */
export const LARGEST_AMOUNTS = {
  /** US dollars. */
  costUsd: 1_000,
  /** A week. */
  latencyMs: 604_800_000,
  inputTokens: 100_000_000,
  outputTokens: 100_000_000,
  totalCostUsd: 1_000,
  totalLatencyMs: 604_800_000,
} as const;

/**
 * The longest texts that a record holds beside its prompt, in UTF-16 units. Names that are longer are refused, since two
 * that are cut could become one; what only describes is cut.
 */
export const LONGEST_TEXTS = {
  id: 256,
  candidate: 256,
  source: 256,
  error: 1_000,
  signal: 1_000,
  comment: 10_000,
  rightAnswer: 100_000,
} as const;

const LONGEST_VALUE_SHOWN = 40;

type AmountField = keyof typeof LARGEST_AMOUNTS;

/** Whether a value can be the amount of a field. */
function isAmount(field: AmountField, value: unknown): boolean {
  const isCount = field === 'inputTokens' || field === 'outputTokens';
  if (typeof value !== 'number' || (isCount && !Number.isInteger(value))) return false;
  return value >= 0 && value <= LARGEST_AMOUNTS[field];
}

/** The outcome with the amounts that can be; the others are null or left out, and named in `refused`. */
export function withinLimits(given: OutcomeInput): unknown {
  const outcome: Record<string, unknown> = { status: 'answered', ...given };
  const refused: Record<string, string> = {};
  for (const field of Object.keys(LARGEST_AMOUNTS) as AmountField[]) {
    const value = outcome[field];
    if (isAmount(field, value)) continue;
    if (value != null) refused[field] = shown(value);
    if (field.startsWith('total')) delete outcome[field];
    else outcome[field] = null;
  }
  if (outcome.costUsd === null) delete outcome.costSource;
  else outcome.costSource ??= 'reported';
  if (typeof outcome.error === 'string') outcome.error = outcome.error.slice(0, LONGEST_TEXTS.error);
  return Object.keys(refused).length === 0 ? outcome : { ...outcome, refused };
}

function shown(value: unknown): string {
  return typeof value === 'object' || typeof value === 'function'
    ? typeof value
    : String(value).slice(0, LONGEST_VALUE_SHOWN);
}

/** The value with `change` made to every text and every key in it; the same value where that changes nothing. */
export function mapTexts<T>(value: T, change: (text: string) => string): T {
  // Nearly always nothing does, and looking costs a fraction of copying.
  return isChanged(value, change) ? copyChanged(value, change) : value;
}

function isChanged(value: unknown, change: (text: string) => string): boolean {
  if (typeof value === 'string') return change(value) !== value;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some((part) => isChanged(part, change));
  for (const key of Object.keys(value)) {
    if (change(key) !== key || isChanged((value as Record<string, unknown>)[key], change)) return true;
  }
  return false;
}

function copyChanged<T>(value: T, change: (text: string) => string): T {
  if (typeof value === 'string') return change(value) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((part) => copyChanged(part, change)) as T;
  const entries = Object.entries(value).map(([key, part]) => [change(key), copyChanged(part, change)]);
  // Not by assignment, which would make `__proto__` something else.
  return Object.fromEntries(entries) as T;
}

/** UTF-16 units of every text and key in a value, and some for each number. */
export function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let length = 0;
  if (Array.isArray(value)) for (const part of value) length += lengthOf(part);
  else for (const [key, part] of Object.entries(value)) length += key.length + lengthOf(part);
  return length;
}

/**
 * Takes down decisions and what came of them. Nothing that is told to it waits for the sink, or fails because of it:
 * what there is no room for is dropped, and counted.
 */
export interface DecisionLog {
  /**
   * A request was routed. Never throws.
   *
   * @param request undefined when only its embedding is known.
   * @param embedding the prompt's; copied, if it is to be kept.
   * @returns the decision's id, for what comes later.
   */
  decided(decision: Decision, request: Request | undefined, embedding?: ArrayLike<number>): string;
  /**
   * How the decision was carried out. `execute` tells this by itself. An amount that cannot be (negative, not finite, no
   * number, or above `LARGEST_AMOUNTS`) takes nothing else with it: it is null in the record, and named in its `refused`.
   *
   * @throws InvalidInputError naming the field that is wrong, or longer than `LONGEST_TEXTS`.
   */
  outcome(decisionId: string, outcome: OutcomeInput): void;
  /**
   * How good the answer was, as soon as somebody knows; any number of times, in any process.
   *
   * @throws InvalidInputError naming the field that is wrong, or longer than `LONGEST_TEXTS`.
   */
  feedback(decisionId: string, feedback: FeedbackInput): void;
  /** Resolves when everything told until now is written, or given up. */
  flush(): Promise<void>;
  /** {@link flush}, then closes the sink. What is told afterwards counts as dropped. */
  close(): Promise<void>;
  stats(): LogStats;
}

/** What was seen of an answer. */
export interface OutcomeInput {
  /** Who answered; the decided one when nobody did. */
  readonly candidate: string;
  /** @default 'answered' */
  readonly status?: OutcomeRecord['status'];
  /** US dollars of the candidate's own answer. @default null, not known */
  readonly costUsd?: number | null;
  /** Whether that is the provider's own bill, or was computed from tokens and prices. Never tell what was only expected. @default 'reported' */
  readonly costSource?: CostSource;
  /** Milliseconds of the candidate's own answer. @default null, not known */
  readonly latencyMs?: number | null;
  /** @default null, not known */
  readonly inputTokens?: number | null;
  /** @default null, not known */
  readonly outputTokens?: number | null;
  /** US dollars of every attempt together, where more was tried. @default the candidate's own */
  readonly totalCostUsd?: number;
  /** Milliseconds from the call to its end, where more was tried. @default the candidate's own */
  readonly totalLatencyMs?: number;
  /** The error's code, when nobody answered; a longer text is cut. */
  readonly error?: string;
  /** What was answered, of which the log keeps what its `answers` says. @default not known */
  readonly answer?: SaidAnswer;
}

/** How good somebody found an answer: a rating, a comment or the right answer, one of them at least. */
export interface FeedbackInput {
  /** 0 to 1. */
  readonly quality?: number;
  /** Whose answer it was. @default who answered */
  readonly candidate?: string;
  /** Who says so: 'user', 'verifier', a name of your own. */
  readonly source?: string;
  /** What somebody said of it, in words. */
  readonly comment?: string;
  /** What should have been answered. */
  readonly rightAnswer?: string;
}

/** Records, since the log was made. Those told are written + failed + dropped + pending. */
export interface LogStats {
  readonly written: number;
  /** Given up after the last retry, or when the log was closed, or refused by the sink. */
  readonly failed: number;
  /** Not taken, since there was no room, or it could not be read, or the log was closed. */
  readonly dropped: number;
  /** Waiting, or on their way to the sink. */
  readonly pending: number;
  /** What the sink said last, when it rejected a batch or a record; null when the last batch went well. */
  readonly error: string | null;
}

/** A record and its text. */
export interface RecordLine {
  readonly record: LogRecord;
  readonly line: string;
}

/** Records as text, and an error for each that cannot be: a signal may be anything, also what holds itself. */
export async function recordLines(
  records: readonly LogRecord[],
  toLine: (record: LogRecord) => string | Promise<string>,
): Promise<{ readonly lines: readonly RecordLine[]; readonly refused: readonly Error[] }> {
  const refused: Error[] = [];
  const lines = await inSlices(records, async (record) => {
    try {
      return { record, line: await toLine(record) };
    } catch (cause) {
      refused.push(cannotKeep(record, 'is no JSON', cause));
      return null;
    }
  });
  return { lines: lines.filter((line) => line !== null), refused };
}

const LONGEST_ID_SHOWN = 80;

/** The error of a record that is set aside. */
export function cannotKeep(record: LogRecord, why: string, cause: unknown): InvalidInputError {
  const id = 'id' in record ? ` "${String(record.id).slice(0, LONGEST_ID_SHOWN)}"` : '';
  const said = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
  return new InvalidInputError(
    `The ${record.kind} record${id} ${why}: ${said}. It is not kept; the others of its batch are.`,
    { cause },
  );
}

/** Items that are worked on in a row, at least: about a millisecond. */
const LEAST = 16;

/** Slices of a large batch: with more, a busy process would fall behind. */
const MOST_SLICES = 4;

/**
 * What `work` gives for each item. After every few of them whatever else waits has its turn, so that a large batch does
 * not keep a request waiting.
 */
export async function inSlices<T, R>(items: readonly T[], work: (item: T) => R | Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const size = Math.max(LEAST, Math.ceil(items.length / MOST_SLICES));
  for (let i = 0; i < items.length; i += size) {
    if (i > 0) await new Promise<void>(nextTurn);
    for (const result of await Promise.all(items.slice(i, i + size).map(work))) results.push(result);
  }
  return results;
}

/** Where there is no `setImmediate`, a timer does. */
function nextTurn(resolve: () => void): void {
  const { setImmediate } = globalThis as { setImmediate?: (done: () => void) => void };
  if (setImmediate === undefined) setTimeout(resolve, 0);
  else setImmediate(resolve);
}
