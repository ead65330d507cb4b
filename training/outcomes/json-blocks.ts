import { readBytes } from '../ingest/read/files.ts';
import { jsonValueBlocks } from '../ingest/read/json.ts';
import { jsonlBlocks } from '../ingest/read/jsonl.ts';
import type { TextBlock } from './text-block.ts';

const OPEN_OBJECT = 123;
const LINE_FEED = 10;

/** As far as a file is looked at to know its form. */
const LOOK_BYTES = 2 ** 20;

/**
 * Reads JSON in either of its usual forms: an object a line, or one long list (or objects one after the other) with
 * line breaks anywhere. In the second form an object's number from 1 is its line.
 */
export async function* jsonBlocks(
  file: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<TextBlock> {
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
  let lines = 1;
  for (let at = start.indexOf(LINE_FEED); at >= 0; at = start.indexOf(LINE_FEED, at + 1)) lines++;
  return start.length / lines > bytes;
}
