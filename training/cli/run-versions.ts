import { InvalidInputError } from 'pointsman';
import { listVersions } from '../artifact/versions.ts';
import { formatPoints } from '../words/format-number.ts';
import type { CommandIo } from './command-io.ts';
import type { VersionsFlags } from './commands/versions.ts';
import { formatBytes } from './format-amount.ts';
import { textTable } from './terminal/text.ts';

export async function runVersions(folder: string, flags: VersionsFlags, io: CommandIo): Promise<void> {
  const versions = await listVersions(folder);
  if (versions.length === 0)
    throw new InvalidInputError(
      `There is no version of a router in ${folder}. Give the folder that \`pointsman train --out\` wrote.`,
    );
  if (flags.json) return io.stdout(`${JSON.stringify(versions, null, 2)}\n`);
  io.stdout(
    textTable(
      [
        { title: 'version' },
        { title: 'state' },
        { title: 'written' },
        { title: 'quality when tested', align: 'right' },
        { title: 'size', align: 'right' },
        { title: 'problem', shrinks: 'text' },
      ],
      versions.map(({ bytes, metrics, problem, state, version, writtenAtMs }) => [
        version,
        state,
        new Date(writtenAtMs).toISOString().slice(0, 16).replace('T', ' '),
        metrics.routedQuality == null ? '–' : formatPoints(metrics.routedQuality),
        formatBytes(bytes),
        problem ?? '',
      ]),
      io.columns,
    ),
  );
}
