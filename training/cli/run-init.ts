import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { parse } from 'yaml';
import { writeAtOnce } from '../artifact/write-at-once.ts';
import { parseLogsConfig } from '../config/logs-config.ts';
import { parseTrainConfig } from '../config.ts';
import { type ConfigDraft, draftConfig } from '../first-config/config-lines.ts';
import { lookAtLog } from '../first-config/look-at-log.ts';
import { parseRetrainConfig } from '../retrain/config.ts';
import { fileError } from '../work/file-error.ts';
import type { CommandIo } from './command-io.ts';
import type { InitFlags } from './commands/init.ts';
import { configYaml } from './config-yaml.ts';
import { ExitCode } from './exit-code.ts';
import { printable, quoted } from './printable.ts';
import { createProgress } from './terminal/io.ts';
import { wrapText } from './wrap-text.ts';

/** Something must be filled in before the config can be used. */
const UNFINISHED = 3;

/** @param files as they were named @param read the same, standard input as a file */
export async function runInit(
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
