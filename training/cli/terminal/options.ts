import { type Command, InvalidArgumentError, Option } from 'commander';
import type { LogsConfig } from '../../config/logs-config.ts';
import { docPath } from '../../doc-path.ts';
import { MOST_REJECTED } from '../../ingest/options.ts';
import { LOG_FORMATS, type LogFormat } from '../../logs/log-format.ts';
import type { LogOptions } from '../../train/prepare-traffic.ts';
import type { ScratchOptions } from '../../work/scratch-database.ts';
import { megabytes, positiveNumber, probability } from '../number-option.ts';

/** What the command line says of the room that rows on their way may take. */
export interface ScratchFlags {
  readonly memory?: number;
  readonly temporaryFolder?: string;
}

/** And of how traffic is read. */
export interface ReadingFlags extends ScratchFlags {
  readonly format: LogFormat | 'auto';
  readonly score?: string;
  readonly scoreRange?: readonly [number, number] | 'auto';
  readonly failures: 'null' | 'zero';
  readonly maxRejected: number;
}

/** And of what is made of it. */
export interface LogFlags extends ReadingFlags {
  readonly append?: boolean;
  readonly judge?: string;
  readonly judgeConcurrency?: number;
  readonly redact?: boolean;
  readonly redactPattern: Readonly<Record<string, string>>;
  readonly keep: 'prompts' | 'hashes';
}

/** Options of every command that has rows on their way. */
export function addScratchOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--memory <size>',
        'memory for rows on their way, such as 4GB; the rest goes to disk (default: a quarter of the memory there is)',
      ).argParser(megabytes),
    )
    .option('--temporary-folder <folder>', "where rows go that do not fit (default: the system's)");
}

/** Options of every command that reads traffic. */
export function addReadingOptions(command: Command): Command {
  return addScratchOptions(command)
    .addOption(
      new Option(
        '-f, --format <name>',
        `whose log it is; table is rows of your own, auto finds out; ${docPath('logs.md')} shows what is read of each`,
      )
        .choices(['auto', ...LOG_FORMATS])
        .default('auto'),
    )
    .option('--score <name>', "which of a log's scores says the quality (default: the only one)")
    .addOption(
      new Option(
        '--score-range <worst..best>',
        'of qualities, scores and ratings, such as 1..5; auto takes the scale that is plain from them (default: 0..1)',
      ).argParser(readRange),
    )
    .addOption(
      new Option('--failures <quality>', 'what a failed call of a log is worth')
        .choices(['null', 'zero'])
        .default('null'),
    )
    .addOption(
      new Option('--max-rejected <share>', 'stop where one reason rejects a larger share of the rows, 0 to 1')
        .argParser(probability)
        .default(MOST_REJECTED),
    );
}

/** Options of the commands that make something of logs. */
export function addLogOptions(command: Command): Command {
  return addReadingOptions(command)
    .option(
      '--append',
      'add to the rows that are there: of the table (ingest), of the store of the router (train)',
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

export function scratchOptions({ memory, temporaryFolder }: ScratchFlags): ScratchOptions {
  return { memoryLimitMb: memory, temporaryFolder };
}

/** The flags as `ingestOutcomes` has them. */
export function readingOptions(flags: ReadingFlags): LogOptions {
  const { failures, format, maxRejected, score, scoreRange } = flags;
  return { failures, format, maxRejected, score, scoreRange, ...scratchOptions(flags) };
}

/** The same of all that is said of logs. */
export function logOptions(flags: LogFlags): LogOptions {
  return {
    ...readingOptions(flags),
    append: flags.append === true,
    judge: flags.judge,
    judgeConcurrency: flags.judgeConcurrency,
    redact: Object.keys(flags.redactPattern).length > 0 ? flags.redactPattern : flags.redact === true,
    keep: flags.keep,
  };
}

/** The same where a config file says it too: what was given on the command line comes first. */
export function withConfiguredLogs(
  flags: LogFlags,
  { map: _, ...logs }: LogsConfig,
  isGiven: (option: string) => boolean,
): LogOptions {
  const said = Object.entries(logs).filter(([option]) => {
    const isPattern = option === 'redact' && Object.keys(flags.redactPattern).length > 0;
    return !isGiven(option) && !isPattern;
  });
  return { ...logOptions(flags), ...Object.fromEntries(said) };
}

function readRange(text: string): [number, number] | 'auto' {
  if (text === 'auto') return text;
  const ends = text.split('..').map((end) => (end.trim() === '' ? Number.NaN : Number(end)));
  if (ends.length !== 2 || !ends.every(Number.isFinite) || ends[0] === ends[1])
    throw new InvalidArgumentError(
      'Give the worst score and the best: 1..5, or 6..1 where 1 is the best; or auto.',
    );
  return [ends[0], ends[1]];
}

function addPattern(pair: string, patterns: Readonly<Record<string, string>>): Record<string, string> {
  const [name, ...expression] = pair.split('=');
  if (expression.join('=') === '')
    throw new InvalidArgumentError('Give a name and a regular expression: ORDER=A-\\d{6}');
  return { ...patterns, [name]: expression.join('=') };
}
