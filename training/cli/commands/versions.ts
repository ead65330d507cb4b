import { Command } from 'commander';
import type { CommandIo } from '../command-io.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman versions models/support
  $ npx pointsman versions models/support --json`;

export interface VersionsFlags {
  readonly json?: boolean;
}

/** `pointsman versions`: what a router's folder holds, and which of it is in use. */
export function versionsCommand(io: CommandIo): Command {
  return new Command('versions')
    .description('List the versions of a router, the latest first, after checking each.')
    .argument('<folder>', 'folder of a router')
    .option('--json', 'print them as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, flags: VersionsFlags) => {
      const { runVersions } = await import('../run-versions.ts');
      await runVersions(folder, flags, io);
    });
}
