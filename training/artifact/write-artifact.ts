import { mkdir, rename, rm } from 'node:fs/promises';
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
  if (!(await isThere(path, sealed))) await writeFolder(folder, path, sealed);
  if (point) await pointAtVersion(folder, version);
  return { version, path };
}

/** Whether the folder holds this artifact already, undamaged. */
async function isThere(path: string, sealed: SealedArtifact): Promise<boolean> {
  try {
    const { manifest, reports } = await readArtifactFolder(path, { reports: true });
    return manifest.digest === sealed.manifest.digest && reports?.changed.size === 0;
  } catch {
    return false;
  }
}

async function writeFolder(folder: string, path: string, sealed: SealedArtifact): Promise<void> {
  const building = temporaryIn(folder);
  try {
    const folders = new Set([building]);
    for (const [name, bytes] of sealed.files) {
      const target = join(building, name);
      folders.add(dirname(target));
      await mkdir(dirname(target), { recursive: true });
      await writeSynced(target, bytes);
    }
    for (const made of folders) await syncFolder(made);
    await putInPlace(building, path, folder, sealed);
    await syncFolder(folder);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/** Times that a folder of this version, put there by somebody else meanwhile, may get in the way. */
const MOST_TRIES = 20;

/** Several processes may write the same version at once: whoever is first has written it for all. */
async function putInPlace(
  building: string,
  path: string,
  folder: string,
  sealed: SealedArtifact,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await rename(building, path);
    } catch (cause) {
      if (!isInTheWay(cause) || tries === MOST_TRIES) throw cause;
    }
    if (await isThere(path, sealed)) return;
    // A damaged folder of this version, or one with older reports, makes way.
    const replaced = temporaryIn(folder);
    try {
      await rename(path, replaced);
    } catch (cause) {
      // Somebody else took it away.
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    }
    await rm(replaced, { recursive: true, force: true });
  }
}

/** POSIX says that the folder is not empty or exists, Windows that it must not be touched. */
function isInTheWay(cause: unknown): boolean {
  return ['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES', 'ENOTDIR'].includes(
    (cause as NodeJS.ErrnoException).code ?? '',
  );
}
