import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'libsql';
import AsyncDatabase from 'libsql/promise';
import { InvalidInputError } from 'pointsman';

export type Connection = InstanceType<typeof Database>;

/** The path of a database that keeps nothing. */
export const IN_MEMORY = ':memory:';

export const BUSY_MS = 2_000;

/** Characters after which what was written is moved from the write-ahead log into the database. */
const CHECKPOINT_AFTER = 2_000_000;

export interface SqliteOptions {
  /** What the file is, for messages: "the state of a gateway". */
  readonly what: string;
  /** Made where there is none; ends in setting `user_version`. */
  readonly schema: string;
  readonly schemaVersion: number;
  /** Milliseconds that a write waits for another process. @default 2000 */
  readonly busyMs?: number;
}

/**
 * Makes the file, with its folder, where there is none. Nobody else of this machine may read it; SQLite gives its other files the same rights.
 *
 * @throws InvalidInputError where it cannot be written.
 */
export function makePrivateFile(path: string): void {
  try {
    mkdirSync(dirname(resolve(path)), { recursive: true });
    closeSync(openSync(path, 'a', 0o600));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new InvalidInputError(`${path} cannot be written (${code}). Give the path of a file that can.`, {
      cause,
    });
  }
}

/**
 * Opens a database whose commits are safe from the end of the process, but wait for no disk: who writes to it calls what
 * {@link createCheckpoints} gives.
 *
 * @throws InvalidInputError for a file that is something else, or of a newer gateway.
 */
export function openSqlite(
  path: string,
  { busyMs = BUSY_MS, schema, schemaVersion, what }: SqliteOptions,
): Connection {
  let db: Connection | undefined;
  try {
    db = new Database(path, { timeout: busyMs });
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version > schemaVersion)
      throw new InvalidInputError(
        `${path}, ${what}, is of version ${version}, written by a newer gateway. This one reads up to ${schemaVersion}.`,
      );
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;');
    if (version < schemaVersion) db.exec(schema);
    return db;
  } catch (cause) {
    db?.close();
    if (cause instanceof InvalidInputError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidInputError(`${path} must be ${what}, or not be there yet. Got: ${why}`, { cause });
  }
}

/** Does work within a transaction, all of it or nothing. */
export function createTransactions(db: Connection): <T>(work: () => T) => T {
  const [begin, commit, rollback] = ['BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK'].map((sql) => db.prepare(sql));
  return (work) => {
    begin.run();
    try {
      const done = work();
      commit.run();
      return done;
    } catch (error) {
      if (db.inTransaction) rollback.run();
      throw error;
    }
  };
}

/** Empties the write-ahead log now and then, beside the requests. */
export interface Checkpoints {
  /** @param characters that were just written. */
  wrote(characters: number): void;
  /** Resolves when none is under way. */
  settled(): Promise<void>;
}

/** By a connection of its own, whose work is done on another thread: it waits for the disk. */
export function createCheckpoints(path: string, onError: (error: unknown) => void): Checkpoints {
  let since = 0;
  let running: Promise<void> | null = null;
  const empty = async () => {
    const db = new AsyncDatabase(path, { timeout: BUSY_MS });
    try {
      await db.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } finally {
      db.close();
    }
  };
  return {
    wrote(characters) {
      since += characters;
      if (since <= CHECKPOINT_AFTER || running !== null || path === IN_MEMORY) return;
      since = 0;
      running = empty()
        .catch(onError)
        .finally(() => {
          running = null;
        });
    },
    settled: async () => {
      await running;
    },
  };
}
