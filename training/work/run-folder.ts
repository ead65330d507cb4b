import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileError } from './file-lock.ts';

/** A folder whose process is gone is left alone for so long, as it may be of a machine that shares the disk. */
const ABANDONED_MS = 3_600_000;

/**
 * Does `run` with a folder of its own, `<work>/runs/<name>-...`, which no other run shares and which goes when it ends,
 * however it ends. What killed runs have left goes too.
 */
export async function withRunFolder<Result>(
  work: string,
  name: string,
  run: (folder: string) => Promise<Result>,
): Promise<Result> {
  const runs = await workPart(work, 'runs');
  const folder = await openOwnFolder(runs, name);
  try {
    return await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes `<parent>/<prefix>-<process>-...`, and removes such folders of processes that were killed. */
export async function openOwnFolder(parent: string, prefix: string): Promise<string> {
  await removeAbandoned(parent, prefix);
  // Its owner's alone: so `mkdtemp` makes them.
  return mkdtemp(join(parent, `${prefix}-${process.pid}-`));
}

/** @param now milliseconds since 1970 @default the platform's time */
export async function removeAbandoned(parent: string, prefix: string, now = Date.now()): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(`${prefix}-`)) continue;
    const [, pid] = /^(\d+)-[^-]+$/.exec(name.slice(prefix.length + 1)) ?? [];
    if (pid === undefined || isRunning(Number(pid))) continue;
    const folder = join(parent, name);
    const found = await stat(folder).catch(() => null);
    if (found === null || now - found.mtimeMs < ABANDONED_MS) continue;
    // Somebody else's cannot be removed, and is nobody's business.
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

const OWNER_ALONE = 0o700;

/**
 * Makes the folder that is kept from run to run, `.pointsman` unless told otherwise. One that is there already is left
 * as it is, since it may hold more than ours.
 *
 * @returns one of its own folders, which its owner alone can open and which git passes over.
 * @throws InvalidInputError where it cannot be made
 */
export async function workPart(work: string, ...names: readonly string[]): Promise<string> {
  try {
    await mkdir(dirname(resolve(work)), { recursive: true });
    const isNew = (await mkdir(work, { recursive: true, mode: OWNER_ALONE })) !== undefined;
    if (isNew) await ignoreInGit(work);
    let folder = work;
    for (const [depth, name] of names.entries()) {
      folder = join(folder, name);
      await mkdir(folder, { recursive: true, mode: OWNER_ALONE });
      // Earlier versions made some of them for everybody.
      await chmod(folder, OWNER_ALONE);
      if (depth === 0) await ignoreInGit(folder);
    }
    return folder;
  } catch (cause) {
    throw fileError(cause, `The work folder ${work} cannot be made`, 'Name another with --work');
  }
}

async function ignoreInGit(folder: string): Promise<void> {
  await writeFile(join(folder, '.gitignore'), '*\n', { flag: 'wx', mode: 0o600 }).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') throw cause;
    },
  );
}

/**
 * Where what a router has gathered is kept: `<work>/routers/<name>-<digits>/<part>`. The digits are of the whole path of its
 * folder as seen from the work folder, so that `eu/support` and `us/support` are two, and a project that moves keeps its own.
 */
export async function routerPart(work: string, router: string, part: string): Promise<string> {
  const own = await realpath(await workPart(work));
  const path = relative(own, await realPath(router))
    .split(sep)
    .join('/');
  const digits = createHash('sha256').update(path).digest('hex').slice(0, 12);
  const name = basename(resolve(router))
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, 40);
  return workPart(work, 'routers', `${name}-${digits}`, part);
}

/** The real path of a folder, which need not be there yet. */
async function realPath(path: string): Promise<string> {
  const whole = resolve(path);
  try {
    return await realpath(whole);
  } catch {
    const parent = dirname(whole);
    return parent === whole ? whole : join(await realPath(parent), basename(whole));
  }
}
