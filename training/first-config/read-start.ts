import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { linesOf, parseRecord, recordsIn } from '../ingest/formats/map-log.ts';
import { readDocuments } from '../outcomes/read-documents.ts';
import type { SourceFile } from '../outcomes/source-files.ts';
import type { ScratchDatabase } from '../work/scratch-database.ts';

/** The beginning of a file. */
export interface FileStart {
  /** The file itself where it is not longer, else a copy of its first records in JSONL. */
  readonly path: string;
  /** Whether the file has no more. */
  readonly isWhole: boolean;
  /** Records that were looked at; what is no record, as a line that was cut off, counts as one. */
  readonly count: number;
  /** The first of them. */
  readonly records: readonly object[];
}

/** What columns hold is told from so many records. */
const KEPT = 2000;

/**
 * Looks at the first records of a file; a page of an API is as many as it holds.
 * @param rows most records
 * @param copy where a longer file's beginning goes
 */
export async function readStart(
  database: ScratchDatabase,
  source: SourceFile,
  rows: number,
  folder: string,
  number: number,
): Promise<FileStart> {
  const copy = join(folder, `start-${number}.jsonl`);
  const out = createWriteStream(copy, { mode: 0o600 });
  const records: object[] = [];
  let count = 0;
  let isWhole = true;
  try {
    read: for await (const { bytes } of readDocuments(database, source, () => {})) {
      for (const line of linesOf(bytes)) {
        if (line.trim() === '') {
          out.write('\n');
          continue;
        }
        const document = parseRecord(line, null);
        const held = typeof document === 'string' ? [] : recordsIn(document);
        const left = rows - count;
        if (left === 0 || held.length > left) {
          for (const record of held.slice(0, left)) out.write(`${JSON.stringify(record)}\n`);
          keep(records, held.slice(0, left));
          count = rows;
          isWhole = false;
          break read;
        }
        if (!out.write(`${line}\n`)) await once(out, 'drain');
        keep(records, held);
        count += Math.max(1, held.length);
      }
    }
  } finally {
    out.end();
    await finished(out);
  }
  return { path: isWhole ? source.path : copy, isWhole, count, records };
}

function keep(records: object[], further: readonly object[]): void {
  for (const record of further) {
    if (records.length >= KEPT) return;
    records.push(record);
  }
}
