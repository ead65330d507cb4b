import { join } from 'node:path';
import { CURRENT_FILE, folderFiles, MAX_POINTER_BYTES } from 'pointsman/node';
import { z } from 'zod';
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
  const before = await readVersionPointer(folder);
  const pointer: VersionPointer = {
    version,
    previous:
      before === null || before.version === version
        ? (before?.previous ?? [])
        : [before.version, ...before.previous.filter((one) => one !== version && one !== before.version)],
    withdrawn: (before?.withdrawn ?? []).filter((one) => one !== version),
  };
  return writeVersionPointer(folder, pointer);
}

export async function writeVersionPointer(folder: string, pointer: VersionPointer): Promise<VersionPointer> {
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
