import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileError } from './file-error.ts';

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
