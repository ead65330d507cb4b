import { isUtf8 } from 'node:buffer';
import { REASONS } from '../../outcomes/outcome.ts';
import { REFUSED_MARK } from '../sql/rows.ts';
import { BLOCK_BYTES, readBytes, type TextBlock, validUtf8 } from './files.ts';

const [LINE_FEED, SPACE, QUOTE, COMMA, COLON, BACKSLASH] = [10, 32, 34, 44, 58, 92];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

/** A line or an object that does not end within this is turned down unread, so that a file cannot fill memory. */
const LONGEST_BYTES = 64 * 2 ** 20;

type OnBytes = (bytes: number) => void;

/** So deep are brackets told apart; below, they are counted. */
const DEEPEST = 1000;

/**
 * Cuts a list of objects, or objects that follow each other, into blocks of one object a line. Where something is broken
 * (a brace or a quote is missing), the object it is in is turned down, and reading goes on with the next one.
 */
async function* jsonValueBlocks(file: string, onBytes: OnBytes): AsyncGenerator<TextBlock> {
  const cutter = new ObjectCutter();
  let firstLine = 1;
  const block = (): TextBlock => {
    const lines = cutter.take();
    const made = { bytes: Buffer.from(lines.join('\n')), firstLine };
    firstLine += lines.length;
    return made;
  };
  for await (const chunk of readBytes(file, onBytes)) {
    cutter.push(chunk);
    if (cutter.bytes >= BLOCK_BYTES) yield block();
  }
  cutter.end();
  if (cutter.bytes > 0) yield block();
}

/** What is between two objects, in one, or in what is left of a broken one. */
type Place = 'between' | 'object' | 'wreck';

class ObjectCutter {
  bytes = 0;
  #lines: string[] = [];
  #place: Place = 'between';
  /** Of the object: what was kept of it, and all of its length. */
  #parts: Buffer[] = [];
  #length = 0;
  /** What is open in the object, outermost first. */
  readonly #open = new Uint8Array(DEEPEST);
  #depth = 0;
  #inText = false;
  #escaped = false;
  /** The last byte that is no space, in no text. */
  #before = 0;
  /** Something between objects that is none: `null`, a text, the rest of an object without its beginning. */
  #loose: 'none' | 'value' | 'field' = 'none';
  /** How objects begin: the first key of each, as far as known. After a wreck, the next one is known by it. */
  readonly #firstKeys = new Set<string>();
  #carried: Buffer = Buffer.alloc(0);
  #read = 0;
  #readAgain = 0;

  push(bytes: Buffer): void {
    this.#read += bytes.length;
    let chunk = this.#carried.length > 0 ? Buffer.concat([this.#carried, bytes]) : bytes;
    this.#carried = Buffer.alloc(0);
    for (let at = 0; at < chunk.length; ) {
      if (this.#place === 'between') at = this.#passBetween(chunk, at);
      else if (this.#place === 'wreck') at = this.#seekObject(chunk, at);
      else {
        const { end, broken } = this.#passObject(chunk, at);
        if (broken) {
          const again = this.#giveUp(chunk.subarray(at, end));
          const isHere = again.length <= end - at;
          if (!isHere) chunk = Buffer.concat([again, chunk.subarray(end)]);
          at = isHere ? end - again.length : 0;
        } else at = end;
      }
    }
  }

  /** What is left has no end. */
  end(): void {
    if (this.#place === 'object') {
      const again = this.#giveUp(Buffer.alloc(0));
      if (again.length > 0) {
        this.#read -= again.length;
        this.push(again);
        this.end();
        return;
      }
    }
    this.#endLoose();
  }

  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    this.bytes = 0;
    return lines;
  }

  /** @returns where an object begins, or the end of the chunk. */
  #passBetween(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE || byte === LINE_FEED) this.#inText = false;
      } else if (byte === OPEN_OBJECT) {
        this.#endLoose();
        this.#place = 'object';
        this.#depth = 0;
        this.#before = COLON;
        return at;
      } else if (byte === LINE_FEED || byte === OPEN_LIST || byte === CLOSE_LIST) this.#endLoose();
      else if (byte === COMMA) {
        if (this.#loose === 'value') this.#endLoose();
      } else if (byte > SPACE) {
        if (byte === COLON) this.#loose = 'field';
        else if (this.#loose === 'none') this.#loose = 'value';
        this.#inText = byte === QUOTE;
      }
    }
    return chunk.length;
  }

  #endLoose(): void {
    if (this.#loose !== 'none') this.#put(REFUSED_MARK + REASONS.notObject);
    this.#loose = 'none';
    this.#inText = false;
    this.#escaped = false;
  }

  /** @returns behind the object, the end of the chunk, or where the object breaks. */
  #passObject(chunk: Buffer, from: number): { readonly end: number; readonly broken: boolean } {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inText = false;
        else if (byte === LINE_FEED) return { end: at, broken: true };
        else if (byte < SPACE) chunk[at] = SPACE;
        continue;
      }
      if (byte <= SPACE) {
        chunk[at] = SPACE;
        continue;
      }
      const closes = byte === CLOSE_OBJECT || byte === CLOSE_LIST;
      if (this.#before === QUOTE && !closes && byte !== COLON && byte !== COMMA)
        return { end: at, broken: true };
      if (byte === QUOTE) this.#inText = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        if (!this.#mayOpen()) return { end: at, broken: true };
        if (this.#depth < DEEPEST) this.#open[this.#depth] = byte;
        this.#depth++;
      } else if (closes) {
        // Either bracket's byte is two above that of the one that opens.
        const opened = this.#openHere();
        if (opened !== byte - 2 && opened !== 0) return { end: at, broken: true };
        if (--this.#depth === 0) {
          this.#keep(chunk.subarray(from, at + 1));
          this.#putObject();
          return { end: at + 1, broken: false };
        }
      }
      this.#before = byte;
    }
    // The chunk's memory is used again.
    this.#keep(Buffer.from(chunk.subarray(from)));
    return { end: chunk.length, broken: false };
  }

  /** Whether an object or a list may begin here. */
  #mayOpen(): boolean {
    if (this.#before === COLON) return true;
    return this.#openHere() !== OPEN_OBJECT && (this.#before === OPEN_LIST || this.#before === COMMA);
  }

  /** The innermost bracket that is open; 0 where it is too deep to be known. */
  #openHere(): number {
    return this.#depth > DEEPEST ? 0 : this.#open[this.#depth - 1];
  }

  /**
   * Turns down the object that is broken.
   * @param rest of it, up to where it breaks.
   * @returns what must be looked at again, since another object begins in it, or may.
   */
  #giveUp(rest: Buffer): Buffer {
    this.#keep(rest);
    const wreck = Buffer.concat(this.#parts);
    const isWhole = this.#length === wreck.length;
    this.#noteFirstKey(wreck);
    this.#put(REFUSED_MARK + (isWhole ? REASONS.notJson : REASONS.tooLong));
    this.#parts = [];
    this.#length = 0;
    this.#inText = false;
    this.#escaped = false;
    this.#place = 'wreck';
    // What is broken again and again must not be read again and again.
    if (!isWhole || this.#readAgain > this.#read) return Buffer.alloc(0);
    const found = this.#findObject(wreck, 1);
    const open = wreck.indexOf(OPEN_OBJECT, Math.max(1, wreck.length - LONGEST_KEY));
    const again = found >= 0 ? wreck.subarray(found) : open >= 0 ? wreck.subarray(open) : Buffer.alloc(0);
    this.#readAgain += again.length;
    return again;
  }

  /** @returns where an object begins that begins as others do, or the end of the chunk. */
  #seekObject(chunk: Buffer, from: number): number {
    const found = this.#findObject(chunk, from);
    if (found >= 0) {
      this.#place = 'between';
      return found;
    }
    // It may begin here and go on in the next chunk.
    const last = chunk.lastIndexOf(OPEN_OBJECT);
    if (last >= from && chunk.length - last < LONGEST_KEY) this.#carried = Buffer.from(chunk.subarray(last));
    return chunk.length;
  }

  #findObject(bytes: Buffer, from: number): number {
    for (let at = bytes.indexOf(OPEN_OBJECT, from); at >= 0; at = bytes.indexOf(OPEN_OBJECT, at + 1)) {
      const key = firstKey(bytes, at);
      if (key !== null && (this.#firstKeys.size === 0 || this.#firstKeys.has(key))) return at;
    }
    return -1;
  }

  #noteFirstKey(object: Buffer): void {
    const key = this.#firstKeys.size < MOST_KEYS ? firstKey(object, 0) : null;
    if (key !== null) this.#firstKeys.add(key);
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length <= LONGEST_BYTES) this.#parts.push(part);
  }

  #putObject(): void {
    const object = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#noteFirstKey(object);
    if (this.#length > LONGEST_BYTES) this.#put(REFUSED_MARK + REASONS.tooLong);
    else this.#put(validUtf8(object)?.toString('utf8') ?? REFUSED_MARK + REASONS.notUtf8);
    this.#parts = [];
    this.#length = 0;
    this.#place = 'between';
  }

  #put(line: string): void {
    this.#lines.push(line);
    this.bytes += line.length;
  }
}

const LONGEST_KEY = 300;
const MOST_KEYS = 16;
const FIRST_KEY = /^\{\s*"([^"\\]*)"\s*:/;

/** The first key of the object that begins at `at`; null when there is none that is plain and short. */
function firstKey(bytes: Buffer, at: number): string | null {
  return FIRST_KEY.exec(bytes.toString('latin1', at, at + LONGEST_KEY))?.[1] ?? null;
}

/** As far as a file is looked at to know its form. */
const LOOK_BYTES = 2 ** 20;

/**
 * Reads JSON in either of its usual forms: an object a line, or one long list (or objects one after the other) with
 * line breaks anywhere. In the second form an object's number from 1 is its line.
 */
export async function* jsonBlocks(file: string, onBytes: OnBytes = () => {}): AsyncGenerator<TextBlock> {
  yield* (await isJsonLines(file)) ? jsonlBlocks(file, onBytes) : jsonValueBlocks(file, onBytes);
}

/**
 * Whether a file holds an object a line. One of its first two lines must be an object: the first alone may be cut off.
 * What begins neither like an object nor like a list is told line by line.
 */
export async function isJsonLines(file: string): Promise<boolean> {
  const start = (await firstBytes(file)).toString('latin1').trimStart();
  if (start.charCodeAt(0) !== OPEN_OBJECT) return !start.startsWith('[');
  const lines = start.split('\n', 3).filter((line) => line.trim() !== '');
  return lines.slice(0, 2).some(isObject);
}

async function firstBytes(file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of readBytes(file)) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length >= LOOK_BYTES) break;
  }
  return Buffer.concat(chunks);
}

function isObject(line: string): boolean {
  try {
    return line.trimStart().startsWith('{') && typeof JSON.parse(line) === 'object';
  } catch {
    return false;
  }
}

/** Whether the lines that a file begins with are longer than so many bytes on average. */
export async function hasLongLines(file: string, bytes: number): Promise<boolean> {
  const start = await firstBytes(file);
  return start.length / (1 + countLines(start)) > bytes;
}

/** Cuts a JSONL file (plain or gzip) into blocks of whole lines. Lines that are not UTF-8 are marked, not lost. */
async function* jsonlBlocks(file: string, onBytes: OnBytes): AsyncGenerator<TextBlock> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let firstLine = 1;
  let skipping = false;
  const take = (): Buffer => {
    const bytes = pending.length === 1 ? pending[0] : Buffer.concat(pending, pendingBytes);
    pending = [];
    pendingBytes = 0;
    return bytes;
  };
  const keep = (bytes: Buffer): void => {
    if (bytes.length > 0) pending.push(bytes);
    pendingBytes += bytes.length;
  };
  for await (let chunk of readBytes(file, onBytes)) {
    if (skipping) {
      const end = chunk.indexOf(LINE_FEED);
      if (end < 0) continue;
      keep(Buffer.from(`${REFUSED_MARK}${REASONS.tooLong}`));
      chunk = chunk.subarray(end);
      skipping = false;
    }
    const end = chunk.lastIndexOf(LINE_FEED);
    if (end < 0) {
      keep(chunk);
      if (pendingBytes <= LONGEST_BYTES) continue;
      // What is pending may start with whole lines; only the last one is too long.
      const bytes = take();
      const lines = bytes.subarray(0, bytes.lastIndexOf(LINE_FEED) + 1);
      keep(lines);
      skipping = true;
      continue;
    }
    keep(chunk.subarray(0, end + 1));
    const rest = Buffer.from(chunk.subarray(end + 1));
    if (pendingBytes >= BLOCK_BYTES) {
      const bytes = take();
      yield* separated(utf8Lines(bytes), firstLine);
      firstLine += countLines(bytes);
    }
    // Whole lines that wait for more must stay in front of the unfinished one.
    keep(rest);
  }
  if (skipping) keep(Buffer.from(`${REFUSED_MARK}${REASONS.tooLong}`));
  if (pendingBytes > 0) yield* separated(utf8Lines(take()), firstLine);
}

/**
 * Objects that share a line, as two writers at once leave them, are each one on that line. Within a text, a quote has a
 * backslash in front, or ends it and is followed by no key.
 */
function* separated(bytes: Buffer, firstLine: number): Generator<TextBlock> {
  let start = 0;
  let line = firstLine;
  for (let at = bytes.indexOf('}{"'); at >= 0; at = bytes.indexOf('}{"', at + 1)) {
    if (!/^\{"[^"\\]*"\s*:/.test(bytes.toString('latin1', at + 1, at + LONGEST_KEY))) continue;
    const part = bytes.subarray(start, at + 1);
    yield { bytes: part, firstLine: line };
    line += countLines(part);
    start = at + 1;
  }
  yield { bytes: bytes.subarray(start), firstLine: line };
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines++;
  return lines;
}

function utf8Lines(bytes: Buffer): Buffer {
  if (isUtf8(bytes)) return bytes;
  const lines: Buffer[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const found = bytes.indexOf(LINE_FEED, start);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(start, end);
    lines.push(validUtf8(line) ?? Buffer.from(`${REFUSED_MARK}${REASONS.notUtf8}`), Buffer.from('\n'));
    start = end + 1;
  }
  return Buffer.concat(lines.slice(0, -1));
}
