import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { workPart } from './private-folder.ts';

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
