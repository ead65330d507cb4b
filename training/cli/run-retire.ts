import { readArtifactFolder } from 'pointsman/node';
import { writeArtifact } from '../artifact/write-artifact.ts';
import { restoreCandidate, retireCandidate } from '../candidates/retire-candidate.ts';
import { withRetrainLock } from '../versions/retrain-lock.ts';
import type { CommandIo } from './command-io.ts';
import type { RouterFlags } from './commands/candidates.ts';
import { printable } from './printable.ts';
import { routerFolder } from './router-folder.ts';

export async function runRetire(
  what: 'retire' | 'restore',
  name: string,
  flags: RouterFlags,
  io: CommandIo,
): Promise<void> {
  const folder = await routerFolder(flags.router);
  const { version } = await withRetrainLock(folder, async () => {
    const artifact = await readArtifactFolder(folder, { reports: true });
    const change = what === 'retire' ? retireCandidate : restoreCandidate;
    return writeArtifact(folder, await change(artifact, name));
  });
  io.stdout(
    flags.json
      ? `${JSON.stringify({ candidate: name, retired: what === 'retire', version }, null, 2)}\n`
      : `${printable(name)} was ${what}d. In use: version ${version} of the router.\n`,
  );
}
