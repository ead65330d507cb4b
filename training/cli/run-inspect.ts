import type { Artifact } from 'pointsman';
import { InvalidInputError } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import type { CommandIo } from './command-io.ts';
import { describeManifest } from './describe-manifest.ts';
import type { InspectFlags } from './inspect-command.ts';
import { printable } from './printable.ts';
import { wrapText } from './wrap-text.ts';

const CARD = 'CARD.md';
const METRICS = 'metrics.json';

export async function runInspect(folder: string, flags: InspectFlags, io: CommandIo): Promise<void> {
  // Reading it checks the size and digest of every file.
  const artifact = await readArtifactFolder(folder);
  const { manifest } = artifact;
  if (flags.json) return io.stdout(`${JSON.stringify(manifest, null, 2)}\n`);
  if (!flags.card) return io.stdout(verdictOf(artifact, io.columns) + describeManifest(manifest, io.columns));
  if (!manifest.reports.some(({ path }) => path === CARD))
    throw new InvalidInputError(`The router in ${folder} has no card. Leave out --card to see its manifest.`);
  io.stdout(new TextDecoder().decode(artifact.file(CARD)));
}

/** The sentence that its report opens with, where it has one. */
function verdictOf(artifact: Artifact, columns: number): string {
  if (!artifact.manifest.reports.some(({ path }) => path === METRICS)) return '';
  const metrics: { verdict?: { sentence?: unknown } } = JSON.parse(
    new TextDecoder().decode(artifact.file(METRICS)),
  );
  const sentence = metrics.verdict?.sentence;
  return typeof sentence === 'string' ? `${wrapText(printable(sentence), columns)}\n\n` : '';
}
