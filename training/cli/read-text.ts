import { readFile } from 'node:fs/promises';
import { InvalidInputError } from 'pointsman';
import type { CommandIo } from './command-io.ts';

/** Reads a file, or standard input where its name is `-`. @throws InvalidInputError */
export async function readText(file: string, io: CommandIo): Promise<string> {
  if (file === '-') return io.stdin();
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new InvalidInputError(`${file} cannot be read: ${readingProblem(cause)}. Check the path.`, {
      cause,
    });
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead in a circle',
  ENOENT: 'there is no such file',
  ENOTDIR: 'what stands before its last / is a file, and no folder',
  EPERM: 'this user may not read it',
};

/** Why a file cannot be read, without its full stop: the system's codes in words, else the first line of the error. */
export function readingProblem(cause: unknown): string {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return MEANINGS[code] ?? message.split('\n')[0].replace(/[.:]$/, '');
}
