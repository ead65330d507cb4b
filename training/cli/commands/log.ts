import { Command, Option } from 'commander';
import type { CommandIo } from '../command-io.ts';
import { wholeNumber } from '../number-option.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman log compact logs/decisions
  $ npx pointsman log compact logs/decisions --json

Learn from it, compacted or not:
  $ npx pointsman ingest 'logs/decisions/decisions-*' --format pointsman --out outcomes.parquet`;

export interface CompactFlags {
  readonly settle?: number;
  readonly json?: boolean;
}

/** `pointsman log`: what is done with the decision log that routers write. */
export function logCommand(io: CommandIo): Command {
  const command = new Command('log').description(
    'Look after the decision log that routers write (loadRouter with { log }).',
  );
  command
    .command('compact')
    .description(
      'Turn the closed files of a decision log from JSONL into Parquet. May be run at any time, beside routers that log.',
    )
    .argument('<folder>', 'folder of the log')
    .addOption(
      new Option(
        '--settle <minutes>',
        'how long after its time a file is left alone, whose process did not close it (10)',
      ).argParser(wholeNumber),
    )
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, flags: CompactFlags) => {
      const { runLogCompact } = await import('../run-log.ts');
      await runLogCompact(folder, flags, io);
    });
  return command;
}
