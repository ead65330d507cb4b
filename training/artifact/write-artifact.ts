import { randomUUID } from 'node:crypto';
import { access, constants, link, mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { InvalidInputError, memoryFiles, readArtifact } from 'pointsman';
import { CURRENT_FILE, folderFiles, MAX_POINTER_BYTES } from 'pointsman/internal';
import { readArtifactFolder } from 'pointsman/node';
import { z } from 'zod';
import { fileError, LockHeldError, lockFile } from '../work/run-folder.ts';
import type { BuiltArtifact } from './build-artifact.ts';

export interface WrittenArtifact {
  readonly version: string;
  /** `<folder>/<version>`. */
  readonly path: string;
}

interface WriteOptions {
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
  sealed: BuiltArtifact,
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
async function isThere(path: string, sealed: BuiltArtifact): Promise<boolean> {
  try {
    const { manifest, reports } = await readArtifactFolder(path, { reports: true });
    return manifest.digest === sealed.manifest.digest && reports?.changed.size === 0;
  } catch {
    return false;
  }
}

async function writeFolder(folder: string, path: string, sealed: BuiltArtifact): Promise<void> {
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
  sealed: BuiltArtifact,
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

/** What `current.json` of a router says. */
export interface VersionPointer {
  /** In use. */
  readonly version: string;
  /** In use before, the latest first. */
  readonly previous: readonly string[];
  /** Rolled back from: not to be promoted again by a schedule. */
  readonly withdrawn: readonly string[];
}

/** How many versions are remembered. */
const REMEMBERED = 50;

const names = z.array(z.string()).catch([]);
const schema = z.object({
  version: z.string(),
  previous: names.default([]),
  withdrawn: names.default([]),
});

/** @returns null where the folder has no pointer that can be read: `loadRouter` says what is wrong with one that cannot. */
export async function readVersionPointer(folder: string): Promise<VersionPointer | null> {
  try {
    const bytes = await folderFiles(folder).read(CURRENT_FILE, MAX_POINTER_BYTES);
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

/**
 * Points a router's folder at one of its versions, in one step: a reader sees the one before or this one. What was in
 * use before is remembered in the same file.
 *
 * @param check done first, while nobody else can point at another: what it throws leaves all as it was.
 */
export async function pointAtVersion(
  folder: string,
  version: string,
  check: () => Promise<void> = async () => {},
): Promise<VersionPointer> {
  return changeVersionPointer(folder, async (before) => {
    await check();
    return {
      version,
      previous:
        before === null || before.version === version
          ? (before?.previous ?? [])
          : [before.version, ...before.previous.filter((one) => one !== version && one !== before.version)],
      withdrawn: (before?.withdrawn ?? []).filter((one) => one !== version),
    };
  });
}

/** The file that is locked while the pointer is changed; it stays. */
const LOCK_FILE = '.pointer.lock';

/** A change takes milliseconds, or as long as it takes to read a version whole. */
const PATIENCE_MS = 30_000;

/**
 * Reads the pointer, changes it and writes it, while nobody else does: of two at once, the second sees what the first has
 * written. Where `change` throws, nothing is written.
 *
 * @throws InvalidInputError where others have been writing it for half a minute.
 */
export async function changeVersionPointer(
  folder: string,
  change: (before: VersionPointer | null) => VersionPointer | Promise<VersionPointer>,
): Promise<VersionPointer> {
  return withPointerLocked(folder, async () =>
    writeVersionPointer(folder, await change(await readVersionPointer(folder))),
  );
}

/** Does `work` while nobody else changes what a router's folder points at. @throws InvalidInputError, likewise */
export async function withPointerLocked<Result>(
  folder: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const release = await lockPatiently(join(await realpath(folder), LOCK_FILE));
  try {
    return await work();
  } finally {
    release();
  }
}

async function lockPatiently(file: string): Promise<() => void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await lockFile(file);
    } catch (cause) {
      if (!(cause instanceof LockHeldError)) throw cause;
      if (performance.now() > end) {
        const by = cause.pid === null ? '' : ` by process ${cause.pid}`;
        throw new InvalidInputError(
          `${CURRENT_FILE} beside ${file} is being written${by}. Wait until it has ended, or end it.`,
          { cause },
        );
      }
      // Two processes do not look at the same time for ever.
      await setTimeout(10 + (process.pid % 20));
    }
  }
}

async function writeVersionPointer(folder: string, pointer: VersionPointer): Promise<VersionPointer> {
  const [previous, withdrawn] = [pointer.previous, pointer.withdrawn].map((list) =>
    list.slice(0, REMEMBERED),
  );
  const kept = {
    version: pointer.version,
    ...(previous.length === 0 ? {} : { previous }),
    ...(withdrawn.length === 0 ? {} : { withdrawn }),
  };
  await writeAtOnce(join(folder, CURRENT_FILE), new TextEncoder().encode(`${JSON.stringify(kept)}\n`));
  return { version: pointer.version, previous, withdrawn };
}

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

function temporaryIn(folder: string): string {
  return join(folder, `${WRITING_PREFIX}${randomUUID()}`);
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
