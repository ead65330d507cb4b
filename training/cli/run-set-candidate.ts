import { InvalidInputError } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import { writeArtifact } from '../artifact/write-artifact.ts';
import { setCandidate } from '../candidates/set-candidate.ts';
import { withRetrainLock } from '../versions/retrain-lock.ts';
import type { CommandIo } from './command-io.ts';
import type { SetFlags } from './commands/candidates.ts';
import { printable } from './printable.ts';
import { routerFolder } from './router-folder.ts';
import { readCandidate } from './run-add-candidate.ts';

export async function runSetCandidate(name: string, flags: SetFlags, io: CommandIo): Promise<void> {
  const folder = await routerFolder(flags.router);
  const { name: _n, retired, ...settings } = await readCandidate(name, flags.settings);
  if (retired !== undefined) {
    throw new InvalidInputError(
      `\`retired\` cannot be set. Got ${retired}. Use: npx pointsman candidates ${retired ? 'retire' : 'restore'} ${name}`,
    );
  }
  const { version } = await withRetrainLock(folder, async () => {
    const artifact = await readArtifactFolder(folder, { reports: true });
    return writeArtifact(folder, await setCandidate(artifact, name, settings));
  });
  io.stdout(
    flags.json
      ? `${JSON.stringify({ candidate: name, ...settings, version }, null, 2)}\n`
      : `${printable(name)} was set. In use: version ${version} of the router.\n`,
  );
}
