import { isUtf8 } from 'node:buffer';
import { REASONS } from '../../outcomes/outcome.ts';
import { REFUSED_MARK } from '../sql/rows.ts';
import { BLOCK_BYTES, readBytes, type TextBlock, validUtf8 } from './files.ts';

const LINE_FEED = 10;

/** A line that does not end within this is turned down unread, so that a file without line breaks cannot fill memory. */
const LONGEST_LINE_BYTES = 64 * 2 ** 20;

/** Cuts a JSONL file (plain or gzip) into blocks of whole lines. Lines that are not UTF-8 are marked, not lost. */
export async function* jsonlBlocks(
  file: string,
  onBytes: (bytes: number) => void = () => {},
  longestLine = LONGEST_LINE_BYTES,
): AsyncGenerator<TextBlock> {
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
      if (pendingBytes <= longestLine) continue;
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
const LONGEST_KEY = 300;

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
