import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Command, Option } from 'commander';
import { type Embedder, InvalidInputError } from 'pointsman';
import { Document, parse } from 'yaml';
import { writeAtOnce } from '../../artifact/write-artifact.ts';
import { parseTrainConfig } from '../../config.ts';
import { openEmbedder } from '../../embed/embedders.ts';
import { type ConfigDraft, type ConfigLine, draftConfig } from '../../first-config/config-lines.ts';
import { lookAtLog } from '../../first-config/look-at-log.ts';
import { LOG_FORMATS, type LogFormat } from '../../ingest/formats/log-formats.ts';
import { ingestOutcomes } from '../../ingest/ingest.ts';
import { parseLogsConfig } from '../../ingest/options.ts';
import { parseRetrainConfig } from '../../retrain/config.ts';
import { docPath, fileError } from '../../work/run-folder.ts';
import { describeIngest } from '../terminal/describe.ts';
import { type CommandIo, createProgress, ExitCode, printable, quoted, wrapText } from '../terminal/io.ts';
import {
  addLogOptions,
  addMapOption,
  type ColumnMap,
  type LogFlags,
  logOptions,
  readPrices,
  wholeNumber,
  withStandardInput,
} from '../terminal/options.ts';
import { readTrainSettings } from './train.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman init traffic.jsonl
  $ npx pointsman init observations.jsonl scores.jsonl --out support.yaml
  $ npx pointsman init 'logs/*.csv' --dry-run
  $ npx pointsman init 'logs/decisions/decisions-*' --retrain --router models/support
  $ zcat traffic.jsonl.gz | npx pointsman init - --rows 5000

Each line of the file stands under a comment that says what was seen; what could not be told is a comment to fill in.
Ends with 0 when nothing is left to fill in, 3 when something is, 1 when it failed.`;

interface InitFlags {
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
  const command = new Command('init').argument(
    '<files...>',
    `logs of any kind that ${docPath('logs.md')} names; files, quoted patterns, or a store of logs as s3://bucket/prefix; - reads standard input`,
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
      await withStandardInput(files, io, (read) => runInit(files, read, flags, io));
    });
}

/** Something must be filled in before the config can be used. */
const UNFINISHED = 3;

/** @param files as they were named @param read the same, standard input as a file */
async function runInit(
  files: readonly string[],
  read: readonly string[],
  flags: InitFlags,
  io: CommandIo,
): Promise<void> {
  const out = flags.out ?? (flags.retrain ? 'retrain.yaml' : 'pointsman.yaml');
  const isPrinted = flags.dryRun === true || out === '-';
  if (!isPrinted) await checkPlace(out, flags.force === true);
  const progress = createProgress(io, !io.isTTY);
  const draft = await look(files, read, flags, progress.update).finally(() => progress.stop());
  const next = nextCommand(files, isPrinted && out === '-' ? 'pointsman.yaml' : out, flags);
  const needed = draft.lines.filter(({ state }) => state === 'needed').map(({ path }) => path.join('.'));
  const open = unfinished(needed, draft.obstacles);
  const told = [...draft.seen, ...open];
  const text = configYaml(
    [
      `Made by: npx pointsman init ${files.map(quoted).join(' ')}${flags.retrain ? ' --retrain' : ''}`,
      ...told.flatMap(inLines),
      `Then: ${next}`,
    ],
    draft.lines,
  );
  checkConfig(text, flags.retrain === true);
  if (!isPrinted) await place(text, out, flags.force === true);
  if (flags.json) {
    const { lines, obstacles, seen } = draft;
    const summary = { out: isPrinted ? null : out, seen, lines, needed, obstacles, next, config: text };
    io.stdout(`${JSON.stringify(summary, null, 2)}\n`);
  } else {
    if (isPrinted) io.stdout(text);
    const say = isPrinted ? io.stderr : io.stdout;
    const lines = [...told, ...(isPrinted ? [] : [`Written to ${out}; each line says what it is from.`])];
    say(
      lines.map((line) => `${wrapText(printable(line), io.columns, '  ')}\n`).join('') +
        `\n${open.length > 0 ? 'Then' : 'Next'}     ${next}\n`,
    );
  }
  if (open.length > 0) throw new ExitCode(UNFINISHED);
}

/** For the head of the file; commands in it are not broken. */
function inLines(text: string): string[] {
  return wrapText(printable(text), HEAD_WIDTH).split('\n');
}
const HEAD_WIDTH = 108;

async function look(
  files: readonly string[],
  read: readonly string[],
  { format, map, retrain, router, rows, score }: InitFlags,
  onStep: (what: string) => void,
): Promise<ConfigDraft> {
  const seen = await lookAtLog({ files: read, format, map, rows, score, onStep });
  const given = read.find((file, i) => file !== files[i]);
  const formats = seen.formats.map((each) =>
    each.file === given ? { ...each, file: 'standard input' } : each,
  );
  return draftConfig({ ...seen, formats }, { retrain: retrain ? { router, files } : undefined });
}

function unfinished(needed: readonly string[], obstacles: readonly string[]): string[] {
  const fill = `Fill in first, and take away the # before it: ${needed.join(', ')}.`;
  return [...(needed.length === 0 ? [] : [fill]), ...obstacles];
}

function nextCommand(files: readonly string[], config: string, { retrain, router }: InitFlags): string {
  if (retrain) return `npx pointsman retrain --config ${quoted(config)}`;
  const input = files.includes('-') ? ' < your-log' : '';
  return `npx pointsman train ${files.map(quoted).join(' ')} --config ${quoted(config)} --out ${quoted(router)}${input}`;
}

/** What is written must be what `train` or `retrain` takes. */
function checkConfig(text: string, isRetrain: boolean): void {
  const { logs, ...fields } = parse(text) as Record<string, unknown>;
  if (isRetrain) parseRetrainConfig({ logs, ...fields });
  else {
    parseLogsConfig(logs);
    parseTrainConfig(fields);
  }
}

/** Before the log is read: whether the config can go there. */
async function checkPlace(out: string, force: boolean): Promise<void> {
  const found = await stat(out).catch(() => null);
  if (found?.isDirectory())
    throw new InvalidInputError(`${out} is a folder. Name a file: --out ${out}/pointsman.yaml`);
  if (found !== null && !force) throw isThere(out);
  const folder = dirname(out);
  if (!(await stat(folder).catch(() => null))?.isDirectory())
    throw new InvalidInputError(`There is no folder ${folder} to write ${out} to. Make it first.`);
}

function isThere(out: string): InvalidInputError {
  return new InvalidInputError(
    `${out} is there already, and is left as it is. Write over it with --force, or to another file with --out.`,
  );
}

/** The whole file at once, or nothing. A file that came there meanwhile is left as it is, unless forced. */
async function place(text: string, out: string, force: boolean): Promise<void> {
  try {
    await writeAtOnce(out, new TextEncoder().encode(text), { over: force });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw isThere(out);
    throw fileError(cause, `The config cannot be written to ${out}`, 'Name another file: --out');
  }
}

/** What stands over a part of the file. */
const SECTIONS: Readonly<Record<string, string>> = {
  logs: 'How the log is read.',
  map: 'Fields, and your names of them.',
  candidates: 'Prices in US dollars per million tokens.',
  train: 'As in the config of pointsman train.',
};
const WIDTH = 110;

interface Branch {
  line?: ConfigLine;
  readonly below: Map<string, Branch>;
}

/**
 * A config file with a comment over each line that says why it is there; what is not taken is a comment itself.
 * @param head lines of the comment that it begins with
 */
function configYaml(head: readonly string[], lines: readonly ConfigLine[]): string {
  const root: Branch = { below: new Map() };
  for (const line of lines) {
    let branch = root;
    for (const name of line.path) {
      const next = branch.below.get(name) ?? { below: new Map() };
      branch.below.set(name, next);
      branch = next;
    }
    branch.line = line;
  }
  const parts = [...root.below].map(([name, branch]) => branchText(name, branch, '', false));
  const text = [head.map((line) => `# ${printable(line)}`).join('\n'), ...parts].join('\n\n').concat('\n');
  checkReadsBack(text, lines);
  return text;
}

/** @param isOut whether what it hangs on is a comment, so that it must be one too */
function branchText(name: string, { below, line }: Branch, indent: string, isOut: boolean): string {
  // What hangs on a comment is moved in behind its sign, so that it fits once the signs are taken away.
  const inner = isOut ? `${indent.slice(0, -2)}#   ` : indent;
  if (line !== undefined) {
    const text = keyed(name, line.value);
    const isTaken = line.state === 'taken';
    const shown = isTaken ? prefixed(text, indent) : prefixed(text, isOut ? inner : `${indent}# `);
    return `${comment(line.because, indent)}\n${shown}`;
  }
  const isAllOut = isOut || !hasTaken(below);
  const over = name in SECTIONS ? `${comment(SECTIONS[name], indent)}\n` : '';
  const key = `${isOut ? inner : isAllOut ? `${indent}# ` : indent}${keyed(name, null).replace(/ ?null$/, '')}`;
  const held = [...below].map(([each, branch]) => branchText(each, branch, `${indent}  `, isAllOut));
  return `${over}${key}\n${held.join('\n')}`;
}

function hasTaken(below: ReadonlyMap<string, Branch>): boolean {
  return [...below.values()].some(({ below: further, line }) => line?.state === 'taken' || hasTaken(further));
}

/** One key and its value. What readers of YAML 1.1 would take for a number or a yes is put in quotes too. */
function keyed(name: string, value: unknown): string {
  const document = new Document({}, { compat: 'yaml-1.1' });
  document.set(name, document.createNode(value, { flow: true }));
  return document.toString({ lineWidth: 0, blockQuote: false, doubleQuotedAsJSON: true }).trimEnd();
}

function prefixed(text: string, prefix: string): string {
  return text
    .split('\n')
    .map((line) => prefix + line)
    .join('\n');
}

function comment(text: string, indent: string): string {
  return prefixed(wrapText(printable(text), WIDTH - indent.length - 2), `${indent}# `);
}

/** @throws Error where the file would not say what it is meant to say */
function checkReadsBack(text: string, lines: readonly ConfigLine[]): void {
  const read = parse(text) as unknown;
  for (const { path, state, value } of lines) {
    if (state !== 'taken') continue;
    const found = path.reduce<unknown>((held, name) => (held as Record<string, unknown>)?.[name], read);
    if (!isDeepStrictEqual(found, value)) throw new Error(`\`${path.join('.')}\` would not be read back.`);
  }
}

const INGEST_EXAMPLES = `
Examples:
  $ npx pointsman ingest traffic.jsonl --out outcomes.parquet
  $ npx pointsman ingest 'logs/*.jsonl.gz' old.csv --out outcomes.parquet \\
      --map text=request.prompt --map candidate=llm
  $ npx pointsman ingest traffic.parquet --out outcomes.parquet --prices prices.yaml --strict
  $ npx pointsman ingest votes.jsonl --format preferences --out outcomes.parquet
  $ npx pointsman ingest 'decisions-*.jsonl' --format pointsman --out outcomes.parquet --append

prices.yaml, US dollars per million tokens, for rows with tokens and no cost:
  small-model: { inputPricePerMillionTokens: 0.15, outputPricePerMillionTokens: 0.6 }`;

interface IngestFlags extends LogFlags {
  readonly out: string;
  readonly map: ColumnMap;
  readonly prices?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
  readonly embedder: string;
}

/** `pointsman ingest`: logs of any shape into one outcomes table. Run it with `runCommand`. */
export function ingestCommand(io: CommandIo): Command {
  const command = new Command('ingest')
    .argument(
      '<files...>',
      'files, quoted patterns, or a store of logs as s3://bucket/prefix; - reads standard input; JSONL and CSV also as .gz',
    )
    .requiredOption('-o, --out <file>', 'the Parquet file to write');
  return addLogOptions(addMapOption(command))
    .option('-p, --prices <file>', 'YAML or JSON with prices per million tokens by candidate')
    .option('--strict', 'stop at the first row that cannot be used')
    .option('-e, --embedder <kind>', 'for --keep hashes: as the router will use', 'static')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', INGEST_EXAMPLES)
    .action(async (files: string[], flags: IngestFlags) => {
      await withStandardInput(files, io, (read) => runIngest(read, flags, io));
    });
}

async function runIngest(files: readonly string[], flags: IngestFlags, io: CommandIo): Promise<void> {
  const prices = flags.prices === undefined ? {} : { prices: await readPrices(flags.prices) };
  const progress = createProgress(io, !io.isTTY);
  try {
    const report = await ingestOutcomes({
      files,
      out: flags.out,
      map: flags.map,
      ...logOptions(flags),
      strict: flags.strict === true,
      onProgress: ({ bytesRead, bytesTotal }) => progress.update('reading', bytesRead / bytesTotal),
      onStep: (what, done, total) => progress.update(what, total === 0 ? 1 : done / total),
      ...(flags.keep === 'hashes' ? { embedder: await embedderOf(flags, io) } : {}),
      ...prices,
    });
    progress.stop();
    const written = `  written to ${flags.out}, fingerprint ${report.fingerprint.slice(0, 12)}\n`;
    io.stdout(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeIngest(report) + written);
  } finally {
    progress.stop();
  }
}

async function embedderOf(flags: IngestFlags, io: CommandIo): Promise<Embedder> {
  const { config } = await readTrainSettings({ embedder: flags.embedder }, io.env);
  return (await openEmbedder(config.embedder)).embedder;
}
