import { isAscii } from 'node:buffer';
import { readNumber, readQuality, readTimestamp } from '../../outcomes/column-values.ts';
import { REASONS } from '../../outcomes/outcome.ts';
import type { TextBlock } from '../read/files.ts';
import {
  type CallEntry,
  LOG_REASONS,
  type LogDocument,
  type LogEntry,
  type LogReader,
  type PromptEntry,
  promptProblem,
} from '../record/format.ts';
import { readConversation } from '../record/messages.ts';
import {
  listOf,
  NestedTooDeepError,
  numberOf,
  pickFields,
  readRating,
  refuseDeepNesting,
  valueAt,
} from '../record/values.ts';
import type { MapTarget } from '../sql/layout.ts';
import { REFUSED_MARK } from '../sql/rows.ts';
import { bedrockLog } from './bedrock.ts';
import { geminiLog } from './gemini.ts';
import { heliconeLog } from './helicone.ts';
import { langfuseLog } from './langfuse.ts';
import { langsmithLog } from './langsmith.ts';
import { litellmLog } from './litellm.ts';
import { llmrouterbenchLog } from './llmrouterbench.ts';
import { mlflowLog } from './mlflow.ts';
import { openaiLog } from './openai.ts';
import { openrouterLog } from './openrouter.ts';
import { otelLog } from './otel.ts';
import { pointsmanLog } from './pointsman.ts';
import { preferencesLog } from './preferences.ts';
import { weaveLog } from './weave.ts';

/** Rows with columns under any name, which `outcome.ts` tells of: read as a table, not record by record. */
const ROWS_OF_OUR_OWN = {
  signs: [
    ['outcomes', 'requestId'],
    ['requestId', 'candidate'],
    ['candidate', 'quality'],
    ['text', 'candidate'],
  ],
} satisfies Pick<LogReader, 'signs'>;

/**
 * The logs that are read as they are, each with its reader. Where records fit the signs of two, as a line of Vertex AI fits
 * Gemini and pairs of OpenAI, the first one named here is taken.
 */
const FORMATS = {
  pointsman: pointsmanLog,
  table: ROWS_OF_OUR_OWN,
  preferences: preferencesLog,
  bedrock: bedrockLog,
  litellm: litellmLog,
  langsmith: langsmithLog,
  weave: weaveLog,
  mlflow: mlflowLog,
  otel: otelLog,
  langfuse: langfuseLog,
  helicone: heliconeLog,
  gemini: geminiLog,
  openrouter: openrouterLog,
  llmrouterbench: llmrouterbenchLog,
  openai: openaiLog,
} as const;

export type LogFormat = keyof typeof FORMATS;

export const LOG_FORMATS = Object.keys(FORMATS) as readonly LogFormat[];

const { table: _, ...readers } = FORMATS;

/** The reader of each format that is no table. */
export const LOG_READERS: Readonly<Record<Exclude<LogFormat, 'table'>, LogReader>> = readers;

/** The formats that a record may be of, the one that is taken first, each with the fields that say so. */
export function signsOf(
  record: object,
): readonly { readonly format: LogFormat; readonly sign: readonly string[] }[] {
  return LOG_FORMATS.flatMap((format) => {
    const sign = FORMATS[format].signs.find((fields) => fields.every((field) => has(record, field)));
    return sign === undefined ? [] : [{ format, sign }];
  });
}

/** What is nested too deep to be read has no sign. */
function has(record: object, field: string): boolean {
  try {
    return valueAt(record, field) !== undefined;
  } catch (error) {
    if (error instanceof NestedTooDeepError) return false;
    throw error;
  }
}

const ELSEWHERE = 'in the same command, or --append to the table that has them';

/** What to do about a reason that is seldom that of one record alone, in whatever log: a sentence. */
const ADVICE: Readonly<Partial<Record<string, string>>> = {
  [LOG_REASONS.batchInputMissing]: 'Give the input file of the batch in the same command.',
  [LOG_REASONS.redacted]:
    'Have the program that writes the log keep the words; what was redacted cannot be had back.',
  [LOG_REASONS.scoreWithoutCall]: `Give the calls that the scores are of (of Langfuse the observations, of LangSmith the runs) ${ELSEWHERE}.`,
  [LOG_REASONS.outcomeWithoutDecision]: `Give the decisions that the outcomes are of ${ELSEWHERE}.`,
};

/** @returns null where a reason says all there is to say */
export function adviceOn(reason: string): string | null {
  const own = Object.values(LOG_READERS).map(({ advice }) => advice?.[reason]);
  return own.find((advice) => advice !== undefined) ?? ADVICE[reason] ?? null;
}

/** Why a call whose prompt may stand in another record has none, by the `source` of its row; null where nothing special is. */
export function promptNotFound(source: string): string | null {
  return Object.hasOwn(LOG_READERS, source)
    ? (LOG_READERS[source as keyof typeof LOG_READERS].promptNotFound ?? null)
    : null;
}

export interface LogMapping {
  readonly map: Readonly<Partial<Record<MapTarget, string>>>;
  /** Name of the scores that count; undefined where there is to be one name only. */
  readonly score?: string | undefined;
  /** What a failed call is worth: nothing that is good, or null where it says nothing. */
  readonly failureQuality: false | null;
  /** Whether answers are wanted. */
  readonly answers: boolean;
  /** Of the file that is read. */
  readonly path?: string;
}

/** What is joined to rows once all files are read. */
export const SIDE_TABLES = ['outcomes', 'scores', 'prompts', 'openCalls'] as const;
export type SideTable = (typeof SIDE_TABLES)[number];

/** What a block of a log became: documents numbered by their lines, and what is joined to them later. */
interface MappedBlock extends Readonly<Record<SideTable, string[]>> {
  /** Documents with canonical names, or refused marks: `<line>\t<document>`. */
  readonly rows: string[];
  /** Names that any of these documents has. */
  readonly given: ReadonlySet<string>;
  /** Fields of `map` that a record had. */
  readonly mapped: ReadonlySet<MapTarget>;
}

/** Takes the records of one block apart, one by one, each with the number of its line in the file. */
export function mapLogBlock(block: TextBlock, reader: LogReader, mapping: LogMapping): MappedBlock {
  const mapper = new LogMapper(mapping);
  const fields = wantedFields(reader, mapping);
  let line = block.firstLine - 1;
  for (const text of linesOf(block.bytes)) {
    line++;
    if (!text.startsWith('{') && /^[ \t\r]*$/.test(text)) continue;
    if (text.startsWith(REFUSED_MARK)) {
      mapper.rows.push(`${line}\t${text}`);
      continue;
    }
    const document = parseRecord(text, fields);
    if (typeof document === 'string') mapper.refuse(line, document);
    else for (const record of recordsIn(document)) mapper.put(record, readerOf(record, reader), line);
  }
  return mapper;
}

/** Most lines are ASCII, and decoding those is a copy. */
export function* linesOf(bytes: Uint8Array): Generator<string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let start = 0; start <= buffer.length; ) {
    const found = buffer.indexOf(LINE_FEED, start);
    const end = found < 0 ? buffer.length : found;
    const line = buffer.subarray(start, end);
    yield line.toString(isAscii(line) ? 'latin1' : 'utf8');
    start = end + 1;
  }
}
const LINE_FEED = 10;

/** A page of an API holds its records in a list, or the one that was asked for. */
export function recordsIn(document: LogDocument): readonly LogDocument[] {
  const { data } = document;
  if (typeof data !== 'object' || data === null || document.id !== undefined) return [document];
  const isPage = Array.isArray(data)
    ? data.length > 0 && data.every((each) => typeof each === 'object' && each !== null)
    : Object.keys(document).every((name) => ['data', 'error', 'meta'].includes(name));
  return isPage ? ([data].flat() as LogDocument[]) : [document];
}

/** Feedback in our own form may stand in any log. */
function readerOf(record: LogDocument, reader: LogReader): LogReader {
  return record.kind === 'feedback' && record.schemaVersion !== undefined ? LOG_READERS.pointsman : reader;
}
const COMMON_FIELDS = ['data', 'schemaVersion', 'kind', 'id', 'quality', 'candidate', 'at'];

/** @returns the document, or the reason why it is none. */
export function parseRecord(text: string, fields: ReadonlySet<string> | null): LogDocument | string {
  try {
    const value = fields === null ? JSON.parse(text) : pickFields(text, fields);
    refuseDeepNesting(value);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : REASONS.notObject;
  } catch (error) {
    return error instanceof NestedTooDeepError ? LOG_REASONS.tooDeep : REASONS.notJson;
  }
}

function wantedFields(
  { fields, answerFields = [] }: LogReader,
  { map, answers }: LogMapping,
): Set<string> | null {
  if (fields === null) return null;
  const own = Object.values(map).flatMap((path) => [path, path.split('.')[0]]);
  return new Set([...COMMON_FIELDS, ...fields, ...(answers ? answerFields : []), ...own]);
}

class LogMapper implements MappedBlock {
  readonly rows: string[] = [];
  readonly outcomes: string[] = [];
  readonly scores: string[] = [];
  readonly prompts: string[] = [];
  readonly openCalls: string[] = [];
  readonly given = new Set<string>();
  readonly mapped = new Set<MapTarget>();
  readonly #mapping: LogMapping;

  constructor(mapping: LogMapping) {
    this.#mapping = mapping;
  }

  refuse(line: number, reason: string): void {
    this.rows.push(`${line}\t${REFUSED_MARK}${reason}`);
  }

  /** Takes one record; each becomes at least one entry, so that none is lost. */
  put(record: LogDocument, reader: LogReader, line: number): void {
    let entries: LogEntry[] = [];
    const isRead = this.#orRefused(line, () => {
      entries = [...reader.read(record, this.#mapping.path, line)];
    });
    if (isRead && entries.length === 0) this.refuse(line, LOG_REASONS.empty);
    for (const [nth, entry] of entries.entries())
      this.#orRefused(line, () => this.#putEntry(entry, record, line, nth));
  }

  /** A record of a form that nobody foresaw is no reason to lose the others; what throws has put nothing. */
  #orRefused(line: number, put: () => void): boolean {
    try {
      put();
      return true;
    } catch (error) {
      this.refuse(line, error instanceof NestedTooDeepError ? LOG_REASONS.tooDeep : LOG_REASONS.unforeseen);
      return false;
    }
  }

  #putEntry(entry: LogEntry, document: LogDocument, line: number, nth: number): void {
    switch (entry.kind) {
      case 'refused': {
        const { score } = this.#mapping;
        const isOther = entry.name !== undefined && score !== undefined && entry.name !== score;
        this.refuse(line, isOther ? LOG_REASONS.otherScore : entry.reason);
        return;
      }
      case 'outcome':
        this.outcomes.push(jsonLine({ line, ...entry, ...entry.said, saidAt: timeOf(entry.at) }));
        return;
      case 'score': {
        const { map, score } = this.#mapping;
        const isOther = score !== undefined && entry.name !== score;
        if (isOther || (entry.isColumn === true && map.quality !== undefined)) {
          this.refuse(line, LOG_REASONS.otherScore);
          return;
        }
        this.scores.push(jsonLine({ line, ...entry, ...scoreOf(entry.value), saidAt: timeOf(entry.at) }));
        return;
      }
      case 'prompt':
        this.#putPrompt(entry, document, line, nth);
        return;
      case 'call':
        this.#putCall(entry, document, line);
    }
  }

  #putPrompt(entry: PromptEntry, document: LogDocument, line: number, nth: number): void {
    const row = entry.row === null ? null : { ...entry.row, ...this.#ownFields(document) };
    const { at, id, message, traceId } = entry;
    this.prompts.push(
      jsonLine({
        line,
        nth,
        id,
        traceId,
        row: row === null ? null : jsonLine(row),
        message: message === undefined ? null : jsonLine(message),
        answer: this.#answerOf(entry) === null ? null : jsonLine(this.#answerOf(entry)),
        saidAt: timeOf(at),
      }),
    );
  }

  #putCall(entry: CallEntry, document: LogDocument, line: number): void {
    const own = this.#ownFields(entry.record ?? document);
    const isFailed = (entry.row.metadata as LogDocument | undefined)?.failed === true;
    const answer = isFailed ? null : this.#answerOf(entry);
    const row: Record<string, unknown> = { ...withoutImpossible(entry.row), ...answer, ...own };
    row.quality = qualityOf(row.quality);
    if (row.quality == null && isFailed) row.quality = this.#mapping.failureQuality;
    if (entry.promptMayBeApart === true && row.text == null && row.messages == null) {
      const { traceId = null } = (row.metadata ?? {}) as LogDocument;
      const id = row.requestId;
      this.openCalls.push(jsonLine({ line, id, traceId, row: jsonLine(row), own: jsonLine(own) }));
      return;
    }
    const problem = promptProblem(row);
    if (problem !== null) {
      const isMissing = row.text == null && row.messages == null;
      this.refuse(line, (isMissing ? entry.withoutPrompt : null) ?? problem);
      return;
    }
    this.rows.push(`${line}\t${jsonLine(row)}`);
    for (const name of Object.keys(row)) if (row[name] != null) this.given.add(name);
  }

  /** Columns of the answer; null where it is not known, or not wanted. */
  #answerOf({ answer = null, finishReason = null }: CallEntry | PromptEntry): object | null {
    return this.#mapping.answers && answer !== null ? { answer, finishReason } : null;
  }

  /** The user's own fields; a prompt among them may have any shape that the prompts of logs have. */
  #ownFields(document: LogDocument): Record<string, unknown> {
    const own: Record<string, unknown> = {};
    for (const [target, path] of Object.entries(this.#mapping.map)) {
      const value = valueAt(document, path);
      if (value === undefined) continue;
      this.mapped.add(target as MapTarget);
      if (value === null) continue;
      if (target !== 'text' && target !== 'messages') own[target] = value;
      else {
        const isPlain = target === 'text' && typeof value === 'string';
        const { text = null, messages = null } = isPlain ? { text: value } : readConversation(value);
        Object.assign(own, { text, messages });
      }
    }
    return own;
  }
}

/** Numbers that say that nothing is known: no call ends before it begins, and no prompt has no tokens. */
function withoutImpossible(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { inputTokens, latencyMs, outputTokens, ...others } = row;
  const isUncounted = inputTokens == null || numberOf(inputTokens) === 0;
  return {
    ...others,
    latencyMs: (numberOf(latencyMs) ?? 0) < 0 ? null : latencyMs,
    inputTokens: isUncounted ? null : inputTokens,
    outputTokens: isUncounted && numberOf(outputTokens) === 0 ? null : outputTokens,
  };
}

/** Of several ratings in one field their mean, or the last where they are words. */
function qualityOf(value: unknown): unknown {
  const ratings = typeof value === 'number' ? null : listOf(value);
  if (ratings === null || ratings.length === 0) return value;
  const numbers = ratings.map(numberOf);
  return numbers.every((number) => number !== null)
    ? numbers.reduce((sum, number) => sum + number, 0) / numbers.length
    : readRating(ratings.at(-1));
}

/** JSON that DuckDB reads: half of a surrogate pair, which it refuses, becomes the sign for what cannot be shown. */
export function jsonLine(value: unknown): string {
  const json = JSON.stringify(value);
  return json.includes('\\ud') ? json.replaceAll(LONE_SURROGATE, '$1\\ufffd') : json;
}

/** As JSON writes it, unless the backslash itself is one that was written. */
const LONE_SURROGATE = /(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;

/** A score as a number, or as the text that it is. */
function scoreOf(given: unknown): { readonly value: number | null; readonly rating: string | null } {
  const number = readNumber(given);
  if (typeof number === 'number') return { value: number, rating: null };
  const value = readQuality(given);
  return {
    value: typeof value === 'number' ? value : null,
    rating: typeof given === 'string' ? given.trim() : JSON.stringify(given ?? null),
  };
}

/** In one form, so that times compare as texts. */
function timeOf(at: string | null): string | null {
  const time = readTimestamp(at);
  return typeof time === 'string' ? time : null;
}
