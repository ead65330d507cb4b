import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { memoryFiles, readArtifact } from 'pointsman/artifact';
import { CURRENT_FILE, readArtifactFolder } from 'pointsman/node';
import type { SealedArtifact } from './seal-artifact.ts';

export interface WrittenArtifact {
  readonly version: string;
  /** `<folder>/<version>`. */
  readonly path: string;
}

/**
 * Writes an artifact to `<folder>/<version>/` and then points `<folder>/current.json` at it. Each appears at
 * once or not at all: a reader sees the old router or the new one, also when the machine stops half-way.
 * The same artifact written again changes nothing.
 *
 * @param folder of the router, such as `models/support`.
 * @throws ArtifactError, before anything is written, when the artifact would not load.
 */
export async function writeArtifact(folder: string, sealed: SealedArtifact): Promise<WrittenArtifact> {
  await readArtifact(memoryFiles(sealed.files));
  const { version } = sealed;
  const path = join(folder, version);
  await mkdir(folder, { recursive: true });
  if (!(await isThere(path, sealed))) await writeFolder(folder, path, sealed.files);
  const pointer = new TextEncoder().encode(`${JSON.stringify({ version })}\n`);
  await writeAtOnce(folder, join(folder, CURRENT_FILE), pointer);
  return { version, path };
}

/** Whether the folder holds this artifact already, undamaged. */
async function isThere(path: string, sealed: SealedArtifact): Promise<boolean> {
  try {
    const manifest = await readFile(join(path, 'manifest.json'));
    await readArtifactFolder(path);
    return manifest.equals(sealed.files.get('manifest.json')!);
  } catch {
    return false;
  }
}

async function writeFolder(
  folder: string,
  path: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const building = temporary(folder);
  const replaced = temporary(folder);
  try {
    const folders = new Set([building]);
    for (const [name, bytes] of files) {
      const target = join(building, name);
      folders.add(dirname(target));
      await mkdir(dirname(target), { recursive: true });
      await writeSynced(target, bytes);
    }
    for (const made of folders) await syncFolder(made);
    // An older or damaged folder of this version makes way; nobody is pointed at it before `current.json` is.
    await rename(path, replaced).catch(ignoreMissing);
    try {
      await rename(building, path);
    } catch (cause) {
      await rename(replaced, path).catch(ignoreMissing);
      throw cause;
    }
    await syncFolder(folder);
  } finally {
    await rm(building, { recursive: true, force: true });
    await rm(replaced, { recursive: true, force: true });
  }
}

async function writeAtOnce(folder: string, path: string, bytes: Uint8Array): Promise<void> {
  const building = temporary(folder);
  try {
    await writeSynced(building, bytes);
    await rename(building, path);
    await syncFolder(folder);
  } finally {
    await rm(building, { force: true });
  }
}

function temporary(folder: string): string {
  return join(folder, `.writing-${randomUUID()}`);
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder; there the rename alone must do.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function ignoreMissing(cause: NodeJS.ErrnoException): void {
  if (cause.code !== 'ENOENT') throw cause;
}
