import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { RouterBusyError } from './router-busy-error.ts';

/** The file that is locked. It stays where it is: what counts is the operating system's lock on it. */
export const LOCK_FILE = '.retrain.lock';

/** Folders locked by this process: the system's locks keep processes apart, not two callers in one. */
const held = new Set<string>();

/**
 * Does `work` while nobody else may retrain the router of a folder.
 *
 * The lock is the operating system's (an exclusive record lock, which DuckDB takes on a database file that it opens to
 * write). It ends with the process, however that ends, so no lock is ever left behind and none has to be guessed stale.
 *
 * @throws RouterBusyError at once, where another holds it.
 */
export async function withRetrainLock<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  await mkdir(folder, { recursive: true });
  const real = await realpath(folder);
  if (held.has(real)) throw new RouterBusyError(folder, process.pid);
  held.add(real);
  try {
    const lock = await open(join(real, LOCK_FILE), folder);
    try {
      return await work();
    } finally {
      lock.closeSync();
    }
  } finally {
    held.delete(real);
  }
}

async function open(file: string, folder: string): Promise<DuckDBInstance> {
  try {
    return await DuckDBInstance.create(file);
  } catch (cause) {
    const { message } = cause as Error;
    if (!/lock|being used by another process/i.test(message)) throw cause;
    const [, pid] = /PID (\d+)/.exec(message) ?? [];
    throw new RouterBusyError(folder, pid === undefined ? null : Number(pid), { cause });
  }
}
