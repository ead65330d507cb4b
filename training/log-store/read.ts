import { InvalidInputError } from 'pointsman';
import { type LogRecord, parseLogRecord } from 'pointsman/log';
import { parquetFile } from '../outcomes/sql-text.ts';
import { openScratchDatabase, type ScratchDatabase } from '../work/scratch-database.ts';
import { type LogFile, listLogFiles } from './log-files.ts';
import { logLines } from './log-lines.ts';

export interface ReadLogOptions {
  /** Told of each line that is no record: cut off by a crash, or of a later version. @default nobody */
  readonly onRefused?: (path: string, reason: string) => void;
}

/**
 * Every record of a decision log in a folder, file by file and in order, compacted or not, each once. It may be written
 * to meanwhile.
 *
 * @throws InvalidInputError when there is no such folder, or a Parquet file cannot be read.
 */
export async function* readDecisionLog(
  folder: string,
  { onRefused = () => {} }: ReadLogOptions = {},
): AsyncGenerator<LogRecord> {
  let database: ScratchDatabase | undefined;
  try {
    for (const file of await listLogFiles(folder)) {
      if (file.format === 'parquet') database ??= await openScratchDatabase({ memoryLimitMb: 256 });
      for await (const line of linesOf(file, database, onRefused)) {
        let record: LogRecord;
        try {
          record = parseLogRecord(JSON.parse(line));
        } catch (error) {
          onRefused(file.path, (error as Error).message);
          continue;
        }
        yield record;
      }
    }
  } finally {
    await database?.close();
  }
}

async function* linesOf(
  file: LogFile,
  database: ScratchDatabase | undefined,
  onRefused: (path: string, reason: string) => void,
): AsyncGenerator<string> {
  if (file.format === 'parquet') {
    yield* parquetLines(database as ScratchDatabase, file.path);
    if (file.jsonl !== undefined)
      yield* linesBeyond(file.jsonl, file.path, database as ScratchDatabase, onRefused);
    return;
  }
  try {
    yield* logLines(file.path, (n) =>
      onRefused(file.path, `The last line is cut off after ${n} characters.`),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // Compacted since the folder was looked at; nothing of it was read, since a file is opened before it is removed.
    const path = file.path.replace(/jsonl$/, 'parquet');
    const own = database ?? (await openScratchDatabase({ memoryLimitMb: 256 }));
    try {
      yield* parquetLines(own, path);
    } finally {
      if (own !== database) await own.close();
    }
  }
}

/** Lines of a JSONL that do not begin the Parquet of the same name: what it has grown by since that was made of it. */
async function* linesBeyond(
  jsonl: string,
  parquet: string,
  database: ScratchDatabase,
  onRefused: (path: string, reason: string) => void,
): AsyncGenerator<string> {
  const known = parquetLines(database, parquet);
  let isKnown = true;
  try {
    for await (const line of logLines(jsonl, (n) =>
      onRefused(jsonl, `The last line is cut off after ${n} characters.`),
    )) {
      isKnown &&= (await known.next()).value === line;
      if (!isKnown) yield line;
    }
  } catch (error) {
    // Removed since the folder was looked at: it held no more than the Parquet.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    await known.return(undefined);
  }
}

async function* parquetLines(database: ScratchDatabase, path: string): AsyncGenerator<string> {
  const connection = await database.connect();
  try {
    const rows = await connection.stream(`SELECT record FROM ${parquetFile(path)}`);
    for await (const chunk of rows.yieldRowsJs()) for (const [record] of chunk) yield String(record);
  } catch (cause) {
    throw new InvalidInputError(
      `${path} cannot be read: ${(cause as Error).message.split('\n')[0]} Bring it back from a copy, or remove it.`,
      { cause },
    );
  } finally {
    connection.closeSync();
  }
}
