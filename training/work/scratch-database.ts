import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { PointsmanError } from 'pointsman';
import { fileError, openOwnFolder } from './run-folder.ts';

/** How much rows on their way may take. */
export interface ScratchOptions {
  /** Megabytes that DuckDB may hold; beyond it goes to disk. @default a quarter of the machine's or container's memory */
  readonly memoryLimitMb?: number | undefined;
  /** Where a folder for it is made, that nobody else can open and that goes at the end. @default the system's */
  readonly temporaryFolder?: string | undefined;
}

/** A DuckDB in memory whose overflow goes to a folder of its own; folders of killed runs are removed. */
export interface ScratchDatabase {
  readonly threads: number;
  /** Its own, and private. */
  readonly folder: string;
  /** Megabytes. */
  readonly memoryLimitMb: number;
  /**
   * Bytes of rows that may be judged at a time, on all threads together: DuckDB works on 2,048 rows at once, and holds a copy of
   * their texts for most of what it does to them.
   */
  readonly bytesAtOnce: number;
  /** The same for one thread. */
  readonly heavyBytes: number;
  /** Bytes of a row on average, above which DuckDB can neither read whole files nor sort their rows within the memory. */
  readonly longRowBytes: number;
  connect(): Promise<DuckDBConnection>;
  /** Runs a statement on a connection of its own. */
  run(statement: string): Promise<void>;
  /** Says how many bytes are to be read: for a few, to wake other threads takes longer than to do without them. */
  expect(bytes: number): Promise<void>;
  /** Closes every connection and removes the folder. */
  close(): Promise<void>;
}

const MEBIBYTE = 2 ** 20;

/** Up to here statements on one thread take less time and half of the work. */
const FEW_BYTES = 8 * MEBIBYTE;

/** What judging a batch takes, over its bytes: 200 for lists of parts, 60 for texts, as far as seen. */
const COPIES = 250;

/** Reading at one go and sorting hold fewer copies than judging. */
const LONG = 8;
const MOST_AT_ONCE = 32 * MEBIBYTE;

/** Rows that DuckDB works on at a time. */
export const VECTOR_ROWS = 2048;

/** @throws InvalidInputError where the folder cannot be made */
export async function openScratchDatabase(options: ScratchOptions = {}): Promise<ScratchDatabase> {
  const parent = options.temporaryFolder ?? tmpdir();
  const folder = await ownFolder(parent);
  const threads = Math.min(8, availableParallelism());
  const memoryLimitMb = options.memoryLimitMb ?? defaultMemoryMb();
  const bytesAtOnce = (memoryLimitMb * MEBIBYTE) / COPIES;
  const heavyBytes = Math.min(MOST_AT_ONCE, Math.max(MEBIBYTE, bytesAtOnce / threads));
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${memoryLimitMb}MB`,
    temp_directory: folder,
    threads: String(threads),
    // A library of training must not reach for the network.
    autoinstall_known_extensions: 'false',
  });
  const connections: DuckDBConnection[] = [];
  const run = async (statement: string): Promise<void> => {
    const connection = await instance.connect();
    try {
      await connection.run(statement);
    } finally {
      connection.closeSync();
    }
  };
  return {
    threads,
    folder,
    memoryLimitMb,
    bytesAtOnce,
    heavyBytes,
    longRowBytes: (LONG * heavyBytes) / VECTOR_ROWS,
    async connect() {
      const connection = await instance.connect();
      connections.push(connection);
      return connection;
    },
    run,
    async expect(bytes) {
      if (bytes <= FEW_BYTES) await run('SET GLOBAL threads = 1');
    },
    async close() {
      for (const connection of connections) connection.closeSync();
      instance.closeSync();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Does `work` with a database of its own, which goes at the end.
 * @throws MemoryLimitError where it needs more memory than it may have; InvalidInputError where the disk is full
 */
export async function withScratchDatabase<Result>(
  options: ScratchOptions,
  work: (database: ScratchDatabase) => Promise<Result>,
): Promise<Result> {
  const database = await openScratchDatabase(options);
  try {
    return await work(database);
  } catch (cause) {
    throw scratchError(cause, database.memoryLimitMb, database.folder);
  } finally {
    await database.close();
  }
}

async function ownFolder(parent: string): Promise<string> {
  try {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    return await openOwnFolder(parent, 'pointsman');
  } catch (cause) {
    throw fileError(
      cause,
      `No temporary folder can be made in ${parent}`,
      'Name another with --temporary-folder',
    );
  }
}

const MEGABYTE = 1e6;

/** Of the memory that this process may have, DuckDB gets so much. */
const SHARE = 0.25;
const LEAST_MB = 256;

/** What was to be done needs more memory than it may have. */
export class MemoryLimitError extends PointsmanError {
  override readonly name = 'MemoryLimitError';
  readonly code = 'MEMORY_LIMIT';
  /** Megabytes that the rows on their way might have. */
  readonly limitMb: number;

  constructor(limitMb: number, lacking: string | null, options?: ErrorOptions) {
    const more = lacking === null ? '' : ` (${lacking})`;
    super(
      `The rows do not fit into the ${limitMb} MB of memory that they may have${more}. ${adviceOf(limitMb)} What was there stays as it was.`,
      options,
    );
    this.limitMb = limitMb;
  }
}

/** Twice as much where the machine has it to give. */
export function adviceOf(limitMb: number, available = memoryMb()): string {
  const twice = Math.ceil((2 * limitMb) / 1000);
  const had = `Of this machine's memory, ${available} MB can be had.`;
  return 1000 * twice <= 0.8 * available
    ? `${had} Give more with --memory (\`memoryLimitMb\`), such as --memory ${twice}GB, or split the files and add one after the other with --append.`
    : `${had} Split the files and add one after the other with --append, or take a machine with more memory.`;
}

/** Megabytes that this process may have: of the machine, or of the container (cgroup) that it runs in. */
export function memoryMb(total = totalmem(), constrained = process.constrainedMemory?.() ?? 0): number {
  // Where nothing limits it, Node says 0, or more than there is.
  const bytes = constrained > 0 && constrained < total ? constrained : total;
  return Math.floor(bytes / MEGABYTE);
}

/** Megabytes for rows on their way unless told otherwise: a quarter of what can be had. */
export function defaultMemoryMb(available = memoryMb()): number {
  return Math.max(LEAST_MB, Math.floor(SHARE * available));
}

const IS_DISK = /no space left on device|max_temp_directory_size|failed to offload data block/i;
const IS_MEMORY = /out of memory error|bad allocation/i;
const LACKING =
  /(?:could not allocate block|failed to allocate (?:data|block)|failed to pin block) of size ([\d.]+ \w+) \(([\d.]+ \w+)\/[\d.]+ \w+ used\)/;

/**
 * What DuckDB says of memory and of disk, in our words. Any other error stays as it is.
 * @param folder the run's own, where rows go that do not fit into memory
 */
export function scratchError(cause: unknown, limitMb: number, folder: string): unknown {
  const said = saidIn(cause);
  if (IS_DISK.test(said) && (said.includes(folder) || !/no space left/i.test(said))) {
    const full = Object.assign(new Error(said, { cause }), { code: 'ENOSPC' });
    return fileError(
      full,
      `Rows that do not fit into ${limitMb} MB of memory cannot be put into the temporary folder ${dirname(folder)}`,
      'Make room, name a folder of a larger disk with --temporary-folder, or give more memory with --memory; what was there stays as it was',
    );
  }
  if (cause instanceof MemoryLimitError || !IS_MEMORY.test(said)) return cause;
  const [, more, used] = LACKING.exec(said) ?? [];
  return new MemoryLimitError(
    limitMb,
    more === undefined ? null : `${more} more were needed when ${used} were in use`,
    { cause },
  );
}

/** The messages of an error and of what caused it. */
function saidIn(error: unknown): string {
  const messages: string[] = [];
  for (let each = error; each instanceof Error && messages.length < 10; each = each.cause)
    messages.push(each.message);
  return messages.join('\n');
}

/** A SQL string literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A path as a pattern that fits it alone, whatever `*`, `?` and `[` it holds. */
export function escapePattern(path: string): string {
  return path.replace(/[[*?]/g, '[$&]');
}

/** A path as DuckDB's readers take it, which would read what looks like a pattern as one. */
export function quotePath(path: string): string {
  return quoteText(escapePattern(path));
}

/**
 * SQL that reads one Parquet file. Its path is a name, even where it looks like a pattern (`z[1].parquet`), and no
 * folder of it adds a column (`candidate=small/`).
 */
export function parquetFile(path: string, options = ''): string {
  return `read_parquet(${quotePath(path)}, hive_partitioning = false${options})`;
}

/** Whether the raw JSON text in column `raw` is a string. */
export function isText(raw: string): string {
  return `starts_with(${raw}, '"')`;
}

/** The value of a JSON string. Few hold a backslash, and only those need the JSON parser. */
export function unquoted(raw: string): string {
  return `CASE WHEN contains(${raw}, '\\') THEN json_extract_string(${raw}, '$')
    ELSE substring(${raw}, 2, length(${raw}) - 2) END`;
}

/** Columns with their types, as `json_transform` takes them. */
export function jsonStructure(columns: Readonly<Record<string, string>>): string {
  const types = Object.entries(columns).map(([name, type]) => [
    name,
    type.endsWith('[]') ? [type.slice(0, -2)] : type,
  ]);
  return quoteText(JSON.stringify(Object.fromEntries(types)));
}
