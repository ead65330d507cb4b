import { Command } from 'commander';
import type { CommandIo } from '../command-io.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman inspect models/support
  $ npx pointsman inspect models/support/v-0123456789ab --json
  $ npx pointsman inspect models/support --card > CARD.md`;

export interface InspectFlags {
  readonly json?: boolean;
  readonly card?: boolean;
}

/** `pointsman inspect`: what a router is, after every digest was checked. */
export function inspectCommand(io: CommandIo): Command {
  return new Command('inspect')
    .description(
      'Check the files of a router, and show what it is, what it was made of and what it is worth.',
    )
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .option('--json', 'print the manifest as JSON')
    .option('--card', 'print its card, in Markdown')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, flags: InspectFlags) => {
      const { runInspect } = await import('../run-inspect.ts');
      await runInspect(folder, flags, io);
    });
}
