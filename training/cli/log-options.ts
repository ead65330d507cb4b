import { type Command, InvalidArgumentError, Option } from 'commander';
import { LOG_FORMATS, type LogFormat } from '../logs/index.ts';
import type { LogOptions } from '../pipeline/prepare-traffic.ts';
import { positiveNumber } from './number-option.ts';

/** What the command line says of the logs that are read. */
export interface LogFlags {
  readonly format: LogFormat;
  readonly append?: boolean;
  readonly score?: string;
  readonly scoreRange?: readonly [number, number];
  readonly failures: 'null' | 'zero';
  readonly judge?: string;
  readonly judgeConcurrency?: number;
  readonly redact?: boolean;
  readonly redactPattern: Readonly<Record<string, string>>;
  readonly keep: 'prompts' | 'hashes';
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
    )
    .option(
      '--judge <module or address>',
      'who rates answers that nobody rated: an .mjs file, or an endpoint',
    )
    .addOption(
      new Option('--judge-concurrency <number>', 'answers judged at once (default: 8)').argParser(
        positiveNumber,
      ),
    )
    .option('--redact', 'put [EMAIL] and the like in the place of personal data and keys')
    .addOption(
      new Option('--redact-pattern <NAME=expression>', 'redact this too (repeatable)')
        .argParser(addPattern)
        .default({}, 'none'),
    )
    .addOption(
      new Option('--keep <what>', 'hashes keeps a hash and an embedding of each prompt, and no word')
        .choices(['prompts', 'hashes'])
        .default('prompts'),
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
    judge: flags.judge,
    judgeConcurrency: flags.judgeConcurrency,
    redact: Object.keys(flags.redactPattern).length > 0 ? flags.redactPattern : flags.redact === true,
    keep: flags.keep,
  };
}

function readRange(text: string): [number, number] {
  const ends = text.split('..').map((end) => (end.trim() === '' ? Number.NaN : Number(end)));
  if (ends.length !== 2 || !ends.every(Number.isFinite) || ends[0] >= ends[1])
    throw new InvalidArgumentError('Give the lowest and the highest score: 1..5');
  return [ends[0], ends[1]];
}

function addPattern(pair: string, patterns: Readonly<Record<string, string>>): Record<string, string> {
  const [name, ...expression] = pair.split('=');
  if (expression.join('=') === '')
    throw new InvalidArgumentError('Give a name and a regular expression: ORDER=A-\\d{6}');
  return { ...patterns, [name]: expression.join('=') };
}
