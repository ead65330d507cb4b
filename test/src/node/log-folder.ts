import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LogRecord, parseLogRecord } from 'pointsman/log';

export interface LogFileText {
  readonly name: string;
  /** Every line that is whole. */
  readonly records: readonly LogRecord[];
  /** What comes after the last line break. */
  readonly rest: string;
}

/** The files of a log as they are, oldest first. A line that ends and is no record is an error. */
export async function readFiles(folder: string): Promise<LogFileText[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).sort();
  return Promise.all(
    names.map(async (name) => {
      const lines = (await readFile(join(folder, name), 'utf8')).split('\n');
      const rest = lines.pop() ?? '';
      return { name, records: lines.map((line) => parseLogRecord(JSON.parse(line))), rest };
    }),
  );
}

/** Ids of the decisions, in the order of the files. */
export function decisionIds(files: readonly LogFileText[]): string[] {
  return files.flatMap(({ records }) => records.flatMap((r) => (r.kind === 'decision' ? [r.id] : [])));
}
