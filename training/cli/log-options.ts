import { type Command, InvalidArgumentError, Option } from 'commander';
import { LOG_FORMATS, type LogFormat } from '../logs/index.ts';
import type { LogOptions } from '../pipeline/prepare-traffic.ts';

/** What the command line says of the logs that are read. */
export interface LogFlags {
  readonly format: LogFormat;
  readonly append?: boolean;
  readonly score?: string;
  readonly scoreRange?: readonly [number, number];
  readonly failures: 'null' | 'zero';
}

/** Options of every command that reads logs. */
export function addLogOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-f, --format <name>', 'whose log it is; table is rows of your own')
        .choices(LOG_FORMATS)
        .default('table'),
    )
    .option('--append', 'keep the rows that the table has, and add the new ones')
    .option('--score <name>', "which of a log's scores says the quality (default: the only one)")
    .addOption(
      new Option(
        '--score-range <low..high>',
        'of scores and ratings, such as 1..5 (default: 0..1)',
      ).argParser(readRange),
    )
    .addOption(
      new Option('--failures <quality>', 'what a failed call of a log is worth')
        .choices(['null', 'zero'])
        .default('null'),
    );
}

/** The flags as `ingestOutcomes` has them. */
export function logOptions(flags: LogFlags): LogOptions {
  return {
    format: flags.format,
    append: flags.append === true,
    score: flags.score,
    scoreRange: flags.scoreRange,
    failures: flags.failures,
  };
}

function readRange(text: string): [number, number] {
  const ends = text.split('..').map((end) => (end.trim() === '' ? Number.NaN : Number(end)));
  if (ends.length !== 2 || !ends.every(Number.isFinite) || ends[0] >= ends[1])
    throw new InvalidArgumentError('Give the lowest and the highest score: 1..5');
  return [ends[0], ends[1]];
}
