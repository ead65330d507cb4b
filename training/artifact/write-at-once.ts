import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Writes a file whole or not at all, on disk when it returns: under another name, then renamed. */
export async function writeAtOnce(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path);
  const building = temporaryIn(folder);
  try {
    await writeSynced(building, bytes);
    await rename(building, path);
    await syncFolder(folder);
  } finally {
    await rm(building, { force: true });
  }
}

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
