import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { InvalidInputError } from 'pointsman';
import { CURRENT_FILE, folderFiles, MAX_POINTER_BYTES } from 'pointsman/node';
import { z } from 'zod';
import { LockHeldError, lockFile } from '../work/file-lock.ts';
import { writeAtOnce } from './write-at-once.ts';

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
 */
export async function pointAtVersion(folder: string, version: string): Promise<VersionPointer> {
  return changeVersionPointer(folder, (before) => ({
    version,
    previous:
      before === null || before.version === version
        ? (before?.previous ?? [])
        : [before.version, ...before.previous.filter((one) => one !== version && one !== before.version)],
    withdrawn: (before?.withdrawn ?? []).filter((one) => one !== version),
  }));
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
  const release = await lockPatiently(join(await realpath(folder), LOCK_FILE));
  try {
    return await writeVersionPointer(folder, await change(await readVersionPointer(folder)));
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
