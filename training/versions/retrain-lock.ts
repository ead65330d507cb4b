import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { LockHeldError, lockFile } from '../work/file-lock.ts';
import { RouterBusyError } from './router-busy-error.ts';

/** The file that is locked. It stays where it is: what counts is the operating system's lock on it. */
const LOCK_FILE = '.retrain.lock';

/**
 * Does `work` while nobody else may retrain the router of a folder.
 *
 * @throws RouterBusyError at once, where another does.
 */
export async function withRetrainLock<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  await mkdir(folder, { recursive: true });
  const release = await lockFile(join(await realpath(folder), LOCK_FILE)).catch((cause: unknown) => {
    throw cause instanceof LockHeldError ? new RouterBusyError(folder, cause.pid, { cause }) : cause;
  });
  try {
    return await work();
  } finally {
    release();
  }
}
