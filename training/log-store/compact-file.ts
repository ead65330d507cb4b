import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DuckDBConnection, DuckDBTimestampValue } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { quoteText } from '../outcomes/sql-text.ts';
import type { LogFile } from './log-files.ts';
import { logLines } from './log-lines.ts';

/** How files begin that are not whole yet. */
export const UNFINISHED_PREFIX = '.compacting-';

export interface CompactedFile {
  readonly records: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly linesCutOff: number;
}

/**
 * Turns one closed JSONL file into Parquet beside it: `record` is the line as it was, and beside it stands what one
 * looks for. The Parquet gets its name when it is whole and on the disk, and only then the JSONL is removed; cut short
 * at any moment, the file is there in one format or in both.
 *
 * @throws InvalidInputError when a line in the middle is no record, or the file grew: it is left as it is.
 */
export async function compactFile(connection: DuckDBConnection, file: LogFile): Promise<CompactedFile> {
  const folder = dirname(file.path);
  const { size } = await stat(file.path);
  const { records, linesCutOff } = await loadLines(connection, file.path);
  let bytesAfter = 0;
  if (records > 0) {
    const unfinished = join(folder, `${UNFINISHED_PREFIX}${randomUUID()}`);
    try {
      await connection.run(
        `COPY (SELECT kind, id, "at", candidate, record FROM lines ORDER BY line) TO ${quoteText(unfinished)}
          (FORMAT parquet, COMPRESSION zstd)`,
      );
      await sync(unfinished);
      if ((await stat(file.path)).size !== size) {
        throw new InvalidInputError(
          `${file.path} grew while it was read. Compact it when nobody writes to it.`,
        );
      }
      bytesAfter = (await stat(unfinished)).size;
      await rename(unfinished, join(folder, `${file.stem}.parquet`));
      await sync(folder);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }
  await rm(file.path, { force: true });
  return { records, bytesBefore: size, bytesAfter, linesCutOff };
}

/** Lines that are whole, into the table `lines`. */
async function loadLines(connection: DuckDBConnection, path: string) {
  await connection.run(
    'CREATE OR REPLACE TABLE lines (line INTEGER, kind VARCHAR, id VARCHAR, "at" TIMESTAMP, candidate VARCHAR, record VARCHAR)',
  );
  const appender = await connection.createAppender('lines');
  let records = 0;
  let linesCutOff = 0;
  const text = (value: unknown) => {
    if (typeof value === 'string') appender.appendVarchar(value);
    else appender.appendNull();
  };
  try {
    for await (const line of logLines(path, () => linesCutOff++)) {
      const record = readRecord(line, path, records + 1);
      appender.appendInteger(records++);
      text(record.kind);
      text(record.id);
      // Microseconds.
      appender.appendTimestamp(new DuckDBTimestampValue(1000n * BigInt(Date.parse(String(record.at)))));
      text(record.candidate);
      appender.appendVarchar(line);
      appender.endRow();
      if (records % FLUSH_ROWS === 0) appender.flushSync();
    }
  } finally {
    appender.closeSync();
  }
  return { records, linesCutOff };
}

const FLUSH_ROWS = 10_000;

function readRecord(line: string, path: string, number: number): Readonly<Record<string, unknown>> {
  try {
    const record = JSON.parse(line);
    if (typeof record?.kind === 'string' && !Number.isNaN(Date.parse(record.at))) return record;
  } catch {
    // Said below.
  }
  throw new InvalidInputError(
    `Line ${number} of ${path} is no log record. The file is left as it is: mend or remove the line, and compact again.`,
  );
}

/** On the disk, and not only in the system's memory. */
async function sync(path: string): Promise<void> {
  const handle = await open(path);
  await handle.sync().finally(() => handle.close());
}
