import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import {
  changeVersionPointer,
  readVersionPointer,
  type VersionPointer,
} from '../artifact/version-pointer.ts';
import { versionFolders } from '../artifact/versions.ts';

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
