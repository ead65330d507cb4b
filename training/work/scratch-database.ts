import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { fileError } from './file-error.ts';
import { defaultMemoryMb, scratchError } from './memory-limit.ts';
import { openOwnFolder } from './run-folder.ts';

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
  /** Closes every connection and removes the folder. */
  close(): Promise<void>;
}

const MEBIBYTE = 2 ** 20;

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
    async run(statement) {
      const connection = await instance.connect();
      try {
        await connection.run(statement);
      } finally {
        connection.closeSync();
      }
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
