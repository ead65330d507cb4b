import { readBytes } from '../ingest/read/files.ts';

/**
 * Line numbers of rows in a JSONL file, where blank lines are no rows.
 * @param rows numbers of rows, counted from 1.
 * @returns for each of them the number of its line, counted from 1. The file is read as far as the last of them.
 */
export async function physicalLines(file: string, rows: readonly number[]): Promise<Map<number, number>> {
  const wanted = new Set(rows);
  const lines = new Map<number, number>();
  let row = 0;
  let line = 1;
  let blank = true;
  if (wanted.size === 0) return lines;
  for await (const chunk of readBytes(file)) {
    for (const byte of chunk) {
      if (byte === 10) {
        line++;
        blank = true;
      } else if (blank && byte !== 32 && byte !== 9 && byte !== 13) {
        blank = false;
        row++;
        if (wanted.has(row)) lines.set(row, line);
        if (lines.size === wanted.size) return lines;
      }
    }
  }
  return lines;
}
