import { Command, Option } from 'commander';
import { docPath } from '../../doc-path.ts';
import { LOG_FORMATS, type LogFormat } from '../../logs/log-format.ts';
import type { CommandIo } from '../command-io.ts';
import { addMapOption, type ColumnMap } from '../map-option.ts';
import { wholeNumber } from '../number-option.ts';
import { withStandardInput } from '../standard-input.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman init traffic.jsonl
  $ npx pointsman init observations.jsonl scores.jsonl --out support.yaml
  $ npx pointsman init 'logs/*.csv' --dry-run
  $ npx pointsman init 'logs/decisions/decisions-*' --retrain --router models/support
  $ zcat traffic.jsonl.gz | npx pointsman init - --rows 5000

Each line of the file stands under a comment that says what was seen; what could not be told is a comment to fill in.
Ends with 0 when nothing is left to fill in, 3 when something is, 1 when it failed.`;

export interface InitFlags {
  readonly format: LogFormat | 'auto';
  readonly map: ColumnMap;
  readonly score?: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly rows?: number;
  readonly retrain?: boolean;
  readonly router: string;
  readonly json?: boolean;
}

/** `pointsman init`: a look at a log, and the config that `train` or `retrain` takes. */
export function initCommand(io: CommandIo): Command {
  const command = new Command('init')
    .description('Look at a log, and write the config that train takes, with a reason for each line.')
    .argument(
      '<files...>',
      `logs of any kind that ${docPath('logs.md')} names; files or quoted patterns; - reads standard input`,
    );
  return addMapOption(command)
    .addOption(
      new Option('-f, --format <name>', 'whose log it is, where that is known')
        .choices(['auto', ...LOG_FORMATS])
        .default('auto'),
    )
    .option('--score <name>', "which of a log's scores says the quality (default: the only one)")
    .option('-o, --out <file>', 'the config to write; - prints it (default: pointsman.yaml, or retrain.yaml)')
    .option('--force', 'write over a file that is there')
    .option('--dry-run', 'print the config and write nothing')
    .addOption(
      new Option(
        '--rows <number>',
        'most records of each file that are looked at (default: 20000)',
      ).argParser(wholeNumber),
    )
    .option('--retrain', 'write the config of retrain')
    .option('--router <folder>', 'folder that the router goes to', 'models/my-router')
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (files: string[], flags: InitFlags, self: Command) => {
      if (flags.rows === 0) self.error('error: --rows must be a whole number of 1 or more');
      if (flags.retrain && files.includes('-'))
        self.error('error: retrain reads its logs again and again: name files, not standard input');
      const { runInit } = await import('../run-init.ts');
      await withStandardInput(files, io, (read) => runInit(files, read, flags, io));
    });
}
