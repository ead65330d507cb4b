import { isAscii } from 'node:buffer';
import {
  LOG_READERS,
  LOG_REASONS,
  type LogDocument,
  type LogEntry,
  type LogReader,
  pickFields,
  valueAt,
} from '../logs/index.ts';
import type { MapTarget } from './detect-layout.ts';
import { REASONS } from './outcome-fields.ts';
import { readTimestamp } from './outcome-values.ts';
import { REFUSED_MARK } from './row-sql.ts';
import type { ScoreScale } from './score-scale.ts';
import type { TextBlock } from './text-block.ts';

export interface LogMapping {
  readonly map: Readonly<Partial<Record<MapTarget, string>>>;
  readonly scale: ScoreScale;
  /** Name of the scores that count; undefined where there is to be one name only. */
  readonly score?: string | undefined;
  /** What a failed call is worth: null where it says nothing. */
  readonly failureQuality: 0 | null;
  /** Whether answers are wanted, for a judge. */
  readonly answers: boolean;
}

/** What a block of a log became: documents numbered by their lines, and what is joined to them later. */
export interface MappedBlock {
  /** Documents with canonical names, or refused marks: `<line>\t<document>`. */
  readonly rows: string[];
  /** JSON objects with their `line`. */
  readonly outcomes: string[];
  readonly scores: string[];
  readonly answers: string[];
  /** Fields of `map` that a record had. */
  readonly mapped: ReadonlySet<MapTarget>;
}

/** Takes the records of one block apart, one by one, each with the number of its line in the file. */
export function mapLogBlock(block: TextBlock, reader: LogReader, mapping: LogMapping): MappedBlock {
  const made = {
    rows: [],
    outcomes: [],
    scores: [],
    answers: [],
    mapped: new Set<MapTarget>(),
  } as MappedBlock & {
    mapped: Set<MapTarget>;
  };
  const fields = wantedFields(reader, mapping);
  let line = block.firstLine - 1;
  for (const text of linesOf(block.bytes)) {
    line++;
    if (!text.startsWith('{') && /^[ \t\r]*$/.test(text)) continue;
    if (text.startsWith(REFUSED_MARK)) {
      made.rows.push(`${line}\t${text}`);
      continue;
    }
    const document = parsed(text, fields);
    if (typeof document === 'string') made.rows.push(`${line}\t${REFUSED_MARK}${document}`);
    else {
      for (const record of recordsIn(document))
        for (const entry of readerOf(record, reader).read(record)) put(entry, line, record, mapping, made);
    }
  }
  return made;
}

/** Most lines are ASCII, and decoding those is a copy. */
function* linesOf(bytes: Uint8Array): Generator<string> {
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

/** A page of an API holds its records in a list. */
function recordsIn(document: LogDocument): readonly LogDocument[] {
  const { data } = document;
  const isPage = Array.isArray(data) && data.every((each) => typeof each === 'object' && each !== null);
  return isPage && document.id === undefined ? (data as LogDocument[]) : [document];
}

/** Feedback in our own form may stand in any log. */
function readerOf(record: LogDocument, reader: LogReader): LogReader {
  return record.kind === 'feedback' && record.schemaVersion !== undefined ? LOG_READERS.pointsman : reader;
}
const COMMON_FIELDS = ['data', 'schemaVersion', 'kind', 'id', 'quality', 'candidate', 'at'];

/** @returns the document, or the reason why it is none. */
function parsed(text: string, fields: ReadonlySet<string> | null): LogDocument | string {
  try {
    const value = fields === null ? JSON.parse(text) : pickFields(text, fields);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : REASONS.notObject;
  } catch {
    return REASONS.notJson;
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

function put(
  entry: LogEntry,
  line: number,
  document: LogDocument,
  mapping: LogMapping,
  made: MappedBlock & { mapped: Set<MapTarget> },
): void {
  switch (entry.kind) {
    case 'refused':
      made.rows.push(`${line}\t${REFUSED_MARK}${entry.reason}`);
      return;
    case 'outcome':
      made.outcomes.push(JSON.stringify({ line, ...entry, saidAt: timeOf(entry.at) }));
      return;
    case 'score': {
      if (mapping.score !== undefined && entry.name !== mapping.score) {
        made.rows.push(`${line}\t${REFUSED_MARK}${LOG_REASONS.otherScore}`);
        return;
      }
      const value = mapping.scale.read(entry.value);
      if (typeof value === 'number')
        made.scores.push(JSON.stringify({ line, ...entry, value, saidAt: timeOf(entry.at) }));
      else made.rows.push(`${line}\t${REFUSED_MARK}${value}`);
      return;
    }
    case 'call': {
      const row = { ...entry.row };
      for (const [target, path] of Object.entries(mapping.map)) {
        const value = valueAt(entry.record ?? document, path);
        if (value === undefined) continue;
        made.mapped.add(target as MapTarget);
        row[target] = value;
      }
      if (row.quality != null) row.quality = mapping.scale.scaled(row.quality);
      else if ((row.metadata as LogDocument | undefined)?.failed === true)
        row.quality = mapping.failureQuality;
      made.rows.push(`${line}\t${JSON.stringify(row)}`);
      if (mapping.answers && entry.answer != null && row.quality == null)
        made.answers.push(
          JSON.stringify({ line, requestId: row.requestId, candidate: row.candidate, answer: entry.answer }),
        );
    }
  }
}

/** In one form, so that times compare as texts. */
function timeOf(at: string | null): string | null {
  const time = readTimestamp(at);
  return typeof time === 'string' ? time : null;
}
