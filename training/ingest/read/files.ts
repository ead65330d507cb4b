import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, createInflateRaw } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { fetchLog, LIST_FILE } from '../../engine/log-list.ts';
import { IS_BUCKET } from '../../engine/objects.ts';
import { REASONS } from '../../outcomes/outcome.ts';
import { saidBy } from '../../work/run-folder.ts';
import { escapePattern } from '../../work/scratch-database.ts';
import { REFUSED_MARK } from '../sql/rows.ts';

const CHUNK_BYTES = 2 ** 20;
const LINE_FEED = 10;

/**
 * The bytes of a file, unzipped where they are gzip, without a byte order mark. What follows the gzip data and is none
 * becomes a refused line, so that it is counted.
 * @param onBytes told how many bytes of the file on disk were read.
 * @throws InvalidInputError when the file cannot be read or its gzip data is broken.
 */
export async function* readBytes(
  file: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<Buffer> {
  const unreadable = (error: unknown): InvalidInputError =>
    new InvalidInputError(
      `${file} cannot be read: ${(error as Error).message}. Check the file and try again.`,
      { cause: error },
    );
  const isZipped = await isGzip(file).catch((error: unknown) => {
    throw unreadable(error);
  });
  // Not before: what fails while nobody listens to it ends the process.
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  async function* told(): AsyncGenerator<Buffer> {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      onBytes(chunk.length);
      yield chunk;
    }
  }
  try {
    const chunks = isZipped ? unzipped(told()) : told();
    let first = true;
    for await (const chunk of chunks) {
      const marked = first && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf;
      first = false;
      yield marked ? chunk.subarray(3) : chunk;
    }
  } catch (error) {
    throw unreadable(error);
  } finally {
    source.destroy();
  }
}

/** Whether a file begins as gzip does, whatever it is called. */
async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(3), 0, 3, 0);
    return bytesRead === 3 && isMember(buffer);
  } finally {
    await handle.close();
  }
}

/**
 * Reads a gzip file to its end, for readers that would not say that it breaks off.
 * @throws InvalidInputError when its data is broken.
 */
export async function checkGzip(file: string): Promise<void> {
  if (await isGzip(file)) for await (const _ of readBytes(file));
}

const isMember = (start: Uint8Array): boolean => start[0] === 0x1f && start[1] === 0x8b && start[2] === 8;

/**
 * Every member of a gzip file (RFC 1952), with the zeros that some programs put between and behind them left out. Node's
 * own reader ends at the first such zero, and loses the members after it.
 */
async function* unzipped(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = new ByteQueue(source);
  let lastByte = LINE_FEED;
  while (await input.skipZeros()) {
    if (!isMember(await input.peek(3))) {
      yield Buffer.from(`${lastByte === LINE_FEED ? '' : '\n'}${REFUSED_MARK}${REASONS.notGzip}`);
      return;
    }
    await skipHeader(input);
    let [sum, length] = [0, 0];
    for await (const chunk of inflated(input)) {
      sum = crc32(chunk, sum);
      length = (length + chunk.length) % 2 ** 32;
      lastByte = chunk[chunk.length - 1] ?? lastByte;
      yield chunk;
    }
    const trailer = await input.take(8);
    if (trailer.readUInt32LE(0) !== sum || trailer.readUInt32LE(4) !== length)
      throw new Error('its gzip data is broken (the checksum is another)');
  }
}

/** RFC 1952, 2.3: ten bytes, and what their flags say. */
async function skipHeader(input: ByteQueue): Promise<void> {
  const flags = (await input.take(10))[3];
  if (flags & 4) await input.take((await input.take(2)).readUInt16LE());
  for (const text of [8, 16]) if (flags & text) while ((await input.take(1))[0] !== 0);
  if (flags & 2) await input.take(2);
}

/** What deflate data holds; the queue is then behind it. */
async function* inflated(input: ByteQueue): AsyncGenerator<Buffer> {
  const stream = createInflateRaw({ chunkSize: CHUNK_BYTES });
  const ended = new Promise<void>((resolve) => stream.once('end', resolve).once('close', resolve));
  let last: Buffer = Buffer.alloc(0);
  let given = 0;
  const feed = async (): Promise<void> => {
    while (!stream.readableEnded && !stream.destroyed) {
      const chunk = await input.next();
      if (chunk === null) return void stream.end();
      last = chunk;
      given += chunk.length;
      // A stream that ends within a chunk may never say that it has taken it.
      await Promise.race([ended, new Promise((resolve) => stream.write(chunk, resolve))]);
      if (stream.bytesWritten < given) return;
    }
  };
  const fed = feed().catch((error) => stream.destroy(error));
  yield* stream as AsyncIterable<Buffer>;
  await fed;
  input.putBack(last.subarray(last.length - (given - stream.bytesWritten)));
}

/** Chunks of bytes, to be taken in other pieces than they come in. */
class ByteQueue {
  readonly #source: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The rest of what is held, or the next chunk; null at the end. */
  async next(): Promise<Buffer | null> {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    if (held.length > 0) return held;
    const { done, value } = await this.#source.next();
    return done ? null : value;
  }

  putBack(bytes: Buffer): void {
    this.#held = bytes;
  }

  /** Up to so many bytes, without taking them. */
  async peek(bytes: number): Promise<Buffer> {
    while (this.#held.length < bytes) {
      const { done, value } = await this.#source.next();
      if (done) break;
      this.#held = Buffer.concat([this.#held, value]);
    }
    return this.#held.subarray(0, bytes);
  }

  async take(bytes: number): Promise<Buffer> {
    const taken = await this.peek(bytes);
    if (taken.length < bytes) throw new Error('its gzip data breaks off (unexpected end of file)');
    this.#held = this.#held.subarray(bytes);
    return taken;
  }

  /** @returns whether anything is left. */
  async skipZeros(): Promise<boolean> {
    for (;;) {
      const start = this.#held.findIndex((byte) => byte !== 0);
      if (start >= 0) {
        this.#held = this.#held.subarray(start);
        return true;
      }
      this.#held = Buffer.alloc(0);
      if ((await this.peek(1)).length === 0) return false;
    }
  }
}

/**
 * Line numbers of rows in a JSONL file, where blank lines are no rows.
 * @param rows numbers of rows, counted from 1.
 * @returns for each of them the number of its line, counted from 1. The file is read as far as the last of them.
 */
export async function physicalLines(file: string, rows: readonly number[]): Promise<Map<number, number>> {
  const wanted = new Set(rows);
  const lines = new Map<number, number>();
  let row = 0;
  let line = 1;
  let blank = true;
  if (wanted.size === 0) return lines;
  for await (const chunk of readBytes(file)) {
    for (const byte of chunk) {
      if (byte === 10) {
        line++;
        blank = true;
      } else if (blank && byte !== 32 && byte !== 9 && byte !== 13) {
        blank = false;
        row++;
        if (wanted.has(row)) lines.set(row, line);
        if (lines.size === wanted.size) return lines;
      }
    }
  }
  return lines;
}

type SourceFormat = 'jsonl' | 'csv' | 'parquet' | 'arrow';

export interface SourceFile {
  readonly path: string;
  /** What it is called, where that is a copy of it. @default `path` */
  readonly name?: string;
  readonly format: SourceFormat;
  readonly bytes: number;
}

const FORMATS: readonly (readonly [RegExp, SourceFormat])[] = [
  [/\.(jsonl|ndjson|json)(\.gz)?$/i, 'jsonl'],
  [/\.(csv|tsv)(\.gz)?$/i, 'csv'],
  [/\.(parquet|pq)$/i, 'parquet'],
  [/\.(arrow|arrows|feather|ipc)$/i, 'arrow'],
];

/** A pattern that no file fits, in a folder that is there. */
export class NoFilesError extends InvalidInputError {
  override readonly name = 'NoFilesError';
}

/**
 * Finds the files that paths and globs name: in the order given, a glob's own files sorted, each file once. A name that
 * a file has is that file, whatever it holds; only else is it a pattern. A store of logs in a bucket stands for its files.
 * @param folder for copies of what is in a bucket: as long as these are read
 * @throws InvalidInputError when a file is not there or its ending is not known.
 */
export async function findSourceFiles(
  connection: DuckDBConnection,
  names: readonly string[],
  folder: string,
): Promise<SourceFile[]> {
  const found = new Map<string, SourceFile>();
  for (const name of names) {
    if (IS_BUCKET.test(name)) {
      const files = await fetchLog(name, join(folder, createHash('sha256').update(name).digest('hex')));
      for (const file of files) found.set(file.name, { ...file, format: 'parquet' });
      if (files.length === 0) throw noRecord(name);
      continue;
    }
    const kind = await kindOf(name);
    const inLog = kind === 'folder' ? await logPattern(name) : null;
    if (kind === 'folder' && inLog === null) {
      throw new InvalidInputError(
        `"${name}" is a folder. Give its files, as a quoted pattern: '${join(name, '*.jsonl')}'.`,
      );
    }
    const paths = kind === 'file' ? [name] : await expand(connection, inLog ?? name);
    if (paths.length === 0) {
      if (inLog !== null) throw noRecord(name);
      if (IS_PATTERN.test(name) && (await kindOf(folderOf(name))) === 'folder')
        throw new NoFilesError(`There is no file that fits "${name}". Check the pattern, and quote it.`);
      throw new InvalidInputError(`There is no file "${name}". Check the path, or quote the pattern.`);
    }
    for (const path of paths) {
      const format = FORMATS.find(([ending]) => ending.test(path))?.[1];
      if (format === undefined) {
        throw new InvalidInputError(
          `The format of "${path}" is not known from its ending. Rename it to .jsonl, .csv, .tsv (each also .gz), .parquet or .arrow.`,
        );
      }
      found.set(path, { path, format, bytes: (await stat(path)).size });
    }
  }
  return [...found.values()];
}

function noRecord(name: string): NoFilesError {
  return new NoFilesError(`There is no record in "${name}" yet. Compact logs into it first.`);
}

/** The files of a decision log, where a folder is one, or a store that logs are compacted into; null for any other folder. */
async function logPattern(folder: string): Promise<string | null> {
  const names = await readdir(folder);
  if (names.includes(LIST_FILE)) return join(escapePattern(folder), 'day=*', '*.parquet');
  return names.some((each) => /^decisions-.*\.(jsonl|parquet)$/.test(each))
    ? join(escapePattern(folder), 'decisions-*')
    : null;
}

/** Of a pattern, what stands before its first step that has signs. */
function folderOf(pattern: string): string {
  const steps = pattern.split(/(?<=[/\\])/);
  const first = steps.findIndex((step) => IS_PATTERN.test(step));
  return steps.slice(0, Math.max(0, first)).join('') || '.';
}

async function kindOf(path: string): Promise<'file' | 'folder' | null> {
  return stat(path).then(
    (found) => (found.isFile() ? 'file' : found.isDirectory() ? 'folder' : null),
    () => null,
  );
}

/** The files that a pattern names. Folders on its way that are called so are these folders: `app/[id]/*.jsonl`. */
async function expand(connection: DuckDBConnection, pattern: string): Promise<string[]> {
  if (!IS_PATTERN.test(pattern)) return [];
  const steps = pattern.split(/(?<=[/\\])/);
  let escaped = '';
  for (const [i, step] of steps.entries()) {
    const isNamed = IS_PATTERN.test(step) && (await kindOf(steps.slice(0, i + 1).join(''))) === 'folder';
    escaped += isNamed ? escapePattern(step) : step;
  }
  try {
    const reader = await connection.runAndReadAll('SELECT file FROM glob($escaped) ORDER BY file', {
      escaped,
    });
    return reader.getRows().map((row) => String(row[0]));
  } catch (cause) {
    throw new InvalidInputError(
      `The pattern "${pattern}" cannot be looked up: ${saidBy(cause)} Give files of this machine.`,
      { cause },
    );
  }
}
const IS_PATTERN = /[*?[]/;

/** Some lines of a file: JSON documents separated by line breaks, all of it valid UTF-8. Blank lines hold no row. */
export interface TextBlock {
  readonly bytes: Uint8Array;
  /** Number of the first line, counted from 1. */
  readonly firstLine: number;
}

/** Documents of this many bytes go to DuckDB at a time. */
export const BLOCK_BYTES = 2 * 2 ** 20;

const FIRST = 0xed;

/** U+FFFD. */
const REPLACEMENT = [0xef, 0xbf, 0xbd];

/**
 * Bytes as valid UTF-8. Surrogates that some programs write as three bytes each become the character of the pair, halves
 * alone U+FFFD.
 * @returns null when the bytes are no UTF-8 for another reason.
 */
export function validUtf8(bytes: Buffer): Buffer | null {
  if (isUtf8(bytes)) return bytes;
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = bytes.indexOf(FIRST); at >= 0; at = bytes.indexOf(FIRST, Math.max(at + 1, start))) {
    const unit = surrogateAt(bytes, at);
    if (unit === null) continue;
    const low = unit < 0xdc00 ? surrogateAt(bytes, at + 3) : null;
    const isPair = low !== null && low >= 0xdc00;
    parts.push(
      bytes.subarray(start, at),
      isPair ? Buffer.from(String.fromCharCode(unit, low)) : Buffer.from(REPLACEMENT),
    );
    start = at + (isPair ? 6 : 3);
  }
  const mended = Buffer.concat([...parts, bytes.subarray(start)]);
  return parts.length > 0 && isUtf8(mended) ? mended : null;
}

function surrogateAt(bytes: Buffer, at: number): number | null {
  const [first, second, third] = bytes.subarray(at, at + 3);
  const is = first === FIRST && second >= 0xa0 && second < 0xc0 && third >= 0x80 && third < 0xc0;
  return is ? 0xd000 | ((second & 0x3f) << 6) | (third & 0x3f) : null;
}
