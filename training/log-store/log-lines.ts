import { createReadStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

/**
 * The lines of a file that are whole, in order. What comes after the last line break was cut off by a crash, or is
 * being written.
 *
 * @param onRest told of that, in UTF-16 units; not when there is nothing.
 */
export async function* logLines(
  path: string,
  onRest: (characters: number) => void = () => {},
): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  // Pieces of a line that goes on: one may be megabytes.
  let pieces: string[] = [];
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    const lines = decoder.write(chunk as Buffer).split('\n');
    for (let i = 0; i < lines.length - 1; i++) {
      pieces.push(lines[i]);
      yield pieces.join('');
      pieces = [];
    }
    pieces.push(lines[lines.length - 1]);
  }
  const rest = pieces.join('') + decoder.end();
  if (rest !== '') onRest(rest.length);
}
