import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { CURRENT_FILE } from 'pointsman/node';

/**
 * The folder of a router, to which a version can be added.
 *
 * @throws InvalidInputError when it is that of one version, or of none
 */
export async function routerFolder(folder: string): Promise<string> {
  const isThere = await access(join(folder, CURRENT_FILE)).then(
    () => true,
    () => false,
  );
  if (isThere) return folder;
  throw new InvalidInputError(
    `A new version must go to the folder of a router, which has ${CURRENT_FILE}. Got ${folder}. Give the folder that ` +
      '`pointsman train --out` wrote.',
  );
}
