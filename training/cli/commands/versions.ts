import { Command } from 'commander';
import { InvalidInputError } from 'pointsman';
import { listVersions, rollBack } from '../../artifact/versions.ts';
import { formatPoints } from '../../words.ts';
import { type CommandIo, formatBytes, textTable } from '../terminal/io.ts';

const VERSIONS_EXAMPLES = `
Examples:
  $ npx pointsman versions models/support
  $ npx pointsman versions models/support --json`;

interface VersionsFlags {
  readonly json?: boolean;
}

/** `pointsman versions`: what a router's folder holds, and which of it is in use. */
export function versionsCommand(io: CommandIo): Command {
  return new Command('versions')
    .argument('<folder>', 'folder of a router')
    .option('--json', 'print them as JSON')
    .addHelpText('after', VERSIONS_EXAMPLES)
    .action(async (folder: string, flags: VersionsFlags) => {
      await runVersions(folder, flags, io);
    });
}

async function runRollback(folder: string, flags: RollbackFlags, io: CommandIo): Promise<void> {
  const done = await rollBack(folder, flags.to === undefined ? {} : { to: flags.to });
  io.stdout(
    flags.json ? `${JSON.stringify(done, null, 2)}\n` : `${done.to} is in use; ${done.from} is withdrawn.\n`,
  );
}

const ROLLBACK_EXAMPLES = `
Examples:
  $ npx pointsman rollback models/support
  $ npx pointsman rollback models/support --to v-0123456789ab

A router loaded with { watch: true } goes over to it by itself. What is rolled back from is not promoted again by
pointsman retrain; --to promotes it by hand. Versions: npx pointsman versions models/support`;

interface RollbackFlags {
  readonly to?: string;
  readonly json?: boolean;
}

/** `pointsman rollback`: the version before, in one step. */
export function rollbackCommand(io: CommandIo): Command {
  return new Command('rollback')
    .argument('<folder>', 'folder of a router')
    .option('--to <version>', 'which version (default: the one in use before)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', ROLLBACK_EXAMPLES)
    .action(async (folder: string, flags: RollbackFlags) => {
      await runRollback(folder, flags, io);
    });
}

async function runVersions(folder: string, flags: VersionsFlags, io: CommandIo): Promise<void> {
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
