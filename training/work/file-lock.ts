import { randomUUID } from 'node:crypto';
import { link, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import { InvalidInputError, PointsmanError } from 'pointsman';

/** Somebody else holds a lock. */
export class LockHeldError extends Error {
  /** Of the process that holds it; null where it is not known. */
  readonly pid: number | null;

  constructor(file: string, pid: number | null, options?: ErrorOptions) {
    super(`${file} is locked${pid === null ? '' : ` by process ${pid}`}.`, options);
    this.pid = pid;
  }
}

/** Files locked by this process: the system's locks keep processes apart, not two callers in one. */
const held = new Set<string>();

/**
 * Locks a file, which is made where there is none and stays when the lock is given back.
 *
 * The lock is the operating system's (an exclusive record lock, which DuckDB takes on a database file that it opens to
 * write). It ends with the process, however that ends, so no lock is ever left behind and none has to be guessed stale.
 *
 * @param file its real path, so that one file has one name.
 * @returns gives it back.
 * @throws LockHeldError at once, where somebody holds it; InvalidInputError where the file is damaged.
 */
export async function lockFile(file: string): Promise<() => void> {
  if (held.has(file)) throw new LockHeldError(file, process.pid);
  held.add(file);
  try {
    const lock = await open(file);
    return () => {
      lock.closeSync();
      held.delete(file);
    };
  } catch (error) {
    held.delete(file);
    throw error;
  }
}

async function open(file: string): Promise<DuckDBInstance> {
  // Whoever locks nothing does without it.
  const { DuckDBInstance } = await import('@duckdb/node-api');
  if ((await stat(file).catch(() => null)) === null) await makeWhole(file, DuckDBInstance);
  try {
    return await DuckDBInstance.create(file);
  } catch (cause) {
    const { message } = cause as Error;
    if (/set lock on|being used by another process/i.test(message)) {
      const [, pid] = /PID (\d+)/.exec(message) ?? [];
      throw new LockHeldError(file, pid === undefined ? null : Number(pid), { cause });
    }
    if (/permission denied|read-only|no space/i.test(message)) throw cause;
    throw new InvalidInputError(
      `${file} must be a file for a lock, and is damaged. Delete it: nothing is kept in it.`,
      { cause },
    );
  }
}

/** Makes the file under another name first: of one that was half made when its process was killed no lock could be had. */
async function makeWhole(file: string, duckdb: typeof DuckDBInstance): Promise<void> {
  const building = join(dirname(file), `.writing-${randomUUID()}`);
  try {
    (await duckdb.create(building)).closeSync();
    await link(building, file).catch((cause: NodeJS.ErrnoException) => {
      // Somebody else was first; where there are no links, it is made in its place.
      if (!['EEXIST', 'EPERM', 'ENOTSUP', 'ENOSYS'].includes(cause.code ?? '')) throw cause;
    });
  } finally {
    await rm(building, { force: true });
  }
}

/** What the system's codes mean, for whoever does not know them. */
const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EDQUOT: "the user's share of the disk is used up",
  EEXIST: 'a file of that name is in the way',
  EISDIR: 'a folder of that name is in the way',
  EMFILE: 'too many files are open',
  ENOENT: 'it is not there',
  ENOSPC: 'there is no space left on the disk',
  ENOTDIR: 'a file is in the way of the folder',
  EPERM: 'this user may not write there',
  EROFS: 'the disk is there to be read only',
};

const WORDS: readonly (readonly [code: string, words: RegExp])[] = [
  ['ENOSPC', /no space left on device/i],
  ['EACCES', /permission denied/i],
  ['EROFS', /read-only file system/i],
];

/**
 * An error of the file system in words. What is of our own family already, and what is no error of files, stays.
 * @param what what could not be done, without its full stop: "The router cannot be written to models/support"
 * @param next what to do
 */
export function fileError(cause: unknown, what: string, next: string): unknown {
  if (cause instanceof PointsmanError) return cause;
  const { code: given, message } = cause as NodeJS.ErrnoException;
  // DuckDB says it in words alone.
  const code = given ?? WORDS.find(([, words]) => words.test(message))?.[0];
  if (code === undefined || !(code in MEANINGS)) return cause;
  return new InvalidInputError(`${what}: ${MEANINGS[code]} (${code}). ${next}.`, { cause });
}
