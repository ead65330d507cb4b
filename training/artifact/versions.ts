import { mkdir, readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError, type Manifest, PointsmanError } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import { LockHeldError, lockFile } from '../work/run-folder.ts';
import {
  changeVersionPointer,
  readVersionPointer,
  type VersionPointer,
  WRITING_PREFIX,
  withPointerLocked,
  writeAtOnce,
} from './write-artifact.ts';

/** One version of a router on disk. */
interface VersionEntry {
  readonly version: string;
  readonly path: string;
  /** `in use`; `before`: a rollback goes there next; `withdrawn`: rolled back from. */
  readonly state: 'in use' | 'before' | 'kept' | 'withdrawn' | 'damaged';
  readonly writtenAtMs: number;
  /** Of all of its files, manifest and reports too. */
  readonly bytes: number;
  /** Null where it is damaged. */
  readonly id: string | null;
  /** Headline figures of its manifest. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Why it would not load; null when it would. */
  readonly problem: string | null;
}

/** Every version in a router's folder, the latest written first. A damaged one is listed with what is wrong. */
export async function listVersions(folder: string): Promise<VersionEntry[]> {
  const pointer = await readVersionPointer(folder);
  const entries: VersionEntry[] = [];
  for (const version of await versionFolders(folder)) {
    const path = join(folder, version);
    const { mtimeMs, size } = await stat(join(path, 'manifest.json'));
    const read = await readArtifactFolder(path).catch((error: Error) => error);
    const damaged = read instanceof Error;
    entries.push({
      version,
      path,
      state: damaged
        ? 'damaged'
        : pointer?.version === version
          ? 'in use'
          : pointer?.withdrawn.includes(version)
            ? 'withdrawn'
            : pointer?.previous[0] === version
              ? 'before'
              : 'kept',
      writtenAtMs: mtimeMs,
      bytes: damaged ? 0 : sizeOf(read.manifest) + size,
      id: damaged ? null : read.manifest.id,
      metrics: damaged ? {} : read.manifest.metrics,
      problem: damaged ? read.message : null,
    });
  }
  return entries.sort((a, b) => b.writtenAtMs - a.writtenAtMs || (a.version < b.version ? -1 : 1));
}

function sizeOf({ files, reports }: Pick<Manifest, 'files' | 'reports'>): number {
  return [...files, ...reports].reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Names of the folders that hold a manifest. */
export async function versionFolders(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const manifest = await stat(join(folder, entry.name, 'manifest.json')).catch(() => null);
    if (manifest?.isFile()) found.push(entry.name);
  }
  return found.sort();
}

/** Half-written folders older than this are what a crash has left. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Deletes old versions of a router. The last `keep` that were in use stay, and the last `keep` written of those that never
 * were (refused challengers); the one in use and the one before it stay in any case. Where there is no pointer that
 * can be read, nothing is deleted.
 *
 * @param keep >= 1
 * @returns the versions deleted
 */
export async function pruneVersions(folder: string, keep: number, nowMs = Date.now()): Promise<string[]> {
  const pointer = await readVersionPointer(folder);
  if (pointer === null) return [];
  const there = await versionFolders(folder);
  const used = [pointer.version, ...pointer.previous].filter((one) => there.includes(one));
  const others = await Promise.all(
    there
      .filter((version) => !used.includes(version))
      .map(async (version) => {
        const { mtimeMs } = await stat(join(folder, version, 'manifest.json'));
        return { version, mtimeMs };
      }),
  );
  others.sort((a, b) => b.mtimeMs - a.mtimeMs || (a.version < b.version ? -1 : 1));
  const old = [
    // Two at least: there must be one to roll back to.
    ...used.slice(Math.max(2, keep)),
    ...others.slice(keep).map(({ version }) => version),
  ];
  for (const version of old) await rm(join(folder, version), { recursive: true, force: true });
  await removeAbandoned(folder, nowMs);
  return old;
}

async function removeAbandoned(folder: string, nowMs: number): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(WRITING_PREFIX)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found !== null && nowMs - found.mtimeMs > ABANDONED_MS)
      await rm(path, { recursive: true, force: true });
  }
}

/** The file that is locked. It stays where it is: what counts is the operating system's lock on it. */
const LOCK_FILE = '.retrain.lock';

/**
 * Does `work` while nobody else may retrain the router of a folder.
 *
 * @param isLeased whether a queue has given the router to this run alone. Then whom it was given to before may still hold the lock, stopped
 *   or cut off: that one is passed over, since its fence is lower.
 * @throws RouterBusyError at once, where another does.
 */
export async function withRetrainLock<Result>(
  folder: string,
  work: () => Promise<Result>,
  isLeased = false,
): Promise<Result> {
  await mkdir(folder, { recursive: true });
  const release = await lockFile(join(await realpath(folder), LOCK_FILE)).catch(async (cause: unknown) => {
    if (!(cause instanceof LockHeldError)) throw cause;
    if (isLeased && (await readFence(folder))?.isLeased === true) return () => {};
    throw new RouterBusyError(folder, cause.pid, { cause });
  });
  try {
    return await work();
  } finally {
    release();
  }
}

/** Counts who has begun to retrain a router, so that the last one is known. */
const FENCE_FILE = 'fence.json';

interface Fence {
  readonly token: number;
  readonly isLeased: boolean;
}

async function readFence(folder: string): Promise<Fence | null> {
  try {
    const { isLeased, token } = JSON.parse(
      await readFile(join(folder, FENCE_FILE), 'utf8'),
    ) as Partial<Fence>;
    return Number.isSafeInteger(token) ? { token: token as number, isLeased: isLeased === true } : null;
  } catch {
    return null;
  }
}

/** Takes the next number of a router's fence: whoever has a lower one may not promote any more. */
export async function takeFence(folder: string, isLeased = false): Promise<number> {
  await mkdir(folder, { recursive: true });
  return withPointerLocked(folder, async () => {
    const token = ((await readFence(folder))?.token ?? 0) + 1;
    const text = `${JSON.stringify({ schemaVersion: 1, token, isLeased })}\n`;
    await writeAtOnce(join(folder, FENCE_FILE), new TextEncoder().encode(text));
    return token;
  });
}

/** To be asked while the pointer is locked. @throws RouterBusyError where another has begun after the holder of this number */
export async function checkFence(folder: string, token: number): Promise<void> {
  const fence = await readFence(folder);
  if (fence === null || fence.token <= token) return;
  throw new RouterBusyError(folder, null, {
    cause: new Error(`Fence ${fence.token} has been taken after ${token}.`),
  });
}

/** Somebody else is retraining the router of this folder. */
export class RouterBusyError extends PointsmanError {
  override readonly name = 'RouterBusyError';
  readonly code = 'ROUTER_BUSY';
  /** Of the process that holds the lock; null where it is not known. */
  readonly pid: number | null;

  constructor(folder: string, pid: number | null, options?: ErrorOptions) {
    super(
      `The router in ${folder} is being retrained${pid === null ? '' : ` by process ${pid}`}. Wait until it has ended, or end it.`,
      options,
    );
    this.pid = pid;
  }
}

export interface RolledBack {
  readonly from: string;
  readonly to: string;
}

/**
 * Points a router's folder at a version that was in use before, in one step, after that version was read and checked
 * whole. The version it leaves is withdrawn: a schedule does not promote it again.
 *
 * @param to the version. @default the one in use before this one
 * @throws InvalidInputError where there is none; ArtifactError where it would not load. Nothing has changed then.
 */
export async function rollBack(folder: string, { to }: { readonly to?: string } = {}): Promise<RolledBack> {
  const none = () =>
    new InvalidInputError(
      `There is no router in ${folder}: it has no current.json that can be read. Give the folder that \`pointsman train --out\` wrote.`,
    );
  // Nothing is made in a folder that is no router's.
  if ((await readVersionPointer(folder)) === null) throw none();
  let from = '';
  const { version } = await changeVersionPointer(folder, async (pointer) => {
    if (pointer === null) throw none();
    from = pointer.version;
    return backFrom(folder, pointer, to);
  });
  return { from, to: version };
}

async function backFrom(
  folder: string,
  pointer: VersionPointer,
  to: string | undefined,
): Promise<VersionPointer> {
  const there = await versionFolders(folder);
  const target = to ?? pointer.previous.find((one) => there.includes(one));
  const others = there.filter((one) => one !== pointer.version);
  if (target === undefined || target === pointer.version || !there.includes(target)) {
    const wanted =
      to === undefined
        ? 'No version was in use before this one'
        : to === pointer.version
          ? `${to} is in use already`
          : `There is no version ${to}`;
    throw new InvalidInputError(
      `${wanted} in ${folder}. ${others.length === 0 ? 'It has no other version.' : `Choose one with --to: ${others.join(', ')}.`}`,
    );
  }
  await readArtifactFolder(join(folder, target));
  const left = pointer.version;
  // Going back by one drops what is left from the history, so that a second rollback goes one further.
  const at = pointer.previous.indexOf(target);
  return {
    version: target,
    previous: at === -1 ? pointer.previous : pointer.previous.slice(at + 1),
    withdrawn: [left, ...pointer.withdrawn.filter((one) => one !== left && one !== target)],
  };
}
