import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { InvalidInputError, type PolicySpec, type Router, type RouterOptions } from 'pointsman';
import { CURRENT_FILE } from 'pointsman/internal';
import { loadRouter, readArtifactFolder } from 'pointsman/node';
import { parse } from 'yaml';
import { parseFields } from '../../config.ts';
import { reopenEmbedder } from '../../embed/embedders.ts';
import { LOG_FORMATS, type LogFormat } from '../../ingest/formats/log-formats.ts';
import { type IngestOptions, LEAST_MEMORY_MB, type LogsConfig, MOST_REJECTED } from '../../ingest/options.ts';
import { type Prices, pricesSchema } from '../../outcomes/amounts.ts';
import { OUTCOME_FIELDS } from '../../outcomes/outcome.ts';
import { type LogOptions, withoutRouters } from '../../train/prepare-traffic.ts';
import { docPath } from '../../work/run-folder.ts';
import type { ScratchOptions } from '../../work/scratch-database.ts';
import type { CommandIo } from './io.ts';

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
  readonly answers: 'features' | 'text' | 'none';
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
    )
    .addOption(
      new Option('--answers <what>', 'of answers keep features and hashes, their text as well, or nothing')
        .choices(['features', 'text', 'none'])
        .default('features'),
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
    answers: flags.answers,
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

/** Reads an option that is a number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

export function points(text: string): number {
  const value = positiveNumber(text);
  if (value >= 100) throw new InvalidArgumentError('It must be under 100 points.');
  return value;
}

export function belowOne(text: string): number {
  const value = probability(text);
  if (value >= 1) throw new InvalidArgumentError('It must be under 1.');
  return value;
}

export function countFromOne(text: string): number {
  const value = positiveNumber(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return value;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, mb: 1, gb: 1000, tb: 1e6 };

/** Reads an option that is a size of memory, such as 4GB; a number alone is megabytes. @returns megabytes */
export function megabytes(text: string): number {
  const [, number, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const size = Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  if (!(size >= LEAST_MEMORY_MB && size < 1e9))
    throw new InvalidArgumentError(`Give a size of at least ${LEAST_MEMORY_MB}MB, such as 800MB or 4GB.`);
  return size;
}

/** Reads an option that is a number of 0 or more. */
export function nonNegativeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('It must be a number of 0 or more.');
  return value;
}

/** Reads an option that is a whole number of 0 or more. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of 0 or more.');
  return Number(text);
}

/** Reads an option that is a probability. */
export function probability(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('It must be a number from 0 to 1.');
  return value;
}

/** What was gathered of `--map`. */
export type ColumnMap = NonNullable<IngestOptions['map']>;

/** `--map field=column`, as often as there are columns of other names. */
export function addMapOption(command: Command): Command {
  return command.addOption(
    new Option('-m, --map <field=column>', 'your name for a field; dots go into objects (repeatable)')
      .argParser(addToMap)
      .default({}, 'none'),
  );
}

function addToMap(pair: string, map: ColumnMap): ColumnMap {
  const [field, ...column] = pair.split('=');
  if (!([...OUTCOME_FIELDS, 'outcomes'] as string[]).includes(field) || column.join('=') === '') {
    throw new InvalidArgumentError(
      `Give field=column, where field is one of: ${OUTCOME_FIELDS.join(', ')}, outcomes.`,
    );
  }
  return { ...map, [field]: column.join('=') };
}

/**
 * Loads a router for the command line, with whatever embedder this package can make for it. Where its policy hands over
 * to another router, which the command line does not know, it goes on by its own success probabilities.
 * @throws PointsmanError
 */
export async function openRouter(folder: string, options: RouterOptions = {}): Promise<Router> {
  const { manifest } = await readArtifactFolder(folder);
  const own = withoutRouters(manifest.policy);
  const policy =
    own.routers.length === 0 || options.routers !== undefined ? {} : { policy: own.policy as PolicySpec };
  const more = { ...policy, ...options };
  const embedder = await reopenEmbedder(manifest.embedder);
  return loadRouter(folder, embedder === undefined ? more : { ...more, embedder });
}

/**
 * Reads a file of YAML, or of JSON, which is YAML too.
 * @param what what the file is, to begin an error with: "The config".
 * @throws InvalidInputError
 */
export async function readYaml(file: string, what: string): Promise<unknown> {
  try {
    return parse(await readFile(file, 'utf8'));
  } catch (cause) {
    const reason = readingProblem(cause);
    throw new InvalidInputError(`${what} cannot be read from ${file}: ${reason}.`, { cause });
  }
}

/** Reads a policy. Whether it is one is checked where it is used. @throws InvalidInputError */
export async function readPolicy(file: string): Promise<PolicySpec> {
  return (await readYaml(file, 'The policy')) as PolicySpec;
}

/** Reads prices by candidate. @throws InvalidInputError */
export async function readPrices(file: string): Promise<Prices> {
  const advice = 'See: npx pointsman ingest --help';
  return parseFields(pricesSchema, await readYaml(file, 'Prices'), file, { advice });
}

/** Reads a file, or standard input where its name is `-`. @throws InvalidInputError */
export async function readText(file: string, io: CommandIo): Promise<string> {
  if (file === '-') return io.stdin();
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new InvalidInputError(`${file} cannot be read: ${readingProblem(cause)}. Check the path.`, {
      cause,
    });
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead in a circle',
  ENOENT: 'there is no such file',
  ENOTDIR: 'what stands before its last / is a file, and no folder',
  EPERM: 'this user may not read it',
};

/** Why a file cannot be read, without its full stop: the system's codes in words, else the first line of the error. */
export function readingProblem(cause: unknown): string {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return MEANINGS[code] ?? message.split('\n')[0].replace(/[.:]$/, '');
}

/**
 * The folder of a router, to which a version can be added.
 *
 * @throws InvalidInputError when it is that of one version, or of none
 */
export async function routerFolder(folder: string): Promise<string> {
  const isThere = await access(join(folder, CURRENT_FILE)).then(
    () => true,
    () => false,
  );
  if (isThere) return folder;
  throw new InvalidInputError(
    `A new version must go to the folder of a router, which has ${CURRENT_FILE}. Got ${folder}. Give the folder that ` +
      '`pointsman train --out` wrote.',
  );
}

/**
 * Files of traffic where `-` is standard input: its text lies in a private temporary file until `use` has ended, since a log
 * is read more than once. JSON is told from CSV by its first character.
 *
 * @throws InvalidInputError when nothing came.
 */
export async function withStandardInput<T>(
  files: readonly string[],
  io: CommandIo,
  use: (files: readonly string[]) => Promise<T>,
): Promise<T> {
  if (!files.includes('-')) return use(files);
  const text = await io.stdin();
  if (text.trim() === '')
    throw new InvalidInputError('Standard input is empty. Give rows, or the names of files.');
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-'));
  try {
    const ending = /^\s*[{[]/.test(text) ? 'jsonl' : 'csv';
    const file = join(folder, `standard-input.${ending}`);
    await writeFile(file, text, { mode: 0o600 });
    return await use(files.map((name) => (name === '-' ? file : name)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
