import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import type { CommandIo } from './command-io.ts';

/**
 * Files of traffic where `-` is standard input: its text lies in a private temporary file until `use` has ended, since a log
 * is read more than once. JSON is told from CSV by its first character.
 *
 * @throws InvalidInputError when nothing came.
 */
export async function withStandardInput<T>(
  files: readonly string[],
  io: CommandIo,
  use: (files: readonly string[]) => Promise<T>,
): Promise<T> {
  if (!files.includes('-')) return use(files);
  const text = await io.stdin();
  if (text.trim() === '')
    throw new InvalidInputError('Standard input is empty. Give rows, or the names of files.');
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-'));
  try {
    const ending = /^\s*[{[]/.test(text) ? 'jsonl' : 'csv';
    const file = join(folder, `standard-input.${ending}`);
    await writeFile(file, text, { mode: 0o600 });
    return await use(files.map((name) => (name === '-' ? file : name)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
