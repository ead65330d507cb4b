import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { memoryFiles, readArtifact } from 'pointsman/artifact';
import { readArtifactFolder } from 'pointsman/node';
import type { SealedArtifact } from './seal-artifact.ts';
import { pointAtVersion } from './version-pointer.ts';
import { syncFolder, temporaryIn, writeSynced } from './write-at-once.ts';

export interface WrittenArtifact {
  readonly version: string;
  /** `<folder>/<version>`. */
  readonly path: string;
}

export interface WriteOptions {
  /** Whether the router's folder is to point at this version from now on. @default true */
  readonly point?: boolean;
}

/**
 * Writes an artifact to `<folder>/<version>/` and then points `<folder>/current.json` at it. Each appears at
 * once or not at all: a reader sees the old router or the new one, also when the machine stops half-way.
 * The same artifact written again changes nothing. With `point: false` nobody is pointed at it.
 *
 * @param folder of the router, such as `models/support`.
 * @throws ArtifactError, before anything is written, when the artifact would not load.
 */
export async function writeArtifact(
  folder: string,
  sealed: SealedArtifact,
  { point = true }: WriteOptions = {},
): Promise<WrittenArtifact> {
  await readArtifact(memoryFiles(sealed.files));
  const { version } = sealed;
  const path = join(folder, version);
  await mkdir(folder, { recursive: true });
  if (!(await isThere(path, sealed))) await writeFolder(folder, path, sealed.files);
  if (point) await pointAtVersion(folder, version);
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
  const building = temporaryIn(folder);
  const replaced = temporaryIn(folder);
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

function ignoreMissing(cause: NodeJS.ErrnoException): void {
  if (cause.code !== 'ENOENT') throw cause;
}
