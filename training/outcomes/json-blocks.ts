import { jsonValueBlocks } from './json-value-blocks.ts';
import { jsonlBlocks } from './jsonl-blocks.ts';
import { readBytes } from './read-bytes.ts';
import type { TextBlock } from './text-block.ts';

const OPEN_LIST = 91;
const OPEN_OBJECT = 123;

/**
 * Reads JSON in either of its usual forms: an object a line, or one long list (or objects one after the other) with
 * line breaks anywhere. In the second form an object's number from 1 is its line.
 */
export async function* jsonBlocks(
  file: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<TextBlock> {
  yield* (await isOneValue(file)) ? jsonValueBlocks(file, onBytes) : jsonlBlocks(file, onBytes);
}

/** A list, or an object whose first line is only its beginning. */
async function isOneValue(file: string): Promise<boolean> {
  for await (const chunk of readBytes(file)) {
    const start = chunk.findIndex((byte) => byte > 32);
    if (start < 0) continue;
    if (chunk[start] === OPEN_LIST) return true;
    if (chunk[start] !== OPEN_OBJECT) return false;
    const end = chunk.indexOf(10, start);
    return end >= 0 && /[{[,:]\s*$/.test(chunk.toString('latin1', start, end));
  }
  return false;
}
