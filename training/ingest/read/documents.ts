import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import {
  DataType,
  type MapRow,
  type RecordBatch,
  RecordBatchReader,
  type StructRow,
  type Vector,
} from 'apache-arrow';
import { InvalidInputError } from 'pointsman';
import { REASONS } from '../../outcomes/outcome.ts';
import { saidBy } from '../../work/run-folder.ts';
import { parquetFile, type ScratchDatabase } from '../../work/scratch-database.ts';
import { REFUSED_MARK } from '../sql/rows.ts';
import { BLOCK_BYTES, readBytes, type SourceFile, type TextBlock, validUtf8 } from './files.ts';
import { jsonBlocks } from './json.ts';

/** An Arrow value as JSON has it: times as ISO text, 64-bit and decimal numbers as digits, structs as objects. */
function plainArrowValue(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  if (DataType.isDictionary(type)) return plainArrowValue(value, type.dictionary);
  if (DataType.isTimestamp(type) || DataType.isDate(type)) {
    const time = new Date(Number(value));
    return Number.isNaN(time.getTime()) ? String(value) : time.toISOString();
  }
  if (DataType.isDecimal(type)) return decimalText(value as Uint32Array, type.scale);
  if (DataType.isStruct(type)) {
    const row = (value as StructRow).toJSON() as Record<string, unknown>;
    return Object.fromEntries(
      type.children.map((child) => [child.name, plainArrowValue(row[child.name], child.type)]),
    );
  }
  if (DataType.isMap(type)) {
    const entry = type.children[0].type.children as { type: DataType }[];
    const row = (value as MapRow).toJSON() as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(row).map(([key, held]) => [key, plainArrowValue(held, entry[1].type)]),
    );
  }
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) {
    return Array.from(value as Vector, (held) => plainArrowValue(held, type.children[0].type));
  }
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return isUtf8(value) ? Buffer.from(value).toString('utf8') : null;
  // JSON has no NaN; text says that something was there, so that the row is judged and not patched.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}

/** @param words little-endian 32-bit words of a two's complement integer. */
function decimalText(words: Uint32Array, scale: number): string {
  let unscaled = 0n;
  for (let i = words.length - 1; i >= 0; i--) unscaled = (unscaled << 32n) | BigInt(words[i]);
  unscaled = BigInt.asIntN(words.length * 32, unscaled);
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`;
}

/** Reads a file of any kind as blocks of JSON documents, a document a line. */
export function readDocuments(
  database: ScratchDatabase,
  source: SourceFile,
  onBytes: (bytes: number) => void,
): AsyncGenerator<TextBlock> {
  if (source.format === 'parquet') return parquetBlocks(database, source, onBytes);
  return { jsonl: jsonBlocks, csv: csvBlocks, arrow: arrowBlocks }[source.format](source.path, onBytes);
}

async function* parquetBlocks(
  database: ScratchDatabase,
  source: SourceFile,
  onBytes: (bytes: number) => void,
): AsyncGenerator<TextBlock> {
  const connection = await database.connect();
  let lines: string[] = [];
  let characters = 0;
  let firstLine = 1;
  try {
    const rows = await connection.stream(
      `SELECT to_json(p)::VARCHAR FROM (SELECT * FROM ${parquetFile(source.path)}) AS p`,
    );
    for await (const chunk of rows.yieldRowsJs()) {
      for (const [document] of chunk) {
        lines.push(String(document));
        characters += String(document).length;
      }
      if (characters < BLOCK_BYTES) continue;
      yield { bytes: Buffer.from(lines.join('\n')), firstLine };
      firstLine += lines.length;
      lines = [];
      characters = 0;
    }
    if (lines.length > 0) yield { bytes: Buffer.from(lines.join('\n')), firstLine };
    onBytes(source.bytes);
  } catch (error) {
    throw new InvalidInputError(
      `${source.path} cannot be read as Parquet: ${saidBy(error)} Write the file again.`,
      { cause: error },
    );
  } finally {
    connection.closeSync();
  }
}

/** Gathers documents into blocks, each of which knows its first line. */
class BlockWriter {
  #lines: string[] = [];
  #characters = 0;
  #firstLine = 1;

  /** The line that the next document will stand on. */
  get nextLine(): number {
    return this.#firstLine + this.#lines.length;
  }

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  get isFull(): boolean {
    return this.#characters >= BLOCK_BYTES;
  }

  add(document: string): void {
    this.#lines.push(document);
    this.#characters += document.length;
  }

  /** The block so far; the next one follows it. */
  take(): TextBlock {
    const block = { bytes: Buffer.from(this.#lines.join('\n')), firstLine: this.#firstLine };
    this.#firstLine = this.nextLine;
    this.#lines = [];
    this.#characters = 0;
    return block;
  }
}

/** Reads an Arrow IPC file or stream as JSON documents, one per row; a row's number is its line. */
export async function* arrowBlocks(
  file: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<TextBlock> {
  const source = await open(file);
  const { size } = await source.stat();
  const blocks = new BlockWriter();
  try {
    // A file handle lets the reader tell a file (random access) from a stream by its first bytes.
    const reader = await RecordBatchReader.from(source);
    for await (const batch of reader as AsyncIterable<RecordBatch>) {
      const columns = batch.schema.fields.map(({ name, type }, i) => ({
        name,
        type,
        vector: batch.getChildAt(i),
      }));
      for (let row = 0; row < batch.numRows; row++) {
        const document: Record<string, unknown> = {};
        for (const { name, type, vector } of columns)
          document[name] = plainArrowValue(vector?.get(row), type);
        blocks.add(JSON.stringify(document));
        if (blocks.isFull) yield blocks.take();
      }
    }
  } catch (error) {
    throw new InvalidInputError(
      `${file} cannot be read as Arrow IPC: ${(error as Error).message}. Write it again uncompressed, or as Parquet.`,
      { cause: error },
    );
  } finally {
    await source.close().catch(() => {});
    onBytes(size);
  }
  if (!blocks.isEmpty) yield blocks.take();
}

const LONGEST_RECORD = 64 * 2 ** 20;

/**
 * Reads a CSV file with a header (delimiter comma, semicolon or tab) as JSON documents, one per record, each on the
 * line where its record begins. Empty fields are left out: in CSV they mean "not given". A quote that is never closed
 * costs its own line, and not those that it would swallow.
 */
export async function* csvBlocks(
  file: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<TextBlock> {
  let keys: readonly string[] | null = null;
  const blocks = new BlockWriter();
  for await (const { line, fields, reason } of csvRecords(readBytes(file, onBytes))) {
    if (keys === null && fields !== null) keys = keysOf(fields.map((field) => utf8(field) ?? field));
    else {
      // Blank lines stand for the lines that a record spans, so that numbers stay those of the file.
      while (blocks.nextLine < line) blocks.add('');
      blocks.add(fields === null ? REFUSED_MARK + reason : documentOf(keys ?? [], fields));
    }
    if (blocks.isFull) yield blocks.take();
  }
  if (!blocks.isEmpty) yield blocks.take();
}

/** Names of the columns, also where no record follows them; none where the file has no header. */
export async function csvHeader(file: string): Promise<string[]> {
  for await (const { fields } of csvRecords(readBytes(file, () => {})))
    if (fields !== null)
      return keysOf(fields.map((field) => utf8(field) ?? field)).map((key) => JSON.parse(key));
  return [];
}

/** Keys of the documents as JSON texts: names of columns, which may repeat in a file and not in an object. */
function keysOf(header: readonly string[]): string[] {
  const counts = new Map<string, number>();
  return header.map((each) => {
    const name = each.trim();
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return JSON.stringify(count === 1 ? name : `${name} (${count})`);
  });
}

function documentOf(keys: readonly string[], fields: readonly string[]): string {
  if (fields.length !== keys.length) return REFUSED_MARK + REASONS.csvColumns;
  const members: string[] = [];
  for (let i = 0; i < keys.length; i++) {
    const field = utf8(fields[i]);
    if (field === null) return REFUSED_MARK + REASONS.notUtf8;
    if (field !== '') members.push(`${keys[i]}:${JSON.stringify(field)}`);
  }
  return `{${members.join(',')}}`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what is not ASCII is looked for.
const BEYOND_ASCII = /[^\x00-\x7f]/;

function utf8(latin1: string): string | null {
  if (!BEYOND_ASCII.test(latin1)) return latin1;
  return validUtf8(Buffer.from(latin1, 'latin1'))?.toString('utf8') ?? null;
}

/** A record, or the reason why there is none on that line. Fields hold a character for each byte. */
interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[] | null;
  readonly reason?: string;
}

async function* csvRecords(chunks: AsyncIterable<Buffer>): AsyncGenerator<CsvRecord> {
  let form: CsvForm | null = null;
  let columns = 0;
  /** What is not read yet, and where in it we are. */
  let text = '';
  let at = 0;
  let more: string[] = [];
  let moreLength = 0;
  const takeMore = (): void => {
    text = text.slice(at) + more.join('');
    at = 0;
    more = [];
    moreLength = 0;
  };
  let line = 1;
  let skipping = false;
  function* read(isLast: boolean): Generator<CsvRecord> {
    const { breaks } = form as CsvForm;
    while (at < text.length) {
      const lineEnd = endOfLine(text, at, breaks);
      if (skipping) {
        at = lineEnd;
        if (text[at - 1] !== breaks) return;
        skipping = false;
        line++;
        continue;
      }
      const found = readRecord(text, at, form as CsvForm, isLast);
      if (found === 'unfinished') {
        if (text.length - at <= LONGEST_RECORD) return;
        // Several lines are too much for one record; a single one is too long itself.
        const isOneLine = text[lineEnd - 1] !== breaks;
        yield { line, fields: null, reason: isOneLine ? REASONS.tooLong : REASONS.brokenCsv };
        skipping = isOneLine;
        if (!isOneLine) line++;
        at = lineEnd;
        continue;
      }
      if (found === 'broken' || swallows(found, columns, form as CsvForm, text.slice(at, found.end))) {
        yield { line, fields: null, reason: REASONS.brokenCsv };
        at = lineEnd;
        line++;
        continue;
      }
      const { fields, end, breaksInside } = found;
      if (fields.length > 1 || fields[0] !== '') {
        if (columns === 0) columns = fields.length;
        yield { line, fields };
      }
      line += 1 + breaksInside;
      at = end;
    }
  }
  for await (const chunk of chunks) {
    more.push(chunk.toString('latin1'));
    moreLength += chunk.length;
    // A record that is not whole is looked at again when it is twice as long, and not with every chunk.
    if (moreLength < text.length - at) continue;
    takeMore();
    if (form === null && !text.includes('\n') && text.length < LOOK_CHARACTERS) continue;
    form ??= formOf(text);
    yield* read(false);
  }
  takeMore();
  form ??= formOf(text);
  yield* read(true);
}

/** Within so much of a file there is a line break, or its lines end in another way. */
const LOOK_CHARACTERS = 2 ** 20;

interface CsvForm {
  readonly delimiter: string;
  /** What ends a line; a carriage return in front of a line feed is no part of the last field. */
  readonly breaks: '\n' | '\r';
}

/** The delimiter that the first line has most of, outside quotes. */
function formOf(start: string): CsvForm {
  const breaks = start.includes('\r') && !start.includes('\n') ? '\r' : '\n';
  const line = start.split(breaks, 1)[0].replace(/"[^"]*"/g, '');
  const counts = [',', ';', '\t'].map((delimiter) => [delimiter, line.split(delimiter).length] as const);
  return { breaks, delimiter: counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0] };
}

/** Behind the end of the line; the end of the text where it has none. */
function endOfLine(text: string, from: number, breaks: string): number {
  const end = text.indexOf(breaks, from);
  return end < 0 ? text.length : end + 1;
}

interface FoundRecord {
  readonly fields: readonly string[];
  /** Behind it. */
  readonly end: number;
  /** Line breaks in its fields. */
  readonly breaksInside: number;
}

/** RFC 4180, but that a quote within a field that does not begin with one is a character like others. */
function readRecord(
  text: string,
  from: number,
  { delimiter, breaks }: CsvForm,
  isLast: boolean,
): FoundRecord | 'unfinished' | 'broken' {
  const fields: string[] = [];
  const [delimiterCode, breakCode] = [delimiter.charCodeAt(0), breaks.charCodeAt(0)];
  let breaksInside = 0;
  for (let at = from; ; ) {
    let end = at;
    if (text[at] === '"') {
      for (end = text.indexOf('"', at + 1); end >= 0 && text[end + 1] === '"'; )
        end = text.indexOf('"', end + 2);
      if (end < 0) return isLast ? 'broken' : 'unfinished';
      const quoted = text.slice(at + 1, end);
      fields.push(quoted.includes('"') ? quoted.replaceAll('""', '"') : quoted);
      if (quoted.includes(breaks)) breaksInside += quoted.split(breaks).length - 1;
      for (end++; text[end] === ' ' || (text[end] === '\r' && breaks === '\n'); ) end++;
      if (end === text.length && !isLast) return 'unfinished';
      if (end < text.length && text[end] !== delimiter && text[end] !== breaks) return 'broken';
    } else {
      for (let code = text.charCodeAt(end); end < text.length; code = text.charCodeAt(++end))
        if (code === delimiterCode || code === breakCode) break;
      if (end === text.length && !isLast) return 'unfinished';
      const field = text.slice(at, end);
      const isEnd = text[end] !== delimiter;
      fields.push(isEnd && field.endsWith('\r') ? field.slice(0, -1) : field);
    }
    if (text[end] !== delimiter) return { fields, end: Math.min(end + 1, text.length), breaksInside };
    at = end + 1;
  }
}

/** Whether a record with a wrong number of columns holds lines that are records themselves, by a quote left open. */
function swallows(
  { fields, breaksInside }: FoundRecord,
  columns: number,
  form: CsvForm,
  record: string,
): boolean {
  if (breaksInside === 0 || columns === 0 || fields.length === columns) return false;
  const [, ...others] = record.split(form.breaks).filter((line) => line.trim() !== '');
  const whole = others.filter((line) => {
    const found = readRecord(line, 0, form, true);
    return typeof found === 'object' && found.fields.length === columns;
  });
  return whole.length > 0 && 2 * whole.length >= others.length;
}
