import { stat } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';

export type SourceFormat = 'jsonl' | 'csv' | 'parquet' | 'arrow';

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

/**
 * Finds the files that paths and globs name: in the order given, a glob's own files sorted, each file once.
 * @throws InvalidInputError when a file is not there or its ending is not known.
 */
export async function findSourceFiles(
  connection: DuckDBConnection,
  names: readonly string[],
): Promise<SourceFile[]> {
  const found = new Map<string, SourceFile>();
  for (const name of names) {
    const paths = (await isFile(name)) ? [name] : await expand(connection, name);
    if (paths.length === 0) {
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

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function expand(connection: DuckDBConnection, pattern: string): Promise<string[]> {
  if (!/[*?[]/.test(pattern)) return [];
  const reader = await connection.runAndReadAll('SELECT file FROM glob($pattern) ORDER BY file', { pattern });
  return reader.getRows().map((row) => String(row[0]));
}
