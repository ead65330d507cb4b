import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** What `current.json` of a router says: docs/artifact.md. */
export interface Pointer {
  readonly version: string;
  readonly previous: readonly string[];
  readonly withdrawn: readonly string[];
}

/** What `current.json` says; null where it cannot be read. */
export async function readPointer(folder: string): Promise<Pointer | null> {
  try {
    const { previous, version, withdrawn } = JSON.parse(await readFile(join(folder, 'current.json'), 'utf8'));
    const names = (list: unknown) =>
      Array.isArray(list) ? list.filter((name): name is string => typeof name === 'string') : [];
    if (typeof version !== 'string' || !VERSION.test(version)) return null;
    return { version, previous: names(previous), withdrawn: names(withdrawn) };
  } catch {
    return null;
  }
}

/**
 * Points at a version, in one step, where nobody has written meanwhile: a retraining may just be promoting another one.
 *
 * @param expected what it may name now; else nothing is written.
 * @param isWithdrawn whether what it names now is never to be promoted by a schedule again.
 */
export async function writePointer(
  folder: string,
  version: string,
  expected: readonly string[],
  isWithdrawn: boolean,
): Promise<void> {
  const before = await readPointer(folder);
  if (before === null || before.version === version || !expected.includes(before.version)) return;
  const from = before.version;
  const others = (list: readonly string[]) => list.filter((name) => name !== version && name !== from);
  const pointer = {
    version,
    previous: isWithdrawn ? others(before.previous) : [from, ...others(before.previous)],
    withdrawn: isWithdrawn ? [from, ...others(before.withdrawn)] : others(before.withdrawn),
  };
  const building = join(folder, `.current-${crypto.randomUUID()}.json`);
  try {
    await writeFile(building, `${JSON.stringify(pointer)}\n`);
    await rename(building, join(folder, 'current.json'));
  } finally {
    await rm(building, { force: true });
  }
}

/** Whether a router's folder holds a version of this name. */
export async function isVersion(folder: string, version: string): Promise<boolean> {
  if (!VERSION.test(version)) return false;
  return stat(join(folder, version, 'manifest.json')).then(
    () => true,
    () => false,
  );
}
