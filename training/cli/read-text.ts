import { readFile } from 'node:fs/promises';
import { InvalidInputError } from 'pointsman';
import type { CommandIo } from './command-io.ts';

/** Reads a file, or standard input where its name is `-`. @throws InvalidInputError */
export async function readText(file: string, io: CommandIo): Promise<string> {
  if (file === '-') return io.stdin();
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new InvalidInputError(`${file} cannot be read: ${(cause as Error).message}. Check the path.`, {
      cause,
    });
  }
}
