import { type Artifact, ArtifactError, InvalidInputError } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import type { CommandIo } from './command-io.ts';
import type { InspectFlags } from './commands/inspect.ts';
import { describeManifest } from './describe-manifest.ts';
import { dialOf } from './dial-reports.ts';
import { printable } from './printable.ts';
import { describeDial } from './terminal/describe-dial.ts';
import { wrapText } from './wrap-text.ts';

const CARD = 'CARD.md';
const METRICS = 'metrics.json';

export async function runInspect(folder: string, flags: InspectFlags, io: CommandIo): Promise<void> {
  // Reading it checks the size and digest of every file.
  const artifact = await readArtifactFolder(folder, { reports: true });
  const { manifest } = artifact;
  checkReports(artifact);
  if (flags.json) return io.stdout(`${JSON.stringify(manifest, null, 2)}\n`);
  if (!flags.card) {
    const dial = dialOf(artifact);
    return io.stdout(
      verdictOf(artifact, io.columns) +
        (dial === null ? '' : `${describeDial(dial, folder, io.columns)}\n`) +
        describeManifest(manifest, io.columns),
    );
  }
  const card = artifact.reports?.files.get(CARD);
  if (card === undefined)
    throw new InvalidInputError(`The router in ${folder} has no card. Leave out --card to see its manifest.`);
  io.stdout(new TextDecoder().decode(card));
}

/** @throws ArtifactError naming every report that is not as it was written. */
function checkReports({ reports }: Artifact): void {
  if (reports === undefined || reports.changed.size === 0) return;
  throw new ArtifactError(
    `${[...reports.changed.values()].join(' ')} The router itself is as it was written, and can be used.`,
  );
}

/** The sentence that its report opens with, where it has one. */
function verdictOf(artifact: Artifact, columns: number): string {
  const file = artifact.reports?.files.get(METRICS);
  if (file === undefined) return '';
  const metrics: { verdict?: { sentence?: unknown } } = JSON.parse(new TextDecoder().decode(file));
  const sentence = metrics.verdict?.sentence;
  return typeof sentence === 'string' ? `${wrapText(printable(sentence), columns)}\n\n` : '';
}
