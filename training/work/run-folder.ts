import { createHash, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, link, mkdir, mkdtemp, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DuckDBInstance } from '@duckdb/node-api';
import { InvalidInputError, PointsmanError } from 'pointsman';

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

/** Folders of this process: prompts lie in them. */
const own = new Set<string>();

/** Whoever stops a command ends the process, and no `finally` is reached. */
function removeOwn(): void {
  for (const folder of own)
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // One that is in use, as on Windows, is removed as abandoned.
    }
}

/**
 * Makes `<parent>/<prefix>-<process>-...`, which goes at the latest when this process exits, and removes such folders of processes that
 * were killed.
 */
export async function openOwnFolder(parent: string, prefix: string): Promise<string> {
  await removeAbandoned(parent, prefix);
  if (own.size === 0) process.once('exit', removeOwn);
  // Its owner's alone: so `mkdtemp` makes them.
  const folder = await mkdtemp(join(resolve(parent), `${prefix}-${process.pid}-`));
  own.add(folder);
  return folder;
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

/** Somebody else holds a lock. */
export class LockHeldError extends Error {
  /** Of the process that holds it; null where it is not known. */
  readonly pid: number | null;

  constructor(file: string, pid: number | null, options?: ErrorOptions) {
    super(`${file} is locked${pid === null ? '' : ` by process ${pid}`}.`, options);
    this.pid = pid;
  }
}

/** Files locked by this process: the system's locks keep processes apart, not two callers in one. */
const held = new Set<string>();

/**
 * Locks a file, which is made where there is none and stays when the lock is given back.
 *
 * The lock is the operating system's (an exclusive record lock, which DuckDB takes on a database file that it opens to
 * write). It ends with the process, however that ends, so no lock is ever left behind and none has to be guessed stale.
 *
 * @param file its real path, so that one file has one name.
 * @returns gives it back.
 * @throws LockHeldError at once, where somebody holds it; InvalidInputError where the file is damaged.
 */
export async function lockFile(file: string): Promise<() => void> {
  if (held.has(file)) throw new LockHeldError(file, process.pid);
  held.add(file);
  try {
    const lock = await open(file);
    return () => {
      lock.closeSync();
      held.delete(file);
    };
  } catch (error) {
    held.delete(file);
    throw error;
  }
}

async function open(file: string): Promise<DuckDBInstance> {
  // Whoever locks nothing does without it.
  const { DuckDBInstance } = await import('@duckdb/node-api');
  if ((await stat(file).catch(() => null)) === null) await makeWhole(file, DuckDBInstance);
  try {
    return await DuckDBInstance.create(file);
  } catch (cause) {
    const { message } = cause as Error;
    if (/set lock on|being used by another process/i.test(message)) {
      const [, pid] = /PID (\d+)/.exec(message) ?? [];
      throw new LockHeldError(file, pid === undefined ? null : Number(pid), { cause });
    }
    if (/permission denied|read-only|no space/i.test(message)) throw cause;
    throw new InvalidInputError(
      `${file} must be a file for a lock, and is damaged. Delete it: nothing is kept in it.`,
      { cause },
    );
  }
}

/** Makes the file under another name first: of one that was half made when its process was killed no lock could be had. */
async function makeWhole(file: string, duckdb: typeof DuckDBInstance): Promise<void> {
  const building = join(dirname(file), `.writing-${randomUUID()}`);
  try {
    (await duckdb.create(building)).closeSync();
    await link(building, file).catch((cause: NodeJS.ErrnoException) => {
      // Somebody else was first; where there are no links, it is made in its place.
      if (!['EEXIST', 'EPERM', 'ENOTSUP', 'ENOSYS'].includes(cause.code ?? '')) throw cause;
    });
  } finally {
    await rm(building, { force: true });
  }
}

/** What the system's codes mean, for whoever does not know them. */
const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EDQUOT: "the user's share of the disk is used up",
  EEXIST: 'a file of that name is in the way',
  EISDIR: 'a folder of that name is in the way',
  EMFILE: 'too many files are open',
  ENOENT: 'it is not there',
  ENOSPC: 'there is no space left on the disk',
  ENOTDIR: 'a file is in the way of the folder',
  EPERM: 'this user may not write there',
  EROFS: 'the disk is there to be read only',
};

const WORDS: readonly (readonly [code: string, words: RegExp])[] = [
  ['ENOSPC', /no space left on device/i],
  ['EACCES', /permission denied/i],
  ['EROFS', /read-only file system/i],
];

/**
 * An error of the file system in words. What is of our own family already, and what is no error of files, stays.
 * @param what what could not be done, without its full stop: "The router cannot be written to models/support"
 * @param next what to do
 */
export function fileError(cause: unknown, what: string, next: string): unknown {
  if (cause instanceof PointsmanError) return cause;
  const { code: given, message } = cause as NodeJS.ErrnoException;
  // DuckDB says it in words alone.
  const code = given ?? WORDS.find(([, words]) => words.test(message))?.[0];
  if (code === undefined || !(code in MEANINGS)) return cause;
  return new InvalidInputError(`${what}: ${MEANINGS[code]} (${code}). ${next}.`, { cause });
}

/** The first line of what an error says, as a sentence: the system and DuckDB leave out the full stop, and not always. */
export function saidBy(cause: unknown): string {
  const [line] = (cause as Error).message.trim().split('\n');
  return /[.!?]$/.test(line) ? line : `${line.trimEnd()}.`;
}

/** Version of the package, kept in every manifest; a test compares it with package.json. */
export const TOOL_VERSION = '0.1.0';

/**
 * Where a page of the documentation is on this machine, from the current folder: the package ships `docs` beside its built
 * code, the repository has it at the top.
 */
export function docPath(page: string): string {
  const path = fileURLToPath(new URL(`../../docs/${page}`, import.meta.url));
  const fromHere = relative(process.cwd(), path);
  return fromHere.length < path.length ? fromHere : path;
}
