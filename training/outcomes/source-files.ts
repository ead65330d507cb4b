import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { escapePattern } from './sql-text.ts';

type SourceFormat = 'jsonl' | 'csv' | 'parquet' | 'arrow';

export interface SourceFile {
  readonly path: string;
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
export class NoFilesError extends InvalidInputError {}

/**
 * Finds the files that paths and globs name: in the order given, a glob's own files sorted, each file once. A name that
 * a file has is that file, whatever it holds; only else is it a pattern.
 * @throws InvalidInputError when a file is not there or its ending is not known.
 */
export async function findSourceFiles(
  connection: DuckDBConnection,
  names: readonly string[],
): Promise<SourceFile[]> {
  const found = new Map<string, SourceFile>();
  for (const name of names) {
    const kind = await kindOf(name);
    if (kind === 'folder') {
      throw new InvalidInputError(
        `"${name}" is a folder. Give its files, as a quoted pattern: '${join(name, '*.jsonl')}'.`,
      );
    }
    const paths = kind === 'file' ? [name] : await expand(connection, name);
    if (paths.length === 0) {
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
      `The pattern "${pattern}" cannot be looked up: ${(cause as Error).message.split('\n')[0]} Give files of this machine.`,
      { cause },
    );
  }
}
const IS_PATTERN = /[*?[]/;
