import { access, constants, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { memoryFiles, readArtifact } from 'pointsman/artifact';
import { readArtifactFolder } from 'pointsman/node';
import { fileError } from '../work/file-error.ts';
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
 * @throws ArtifactError, before anything is written, when the artifact would not load; InvalidInputError where the disk is full
 * or may not be written to: then what was in use stays so.
 */
export async function writeArtifact(
  folder: string,
  sealed: SealedArtifact,
  { point = true }: WriteOptions = {},
): Promise<WrittenArtifact> {
  await readArtifact(memoryFiles(sealed.files));
  const { version } = sealed;
  const path = join(folder, version);
  try {
    await mkdir(folder, { recursive: true });
    if (!(await isThere(path, sealed))) await writeFolder(folder, path, sealed);
    if (point) await pointAtVersion(folder, version);
  } catch (cause) {
    const next = 'What is in use stays as it was; make room or set its rights, and try again';
    throw fileError(cause, `Version ${version} cannot be written to ${folder}`, next);
  }
  return { version, path };
}

/**
 * Whether a router can be written to a folder, which need not be there: found out before hours of work, not after. Nothing is
 * made.
 * @throws InvalidInputError that says what is in the way
 */
export async function checkRouterFolder(folder: string): Promise<void> {
  const give = 'Give the folder of a router, such as models/support';
  for (let at = resolve(folder), isNearest = true; ; at = dirname(at)) {
    const found = await stat(at).catch(ignoreMissing);
    if (found !== null && !found.isDirectory())
      throw new InvalidInputError(
        `The router cannot be written to ${folder}, since ${at} is a file. ${give}.`,
      );
    if (found !== null && (await isVersion(at)))
      throw new InvalidInputError(
        `The router cannot be written to ${folder}, since ${at} is one version of a router, which must stay as it is. ` +
          `Give the folder of the router: ${dirname(at)}.`,
      );
    if (found !== null && isNearest) {
      isNearest = false;
      await access(at, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
        throw fileError(cause, `The router cannot be written to ${folder}`, give);
      });
    }
    if (at === dirname(at)) return;
  }
}

/** Other programs have manifests too. */
async function isVersion(folder: string): Promise<boolean> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
    return typeof manifest?.digest === 'string' && manifest.heads !== undefined;
  } catch {
    return false;
  }
}

/** A file in the place of a folder is found when its own turn comes. */
function ignoreMissing(cause: NodeJS.ErrnoException): null {
  if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return null;
  throw fileError(cause, 'The folder of the router cannot be looked at', 'Set its rights, or name another');
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
