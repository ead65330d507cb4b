import { InvalidInputError } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import type { CommandIo } from './command-io.ts';
import { describeManifest } from './describe-manifest.ts';
import type { InspectFlags } from './inspect-command.ts';

const CARD = 'CARD.md';

export async function runInspect(folder: string, flags: InspectFlags, io: CommandIo): Promise<void> {
  // Reading it checks the size and digest of every file.
  const artifact = await readArtifactFolder(folder);
  const { manifest } = artifact;
  if (flags.json) return io.stdout(`${JSON.stringify(manifest, null, 2)}\n`);
  if (!flags.card) return io.stdout(describeManifest(manifest, io.columns));
  if (!manifest.reports.some(({ path }) => path === CARD))
    throw new InvalidInputError(`The router in ${folder} has no card. Leave out --card to see its manifest.`);
  io.stdout(new TextDecoder().decode(artifact.file(CARD)));
}
