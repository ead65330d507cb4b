import { randomUUID } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Writes a file whole or not at all, on disk when it returns: under another name, then put in its place.
 *
 * @param options `over`: whether a file that is there is written over. @default true
 * @throws the system's EEXIST where there is a file that is not to be written over, though it came there meanwhile
 */
export async function writeAtOnce(
  path: string,
  bytes: Uint8Array,
  { over = true }: { readonly over?: boolean } = {},
): Promise<void> {
  const folder = dirname(path);
  const building = temporaryIn(folder);
  try {
    await writeSynced(building, bytes);
    await (over ? rename(building, path) : placeBeside(building, path));
    await syncFolder(folder);
  } finally {
    await rm(building, { force: true });
  }
}

/** Gives a file another name, if nobody has it. */
async function placeBeside(building: string, path: string): Promise<void> {
  try {
    await link(building, path);
  } catch (cause) {
    // Some file systems have no links; there whoever writes must have looked before.
    if (!NO_LINKS.has((cause as NodeJS.ErrnoException).code ?? '')) throw cause;
    await rename(building, path);
  }
}

const NO_LINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

/** What half-written files and folders are called; what is left of a crash can be told by it. */
export const WRITING_PREFIX = '.writing-';

export function temporaryIn(folder: string): string {
  return join(folder, `${WRITING_PREFIX}${randomUUID()}`);
}

export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder; there the rename alone must do.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
