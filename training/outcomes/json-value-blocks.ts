import { isUtf8 } from 'node:buffer';
import { REASONS } from './outcome-fields.ts';
import { readBytes } from './read-bytes.ts';
import { REFUSED_MARK } from './row-sql.ts';
import { BLOCK_BYTES, type TextBlock } from './text-block.ts';

const QUOTE = 34;
const BACKSLASH = 92;
const SPACE = 32;
/** An object that does not end within this is turned down, so that a file cannot fill memory. */
const LONGEST_OBJECT_BYTES = 64 * 2 ** 20;

/** Cuts a list of objects, or objects that follow each other, into blocks of one object a line. */
export async function* jsonValueBlocks(
  file: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<TextBlock> {
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

class ObjectCutter {
  bytes = 0;
  #lines: string[] = [];
  #parts: Buffer[] = [];
  #length = 0;
  #depth = 0;
  #inText = false;
  #escaped = false;

  push(chunk: Buffer): void {
    let start = this.#depth > 0 ? 0 : -1;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inText = false;
      } else if (byte === QUOTE) this.#inText = this.#depth > 0;
      else if (byte === 123 || (byte === 91 && this.#depth > 0)) {
        if (this.#depth++ === 0) start = at;
      } else if ((byte === 125 || byte === 93) && this.#depth > 0) {
        if (--this.#depth > 0) continue;
        this.#keep(chunk.subarray(start, at + 1));
        this.#put();
        start = -1;
      } else if (byte < SPACE && this.#depth > 0) chunk[at] = SPACE;
    }
    if (this.#depth === 0) return;
    // The chunk's memory is used again.
    this.#keep(Buffer.from(chunk.subarray(start)));
  }

  /** What is left has no end. */
  end(): void {
    if (this.#depth > 0) this.#put();
  }

  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    this.bytes = 0;
    return lines;
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length <= LONGEST_OBJECT_BYTES) this.#parts.push(part);
  }

  #put(): void {
    const object = Buffer.concat(this.#parts);
    const line =
      this.#length > LONGEST_OBJECT_BYTES
        ? REFUSED_MARK + REASONS.tooLong
        : isUtf8(object)
          ? object.toString('utf8').replaceAll('\n', ' ')
          : REFUSED_MARK + REASONS.notUtf8;
    this.#lines.push(line);
    this.bytes += line.length;
    this.#parts = [];
    this.#length = 0;
  }
}
