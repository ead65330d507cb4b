import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { InvalidInputError, type Request, readPrompt } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import { addReports, EXAMPLES_FILE, type Example, SEEN_FILE } from '../../artifact/build-artifact.ts';
import { versionFolders } from '../../artifact/versions.ts';
import { writeArtifact } from '../../artifact/write-artifact.ts';
import { versionsKept } from '../../engine/log-list.ts';
import { IS_BUCKET, removeBelow } from '../../engine/objects.ts';
import { nameOf } from '../../engine/queue.ts';
import { OutcomeStore } from '../../ingest/outcome-store.ts';
import { type CollectReport, collectLogs, IS_STREAM } from '../../log-store/collect.ts';
import { type CompactReport, compactLog } from '../../log-store/compact.ts';
import {
  type Forgetting,
  type ForgottenDecision,
  type ForgottenPlace,
  forgetInLogs,
  namesOf,
} from '../../log-store/forget.ts';
import { decodeSeenPrompts } from '../../split/split.ts';
import { docPath } from '../../work/run-folder.ts';
import { type CommandIo, createProgress, printable, wrapText } from '../terminal/io.ts';
import { addScratchOptions, type ScratchFlags, scratchOptions, wholeNumber } from '../terminal/options.ts';

const COMPACT_EXAMPLES = `
Examples:
  $ npx pointsman log compact logs/decisions
  $ npx pointsman log compact logs/decisions --json

The logs of many gateways into one store of Parquet files by day, every hour, on each machine:
  $ npx pointsman log compact logs/decisions --out /mnt/shared/log
  $ npx pointsman log compact 'redis://queue:6379?stream=pointsman_log' --out s3://bucket/log

Learn from it, compacted or not:
  $ npx pointsman ingest logs/decisions --format pointsman --out outcomes.parquet
  $ npx pointsman ingest s3://bucket/log --format pointsman --out outcomes.parquet`;

interface CompactFlags {
  readonly out?: string;
  readonly settle?: number;
  readonly json?: boolean;
}

/** `pointsman log`: what is done with the decision log that routers write. */
export function logCommand(io: CommandIo): Command {
  const command = new Command('log').addHelpText('after', `${COMPACT_EXAMPLES}${FORGET_EXAMPLES}`);
  command
    .command('compact')
    .description(
      'Turn the closed files of decision logs from JSONL into Parquet: beside them, or in a store by day that many share. May be run at any time, beside routers that log.',
    )
    .argument(
      '<places...>',
      'folders of logs; with --out also streams of Redis, as redis://host:6379?stream=name, and buckets that files of logs were sent into',
    )
    .option(
      '--out <store>',
      'folder, or s3://bucket/prefix, that their records are taken into, by day, each once (default: beside the log)',
    )
    .addOption(
      new Option(
        '--settle <minutes>',
        'how long after its time a file is left alone, whose process did not close it (10)',
      ).argParser(wholeNumber),
    )
    .option('--json', 'print the report as JSON')
    .addHelpText('after', COMPACT_EXAMPLES)
    .action((places: string[], flags: CompactFlags) => runCompact(places, flags, io));
  command.addCommand(forgetCommand(io));
  return command;
}

async function runCompact(places: readonly string[], flags: CompactFlags, io: CommandIo): Promise<void> {
  const { json, out, settle } = flags;
  const settled = settle === undefined ? {} : { settleMs: 60_000 * settle };
  if (out !== undefined) {
    const onWait = (who: string) => io.stderr(`Waiting for ${who}, which is changing ${out}.\n`);
    const report = await withProgress(io, (onProgress) =>
      collectLogs({ sources: places, out, onProgress, onWait, ...settled }),
    );
    return tell(report, describeCollect(report));
  }
  for (const folder of places) {
    if (IS_STREAM.test(folder) || IS_BUCKET.test(folder))
      throw new InvalidInputError(
        `\`--out\` must be given for ${nameOf(folder)}: the folder of a store, or s3://bucket/prefix. Got none.`,
      );
    const report = await withProgress(io, (onProgress) => compactLog({ folder, onProgress, ...settled }));
    tell(report, describeCompact(report));
  }

  function tell(report: CollectReport | CompactReport, said: string): void {
    io.stdout(json ? `${JSON.stringify(report, null, 2)}\n` : said);
    const [first, ...others] = report.refused;
    if (first === undefined) return;
    const more = others.length === 0 ? '' : ` So with ${count(others.length, 'other')}: see --json.`;
    throw new InvalidInputError(first.reason + more);
  }
}

type OnFiles = (progress: { readonly filesDone: number; readonly filesTotal: number }) => void;

async function withProgress<Report>(
  io: CommandIo,
  work: (onProgress: OnFiles) => Promise<Report>,
): Promise<Report> {
  const progress = createProgress(io, !io.isTTY);
  try {
    return await work(({ filesDone, filesTotal }) => {
      if (filesTotal > 0) progress.update('compacting', filesDone / filesTotal);
    });
  } finally {
    progress.stop();
  }
}

const IN_TIME = 'compact more often, or raise its maxLength';

function describeCollect(report: CollectReport): string {
  const { elsewhere, files, linesCutOff, merged, open, parts, records, refused, repeated, trimmed } = report;
  const size = records === 0 ? '' : `, ${megabytes(report.bytesBefore)} to ${megabytes(report.bytesAfter)}`;
  return linesOf(
    `${count(records, 'record')} taken in, of ${count(files, 'file')}, into ${count(parts, 'part')}${size}`,
    [repeated, `${count(repeated, 'record')} were there already`],
    [merged, `${count(merged, 'small file')} merged into one a day`],
    [linesCutOff, `${count(linesCutOff, 'line')} cut off by a crash left out`],
    [trimmed, `${count(trimmed, 'entry', 'entries')} at least dropped by a full stream: ${IN_TIME}`],
    [open, `${count(open, 'file')} may still be written to`],
    [elsewhere, `${count(elsewhere, 'file')} claimed for another store`],
    [refused.length, `${refused.length} refused`],
  );
}

function describeCompact(report: CompactReport): string {
  const { bytesAfter, bytesBefore, compacted, linesCutOff, open, records, refused } = report;
  const size = compacted === 0 ? '' : `, ${megabytes(bytesBefore)} to ${megabytes(bytesAfter)}`;
  return linesOf(
    `${count(compacted, 'file')} compacted, ${count(records, 'record')}${size}`,
    [linesCutOff, `${count(linesCutOff, 'line')} cut off by a crash left out`],
    [open, `${count(open, 'file')} may still be written to`],
    [report.alreadyCompacted, `${count(report.alreadyCompacted, 'file')} compacted before`],
    [refused.length, `${count(refused.length, 'file')} refused`],
  );
}

/** A first line, and one for each number that is not 0. */
function linesOf(first: string, ...notes: readonly (readonly [number: number, said: string])[]): string {
  return [first, ...notes.filter(([number]) => number > 0).map(([, said]) => `  ${said}`), ''].join('\n');
}

function count(n: number, what: string, several = `${what}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? what : several}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

const FORGET_EXAMPLES = `
Examples:
  $ npx pointsman log forget logs/decisions --user ada@example.com --models models/support --dry-run
  $ npx pointsman log forget /mnt/shared/log --user ada@example.com --user-key keys/user.key --models models/support models/code
  $ npx pointsman log forget 'postgres://db/log?table=pointsman_log' 'redis://queue:6379?stream=pointsman_log' --user 4711
  $ npx pointsman log forget s3://bucket/log --older-than 90d

The secret that users were hashed with is read from --user-key, from the environment variable POINTSMAN_USER_KEY, and from the file that
a gateway makes beside its log (logs/decisions.user-key). See ${docPath('decision-log.md')}.`;

interface ForgetFlags extends ScratchFlags {
  readonly user?: string;
  readonly olderThan?: number;
  readonly userKey?: readonly string[];
  readonly models?: readonly string[];
  readonly work: string;
  readonly store?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** What one version of a router has to do with what is forgotten. */
interface ForgottenVersion {
  readonly folder: string;
  readonly version: string;
  /** Prompts that are forgotten and that it learned from; null where it does not say. */
  readonly learnedFrom: number | null;
  /** Labelled examples that were, or would be, removed. */
  readonly examples: number;
  /** Whether it compares prompts with those that it was fitted on, which it holds as numbers. */
  readonly hasNeighbours: boolean;
  /** Why it could not be looked at or changed; null where it could. */
  readonly problem: string | null;
}

interface ForgetReport {
  readonly dryRun: boolean;
  readonly places: readonly ForgottenPlace[];
  /** Rows of the outcomes that routers have gathered, by folder. */
  readonly gathered: readonly { readonly folder: string; readonly rows: number }[];
  /** Whether the store of shards was emptied, or would be; null where none was named. */
  readonly shards: Awaited<ReturnType<typeof emptyShards>> | null;
  readonly versions: readonly ForgottenVersion[];
}

/** `pointsman log forget`: removes what a person asked, or what is old. */
function forgetCommand(io: CommandIo): Command {
  const command = new Command('forget')
    .description(
      'Remove what a person asked, what was answered and said of it, from logs, from what routers have gathered, and from examples in routers; or all that is older than some time.',
    )
    .argument(
      '<places...>',
      'folders of logs, stores that logs are compacted into (s3://bucket/prefix too), postgres://...?table=name, redis://...?stream=name',
    )
    .option('--user <id>', 'the person, as requests named it')
    .addOption(new Option('--older-than <time>', 'everything older, such as 90d or 36h').argParser(readAge))
    .option('--user-key <files...>', 'files with the secrets that users were hashed with')
    .option(
      '--models <folders...>',
      "routers' folders, whose versions are looked at, and lose examples of these prompts",
    )
    .option('--work <folder>', 'where retrainings keep what routers have gathered', '.pointsman')
    .option(
      '--store <store>',
      'store of shards of trainings on many machines: it is emptied, since what is there is made anew',
    )
    .option('--dry-run', 'look and count, and remove nothing')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', FORGET_EXAMPLES)
    .action(async (places: string[], flags: ForgetFlags, command: Command) => {
      if ((flags.user === undefined) === (flags.olderThan === undefined))
        command.error('error: give --user or --older-than, one of the two');
      await runForget(places, flags, io);
    });
  return addScratchOptions(command);
}

const UNITS = { d: 86_400_000, h: 3_600_000 } as const;

function readAge(text: string): number {
  const [, count, unit] = /^(\d{1,6})([dh])$/.exec(text) ?? [];
  if (count === undefined || Number(count) === 0)
    throw new InvalidArgumentError('It must be days or hours, such as 90d or 36h.');
  return Number(count) * UNITS[unit as keyof typeof UNITS];
}

async function runForget(places: readonly string[], flags: ForgetFlags, io: CommandIo): Promise<void> {
  const { dryRun = false, models = [], olderThan, store, user, work } = flags;
  const secrets = user === undefined ? [] : await readSecrets(places, flags.userKey ?? []);
  if (user !== undefined && secrets.length === 0)
    io.stderr(
      'Note: no secret that users are hashed with was found, so only records that hold the user as it is are found. Give it with --user-key.\n',
    );
  const forgetting: Forgetting =
    olderThan === undefined
      ? { users: namesOf(user as string, secrets) }
      : { before: Date.now() - olderThan };
  const scratch = scratchOptions(flags);
  const { decisions, places: done } = await forgetInLogs({ places, forgetting, dryRun, ...scratch });
  const doomed = {
    ids: 'users' in forgetting ? decisions.map(({ id }) => id) : [],
    before: 'before' in forgetting ? forgetting.before : Number.NEGATIVE_INFINITY,
  };
  const gathered: { folder: string; rows: number }[] = [];
  for (const folder of await gatheredFolders(work))
    gathered.push({ folder, rows: await new OutcomeStore(folder, scratch).forget(doomed, dryRun) });
  const versions: ForgottenVersion[] = [];
  for (const folder of models)
    for (const version of await versionsOf(folder))
      versions.push(await forgetInVersion(folder, version, decisions, dryRun));
  const shards = store === undefined ? null : await emptyShards(store, decisions.length > 0, dryRun);
  const report: ForgetReport = { dryRun, places: done, gathered, shards, versions };
  io.stdout(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeForget(report, io.columns));
}

/** Of the files, of the environment, and of those that gateways keep beside their logs. */
async function readSecrets(places: readonly string[], files: readonly string[]): Promise<string[]> {
  const secrets = [process.env.POINTSMAN_USER_KEY ?? ''];
  for (const file of files)
    secrets.push(
      await readFile(file, 'utf8').catch((cause) => {
        throw new InvalidInputError(`The secret ${file} cannot be read (${cause.code}). Check --user-key.`, {
          cause,
        });
      }),
    );
  for (const place of places)
    secrets.push(await readFile(`${place.replace(/[/\\]+$/, '')}.user-key`, 'utf8').catch(() => ''));
  return [...new Set(secrets.map((secret) => secret.trim()).filter((secret) => secret !== ''))];
}

/** Folders of what routers have gathered, in the work folder of their retrainings. */
async function gatheredFolders(work: string): Promise<string[]> {
  const routers = join(work, 'routers');
  const names = await readdir(routers).catch(() => []);
  return names.sort().map((name) => join(routers, name, 'outcomes'));
}

async function versionsOf(folder: string): Promise<string[]> {
  const versions = await versionFolders(folder);
  if (versions.length > 0) return versions;
  throw new InvalidInputError(
    `There is no router in ${folder}. Give folders of routers with --models, such as models/support.`,
  );
}

async function forgetInVersion(
  folder: string,
  version: string,
  decisions: readonly ForgottenDecision[],
  dryRun: boolean,
): Promise<ForgottenVersion> {
  const about = { folder, version, learnedFrom: null, examples: 0, hasNeighbours: false };
  try {
    const artifact = await readArtifactFolder(join(folder, version), { reports: true });
    const { manifest, reports } = artifact;
    const seen = reports?.files.get(SEEN_FILE);
    const known = seen === undefined ? null : decodeSeenPrompts(seen, manifest.provenance.dataFingerprint);
    const learnedFrom = known && decisions.filter((decision) => wasSeen(known, decision)).length;
    const file = reports?.files.get(EXAMPLES_FILE);
    const examples = file === undefined ? [] : (JSON.parse(new TextDecoder().decode(file)) as Example[]);
    const kept = examples.filter(({ text }) => !decisions.some((decision) => isTextOf(decision, text)));
    if (kept.length < examples.length && !dryRun) {
      const files = new Map([...(reports?.files ?? [])]);
      files.set(EXAMPLES_FILE, new TextEncoder().encode(JSON.stringify(kept)));
      const core = await Promise.all(
        manifest.files.map(
          async ({ path }) => [path, await (artifact.load?.(path) ?? artifact.file(path))] as const,
        ),
      );
      const sealed = { manifest, version, files: new Map(core) };
      await writeArtifact(folder, await addReports(sealed, manifest.metrics, files), { point: false });
    }
    const hasNeighbours = JSON.stringify(manifest.heads).includes('"kind":"knn"');
    return { ...about, learnedFrom, examples: examples.length - kept.length, hasNeighbours, problem: null };
  } catch (error) {
    return { ...about, problem: (error as Error).message };
  }
}

function wasSeen(
  known: ReturnType<typeof decodeSeenPrompts>,
  { promptHash, request }: ForgottenDecision,
): boolean {
  const prompt = { requestId: '', timestampMs: null, task: null, tier: null, source: '' };
  if (known.roleOf({ ...prompt, request: {}, promptHash }) !== null) return true;
  return request !== null && known.roleOf({ ...prompt, request: request as Request }) !== null;
}

/** Examples hold the beginning of a prompt. */
function isTextOf({ request }: ForgottenDecision, text: string): boolean {
  return request !== null && text !== '' && readPrompt(request as Request).text.startsWith(text);
}

/** Shards are known by their bytes, and none can be changed: all of them go. Whoever trains there makes them anew. */
async function emptyShards(store: string, isNeeded: boolean, dryRun: boolean) {
  if (isNeeded && !dryRun) await removeBelow(store, ['done', 'shards']);
  return { store, emptied: isNeeded, left: isNeeded ? await versionsKept(store) : [] };
}

function describeForget(
  { dryRun, gathered, places, shards, versions }: ForgetReport,
  columns: number,
): string {
  const line = (text: string) => `${wrapText(printable(text), columns, '  ')}\n`;
  const verb = dryRun ? 'would be removed' : 'removed';
  const [emptied, untouched] = [`all shards ${verb}`, 'left as it is, since nothing was found'];
  return [
    ...places.flatMap(({ decisions, left, place, records }) => [
      line(`${place}: ${count(records, 'record')} ${verb}, ${count(decisions, 'decision')} among them`),
      ...left.map((text) => line(`  ${text}`)),
    ]),
    ...gathered
      .filter(({ rows }) => rows > 0)
      .map(({ folder, rows }) => line(`${folder}: ${count(rows, 'row')} ${verb}`)),
    ...(shards === null ? [] : [line(`${shards.store}: ${shards.emptied ? emptied : untouched}`)]),
    ...(shards?.left ?? []).map((text) => line(`  ${text}`)),
    ...versions.map((version) => line(describeVersion(version, verb))),
    dryRun ? 'Nothing was changed (--dry-run).\n' : '',
  ].join('');
}

function describeVersion(
  { examples, folder, hasNeighbours, learnedFrom, problem, version }: ForgottenVersion,
  verb: string,
): string {
  const name = join(folder, version);
  if (problem !== null) return `${name}: it cannot be known whether it learned from this. ${problem}`;
  const shown = examples === 0 ? '' : ` ${examples} of its examples ${verb}.`;
  if (learnedFrom === null)
    return `${name}: it cannot be known whether it learned from this: it has no ${SEEN_FILE}.${shown}`;
  if (learnedFrom === 0) return `${name}: did not learn from this.${shown}`;
  const neighbours = hasNeighbours
    ? ' It holds prompts as numbers to compare others with, these perhaps among them.'
    : '';
  const whose = learnedFrom === 1 ? 'the prompt of one decision' : `the prompts of ${learnedFrom} decisions`;
  return `${name}: learned from ${whose}, whoever asked it.${neighbours} Train again without it, and delete this version.${shown}`;
}
