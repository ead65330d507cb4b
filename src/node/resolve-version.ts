import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ArtifactError } from '../errors/artifact-error.ts';
import { folderFiles } from './artifact-folder.ts';

/** The file that says which version of a router is in use: `{"version": "v-0123456789ab"}`. */
export const CURRENT_FILE = 'current.json';

/** Largest `current.json`, in bytes. */
export const MAX_POINTER_BYTES = 64 * 2 ** 10;
const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * The folder of the artifact itself: `folder` when it holds a manifest, else the version that its `current.json`
 * names.
 *
 * @throws ArtifactError when it is neither.
 */
export async function resolveVersion(folder: string): Promise<string> {
  if (await exists(join(folder, 'manifest.json'))) return folder;
  const pointer = join(folder, CURRENT_FILE);
  if (!(await exists(pointer))) {
    throw new ArtifactError(
      `There is no router in ${folder}: it has neither manifest.json nor ${CURRENT_FILE}. Give the folder that ` +
        '`pointsman train --out` wrote.',
    );
  }
  let text: string;
  try {
    text = new TextDecoder().decode(await folderFiles(folder).read(CURRENT_FILE, MAX_POINTER_BYTES));
  } catch (cause) {
    throw new ArtifactError(`${pointer} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const version = readPointer(text);
  if (version === undefined) {
    throw new ArtifactError(
      `${pointer} must be {"version": "<folder name>"}. Got ${JSON.stringify(text.slice(0, 80))}. Write the name ` +
        'of a version folder into it, or train again.',
    );
  }
  const path = join(folder, version);
  if (await exists(join(path, 'manifest.json'))) return path;
  throw new ArtifactError(
    `${pointer} names ${version}, and ${path} has no manifest.json. Name a version that is there, or train again.`,
  );
}

function readPointer(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || typeof value !== 'object' || !('version' in value)) return undefined;
    return typeof value.version === 'string' && VERSION.test(value.version) ? value.version : undefined;
  } catch {
    return undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}
