import { Command } from 'commander';
import type { CommandIo } from './command-io.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman rollback models/support
  $ npx pointsman rollback models/support --to v-0123456789ab

A router loaded with { watch: true } goes over to it by itself. What is rolled back from is not promoted again by
pointsman retrain; --to promotes it by hand. Versions: npx pointsman versions models/support`;

export interface RollbackFlags {
  readonly to?: string;
  readonly json?: boolean;
}

/** `pointsman rollback`: the version before, in one step. */
export function rollbackCommand(io: CommandIo): Command {
  return new Command('rollback')
    .description('Put the version before into use again, or another one.')
    .argument('<folder>', 'folder of a router')
    .option('--to <version>', 'which version (default: the one in use before)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, flags: RollbackFlags) => {
      const { runRollback } = await import('./run-rollback.ts');
      await runRollback(folder, flags, io);
    });
}
