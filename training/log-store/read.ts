import { createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import { createGzip } from 'node:zlib';
import { InvalidInputError } from 'pointsman';
import { type LogRecord, parseLogRecord } from 'pointsman/log';
import { fetchLog, LIST_FILE } from '../engine/log-list.ts';
import { IS_BUCKET } from '../engine/objects.ts';
import { saidBy } from '../work/run-folder.ts';
import { openScratchDatabase, parquetFile, type ScratchDatabase } from '../work/scratch-database.ts';

export interface ReadLogOptions {
  /** Told of each line that is no record: cut off by a crash, or of a later version. @default nobody */
  readonly onRefused?: (path: string, reason: string) => void;
}

/**
 * Every record of a decision log in a folder, file by file and in order, compacted or not, each once. It may be written
 * to meanwhile. Of a store of partitions, the same by day; of one in a bucket (`s3://bucket/prefix`), from copies.
 *
 * @throws InvalidInputError when there is no such folder, or a Parquet file cannot be read.
 */
export async function* readDecisionLog(
  folder: string,
  { onRefused = () => {} }: ReadLogOptions = {},
): AsyncGenerator<LogRecord> {
  let database: ScratchDatabase | undefined;
  try {
    if (IS_BUCKET.test(folder)) database = await openScratchDatabase({ memoryLimitMb: 256 });
    const files: LogFile[] =
      database === undefined
        ? await listLogFiles(folder)
        : (await localParts(folder, database.folder)).map((path) => ({ path, stem: '', format: 'parquet' }));
    for (const file of files) {
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

export function unreadableFile(path: string, cause: unknown): InvalidInputError {
  return new InvalidInputError(
    `${path} cannot be read: ${saidBy(cause)} Bring it back from a copy, or remove it.`,
    { cause },
  );
}

export async function readColumn(database: ScratchDatabase, path: string, sql: string): Promise<string[]> {
  const connection = await database.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRows().map(([value]) => String(value));
  } catch (cause) {
    throw unreadableFile(path, cause);
  } finally {
    connection.closeSync();
  }
}

export async function* parquetLines(database: ScratchDatabase, path: string): AsyncGenerator<string> {
  const connection = await database.connect();
  try {
    const rows = await connection.stream(`SELECT record FROM ${parquetFile(path)}`);
    for await (const chunk of rows.yieldRowsJs()) for (const [record] of chunk) yield String(record);
  } catch (cause) {
    throw unreadableFile(path, cause);
  } finally {
    connection.closeSync();
  }
}

/** A file of a decision log. */
export interface LogFile {
  readonly path: string;
  /** Its name without what says the format: the same before and after it is compacted. */
  readonly stem: string;
  readonly format: 'jsonl' | 'parquet';
  /** Of a Parquet, the JSONL of the same name, where that is there too: it holds the same, or more. */
  readonly jsonl?: string;
}

/** How JSONL files begin that are about to be removed, since everything of them is in a Parquet. */
export const CLAIMED_PREFIX = '.claimed-';

const NAME = /^(decisions-(\d{8}T\d{9}Z)-(\d+))\.(jsonl|parquet)$/;

/**
 * The files of a log, oldest first. Where one is there in both formats, compacting it was cut short after the Parquet was
 * whole. Anything else in the folder is passed over. Of a store of partitions, its files.
 *
 * @throws InvalidInputError when there is no such folder.
 */
export async function listLogFiles(folder: string): Promise<LogFile[]> {
  const names = new Set(await namesIn(folder));
  if (names.has(STORE_FILE))
    return (await listParts(folder)).map(({ path }) => ({
      path,
      stem: basename(path, '.parquet'),
      format: 'parquet',
    }));
  const files: (LogFile & { readonly order: string })[] = [];
  for (const name of names) {
    const [, stem, time, number, format] = NAME.exec(name) ?? [];
    if (format !== 'jsonl' && format !== 'parquet') continue;
    const jsonl = `${stem}.jsonl`;
    const isBoth = names.has(jsonl) && names.has(`${stem}.parquet`);
    if (isBoth && format === 'jsonl') continue;
    const order = `${time}-${number.padStart(10, '0')}`;
    files.push({
      path: join(folder, name),
      stem,
      format,
      order,
      ...(isBoth ? { jsonl: join(folder, jsonl) } : {}),
    });
  }
  return files.sort((a, b) => (a.order < b.order ? -1 : 1)).map(({ order: _, ...file }) => file);
}

/** What says that a folder is a store of partitions, which logs are taken into. */
export const STORE_FILE = LIST_FILE;

const DAY = /^day=(\d{4}-\d\d-\d\d)$/;

/** A file of a store of partitions: records of one day. */
export interface Part {
  readonly path: string;
  /** "2026-11-30", in UTC. */
  readonly day: string;
}

/** The files of a store, by day and then by name; none whose records are in a merged one as well. */
export async function listParts(folder: string): Promise<Part[]> {
  const parts: Part[] = [];
  for (const name of (await namesIn(folder)).sort()) {
    const [, day] = DAY.exec(name) ?? [];
    if (day === undefined) continue;
    const own = join(folder, name);
    const names = await readdir(own);
    const merged = (await listMerges(own, names)).flatMap(({ isWhole, parts }) => (isWhole ? parts : []));
    const files = names.filter((file) => /^[^.].*\.parquet$/.test(file) && !merged.includes(file));
    for (const file of files.sort()) parts.push({ path: join(own, file), day });
  }
  return parts;
}

/** Local files of a store of partitions, or copies of them. @param folder for these, where those of before may lie */
export async function localParts(address: string, folder: string): Promise<string[]> {
  const parts = IS_BUCKET.test(address) ? await fetchLog(address, folder) : await listParts(address);
  return parts.map(({ path }) => path);
}

/** Files of a day whose records were written into one. */
export interface Merge {
  /** Name of the file that says so. */
  readonly note: string;
  /** Whether the one is there: until then, they are. */
  readonly isWhole: boolean;
  /** Their names. */
  readonly parts: readonly string[];
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What says, in a day's folder, of which files `<batch>.parquet` was merged. */
export const noteOfMerge = (batch: string): string => `.merged-${batch}.json`;
const MERGE_NOTE = /^\.merged-(.+)\.json$/;

/** @param names of the files in a day's folder */
export async function listMerges(folder: string, names: readonly string[]): Promise<Merge[]> {
  const merges: Merge[] = [];
  for (const note of names) {
    const [, batch] = MERGE_NOTE.exec(note) ?? [];
    if (batch === undefined) continue;
    // One that is gone by now was the last of its merge to go.
    const text = await readFile(join(folder, note), 'utf8').catch(() => null);
    if (text === null) continue;
    const { at, parts } = JSON.parse(text) as Pick<Merge, 'at' | 'parts'>;
    merges.push({ note, isWhole: names.includes(`${batch}.parquet`), parts, at });
  }
  return merges;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause) => {
    throw new InvalidInputError(
      `${folder} cannot be read: ${saidBy(cause)} Give the folder of a decision log.`,
      { cause },
    );
  });
}

/**
 * The lines of a file that are whole, in order. What comes after the last line break was cut off by a crash, or is
 * being written.
 *
 * @param onRest told of that, in UTF-16 units; not when there is nothing.
 */
export async function* logLines(
  path: string,
  onRest: (characters: number) => void = () => {},
): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  // Pieces of a line that goes on: one may be megabytes.
  let pieces: string[] = [];
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    const lines = decoder.write(chunk as Buffer).split('\n');
    for (let i = 0; i < lines.length - 1; i++) {
      pieces.push(lines[i]);
      yield pieces.join('');
      pieces = [];
    }
    pieces.push(lines[lines.length - 1]);
  }
  const rest = pieces.join('') + decoder.end();
  if (rest !== '') onRest(rest.length);
}

/** Enough for the first line of a file and the last one that says that it is closed. */
const LOOK_BYTES = 4096;

/** A file whose first line is not whole is as good as closed after this time without a change. */
const WITHOUT_HEADER_MS = 86_400_000;

/**
 * When a JSONL file of a log is done with: its process says so in its last line, or in its first one until when it
 * would write to it.
 *
 * @returns milliseconds since 1970; -Infinity for a file that was closed in peace.
 */
export async function whenClosed(path: string): Promise<number> {
  const file = await open(path);
  try {
    const { size, mtimeMs } = await file.stat();
    const length = Math.min(size, LOOK_BYTES);
    const first = Buffer.alloc(length);
    await file.read(first, 0, length, 0);
    const last = Buffer.alloc(length);
    await file.read(last, 0, length, size - length);
    const [firstLine, ...more] = first.toString('utf8').split('\n');
    const header = more.length > 0 ? fileRecord(firstLine) : null;
    if (fileRecord(last.toString('utf8').split('\n').at(-2) ?? '')?.state === 'closed') {
      return Number.NEGATIVE_INFINITY;
    }
    const closesAt = typeof header?.closesAt === 'string' ? Date.parse(header.closesAt) : Number.NaN;
    return Number.isNaN(closesAt) ? mtimeMs + WITHOUT_HEADER_MS : closesAt;
  } finally {
    await file.close();
  }
}

function fileRecord(line: string): { readonly state?: unknown; readonly closesAt?: unknown } | null {
  try {
    const record = JSON.parse(line);
    return record?.kind === 'file' ? record : null;
  } catch {
    return null;
  }
}

/** Where a decision log lies in PostgreSQL. */
export interface PostgresLog {
  /** `postgres://user:password@host/database`; `${NAME}` stands for an environment variable. */
  readonly url: string;
  readonly table: string;
}

/** Records that are held in memory at a time. */
const PAGE = 5000;

/** Milliseconds for a page of records, and for a connection. */
const TIMEOUT_MS = 60_000;

/**
 * Writes every record of a decision log in PostgreSQL into a file, one JSON object a line, in the order of their keys. Records that
 * are added meanwhile may be in it or not; the next time they are.
 *
 * @param file that is written, gzipped
 * @returns the path of the file
 * @throws InvalidInputError when the package `pg` is missing, a variable of the address is not set, or the table cannot be read
 */
export async function copyFromPostgres(log: PostgresLog, file: string): Promise<string> {
  const pg = await import('pg').catch((cause) => {
    throw new InvalidInputError('Logs in PostgreSQL need the package pg. Install it: npm install pg.', {
      cause,
    });
  });
  const client = new pg.default.Client({
    connectionString: withVariables(log.url),
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  try {
    await client.connect();
    await pipeline(recordLines(client, log.table), createGzip({ level: 1 }), createWriteStream(file));
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    throw new InvalidInputError(
      `The decision log cannot be read from the table ${log.table} of PostgreSQL: ${code ?? message}. Look at \`logs.postgres\`, ` +
        'and whether the server runs and lets this user read the table.',
      { cause },
    );
  } finally {
    await client.end();
  }
  return file;
}

type Client = Pick<import('pg').Client, 'query'>;

/** Page by page, by the primary key: no page costs more than another, and no transaction stays open. */
async function* recordLines(client: Client, table: string): AsyncGenerator<string> {
  const name = table
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
  let after = '';
  for (;;) {
    const { rows } = await client.query<{ key: string; record: string }>(
      `SELECT key, record::text AS record FROM ${name} WHERE key > $1 ORDER BY key LIMIT ${PAGE}`,
      [after],
    );
    if (rows.length === 0) return;
    yield rows.map(({ record }) => `${record}\n`).join('');
    after = rows[rows.length - 1].key;
  }
}

export function withVariables(url: string): string {
  return url.replace(/\$\{([A-Za-z_]\w*)\}/g, (_, name: string) => {
    const value = process.env[name];
    if (value !== undefined && value !== '') return value;
    throw new InvalidInputError(`\`logs.postgres.url\` needs the environment variable ${name}. Set it.`);
  });
}
