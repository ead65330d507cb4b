import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { InvalidInputError } from 'pointsman';
import { RouterBusyError, versionFolders, withRetrainLock } from '../../artifact/versions.ts';
import { nameOf } from '../../engine/queue.ts';
import { parseRetrainConfig, type RetrainConfig } from '../../retrain/config.ts';
import { enqueueRetrain, scheduleOnQueue } from '../../retrain/queued.ts';
import { retrain, scheduleRetrain } from '../../retrain/retrain.ts';
import { importTable, type RetrainRun, tableOfEarlierVersion } from '../../retrain/run.ts';
import { RUNS_FOLDER } from '../../retrain/run-page.ts';
import { releaseBatch } from '../../retrain/watch/batches.ts';
import { formatCount, formatTimes, plural } from '../../words.ts';
import { docPath } from '../../work/run-folder.ts';
import {
  type CommandIo,
  createProgress,
  ExitCode,
  printable,
  showTraining,
  wrapText,
} from '../terminal/io.ts';
import { addScratchOptions, readYaml, type ScratchFlags, scratchOptions } from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman retrain --config retrain.yaml
  $ npx pointsman retrain --config retrain.yaml --dry-run --json
  $ npx pointsman retrain --config retrain.yaml --schedule "0 3 * * *"
  $ npx pointsman retrain --config retrain.yaml --release "2026-11-25 pointsman"
  $ npx pointsman retrain --config retrain.yaml --import outcomes.parquet

On whichever worker (npx pointsman worker) has its turn next, now or every night; paths must be the same there:
  $ npx pointsman retrain --config /mnt/shared/support/retrain.yaml --engine redis://queue:6379
  $ npx pointsman retrain --config /mnt/shared/support/retrain.yaml --engine redis://queue:6379 --schedule "0 3 * * *"

retrain.yaml, of which router and logs must be there:
  router: models/support
  logs: { files: ['logs/*.jsonl'], format: pointsman }
  traffic: { learnDays: 60, holdoutDays: 3 }
  alert: { url: https://hooks.example.com/pointsman }

Ends with 0 when the challenger was promoted, 3 when the champion was kept, 4 when another retraining is at it,
1 when it failed. With --schedule it goes on until it is told to end, and then ends with 0.`;

interface RetrainFlags extends ScratchFlags {
  readonly config: string;
  readonly engine?: string;
  readonly leased?: boolean;
  readonly schedule?: string;
  readonly timezone?: string;
  readonly release?: string;
  readonly import?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `pointsman retrain`: new logs in, a better router out, or the old one kept. */
export function retrainCommand(io: CommandIo): Command {
  const command = new Command('retrain').requiredOption(
    '-c, --config <file>',
    `YAML or JSON: ${docPath('retraining.md')}`,
  );
  return addScratchOptions(command)
    .option('--engine <address>', 'Redis whose workers retrain, as redis://host:6379 (default: here)')
    .addOption(new Option('--leased', 'said by a worker, to which the queue has given the router').hideHelp())
    .option('--schedule <cron>', 'run again and again, at these times (default: run once)')
    .option('--timezone <name>', 'of the schedule, as Europe/Berlin (default: that of the machine)')
    .option('--release <batch>', 'trust a batch that is in quarantine after all, and stop')
    .option('--import <table>', "take an outcomes table into the router's store, and stop")
    .option('--dry-run', 'train and judge, but change nothing that routes')
    .option('--json', 'print the record of the run as JSON')
    .option('-q, --quiet', 'show no progress')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: RetrainFlags) => {
      await runRetrain(flags, io);
    });
}

const KEPT = 3;
const BUSY = 4;

async function runRetrain(flags: RetrainFlags, io: CommandIo): Promise<void> {
  const config = parseRetrainConfig(await readYaml(flags.config, 'The config'));
  if (flags.release !== undefined) {
    await releaseBatch(config.router, flags.release);
    return io.stdout(`"${flags.release}" is trusted from the next run on.\n`);
  }
  if (flags.import !== undefined) {
    const rows = await withRetrainLock(config.router, () =>
      importTable(config, flags.import!, scratchOptions(flags)),
    );
    return io.stdout(`The store of ${config.router} has ${rows.toLocaleString('en-US')} rows now.\n`);
  }
  await noteEarlierTable(config, flags, io);
  await noteFirst(config.router, flags.config, io);
  if (flags.engine !== undefined) return queue(flags.engine, config, flags, io);
  if (flags.schedule !== undefined) return repeat(flags.schedule, config, flags, io);
  const run = await once(config, flags, io).catch((error: unknown) => {
    if (!(error instanceof RouterBusyError)) throw error;
    io.stderr(`${error.message}\n`);
    throw new ExitCode(BUSY);
  });
  if (run.outcome === 'kept') throw new ExitCode(KEPT);
}

/** Leaves it to the workers of a queue. */
async function queue(url: string, config: RetrainConfig, flags: RetrainFlags, io: CommandIo): Promise<void> {
  if (flags.dryRun === true)
    throw new InvalidInputError('`--dry-run` must be done here. Leave out `--engine`.');
  const job = { config: resolve(flags.config), folder: process.cwd(), router: resolve(config.router) };
  if (flags.schedule === undefined) {
    await enqueueRetrain(url, job);
    return io.stdout(`${config.router} is in the queue of ${nameOf(url)}, or has its turn there.\n`);
  }
  const first = await scheduleOnQueue(url, job, flags.schedule, flags.timezone);
  io.stdout(
    `${config.router} is retrained by the workers of ${nameOf(url)}, at "${flags.schedule}": first at ${first.toISOString()}.\n`,
  );
}

/** What earlier versions gathered is not taken over by itself: any training of the same name wrote over it. */
async function noteEarlierTable(config: RetrainConfig, flags: RetrainFlags, io: CommandIo): Promise<void> {
  const file = await tableOfEarlierVersion(config);
  if (file === null) return;
  io.stderr(
    `Note: ${file} is a table of an earlier version, which any training of that name wrote over, and is not used. If it holds what this ` +
      `router has gathered, take it in: npx pointsman retrain --config ${flags.config} --import ${file}. If not, delete it.\n`,
  );
}

/** The first run makes a router where there is none, and so does a misspelled folder. */
async function noteFirst(router: string, config: string, io: CommandIo): Promise<void> {
  if ((await versionFolders(router)).length > 0) return;
  const parent = dirname(resolve(router));
  const entries = await readdir(parent).catch(() => []);
  const others: string[] = [];
  for (const name of entries.filter((each) => each !== basename(router)).sort())
    if ((await versionFolders(join(parent, name))).length > 0) others.push(name);
  const beside =
    others.length === 0
      ? ''
      : `; beside it there ${others.length === 1 ? 'is' : 'are'} ${others.slice(0, 5).join(', ')}`;
  io.stderr(
    `Note: there is no router in ${router}${beside}. A run makes the first version there; if the name is wrong, correct \`router\` in ${config}.\n`,
  );
}

async function once(config: RetrainConfig, flags: RetrainFlags, io: CommandIo): Promise<RetrainRun> {
  const progress = createProgress(io, flags.quiet === true);
  try {
    const run = await retrain({
      config,
      ...scratchOptions(flags),
      dryRun: flags.dryRun === true,
      isLeased: flags.leased === true,
      onProgress: showTraining(progress),
    });
    progress.stop();
    io.stdout(flags.json ? `${JSON.stringify(run, null, 2)}\n` : describeRun(run, config.router, io.columns));
    return run;
  } finally {
    progress.stop();
  }
}

/** Until SIGINT or SIGTERM; a run that is under way ends first, and a second signal ends everything at once. */
async function repeat(
  pattern: string,
  config: RetrainConfig,
  flags: RetrainFlags,
  io: CommandIo,
): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once('SIGINT', end).once('SIGTERM', end);
  try {
    await scheduleRetrain(
      pattern,
      async () => {
        await once(config, flags, io);
      },
      {
        signal: stop.signal,
        onError: (error) => io.stderr(`${error.message}\n`),
        onNext: (next) => io.stderr(`next retraining: ${next.toISOString()}\n`),
        ...(flags.timezone === undefined ? {} : { timezone: flags.timezone }),
      },
    );
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
}

/** What came of a retraining, for a person: the verdict first, then what to look at. */
function describeRun(run: RetrainRun, folder: string, columns: number): string {
  const { alarms, alertProblem, challenger, champion, dryRun, restated, id, outcome, sentence, traffic } =
    run;
  const line = (text: string) => `${wrapText(printable(text), columns, '  ')}\n`;
  return [
    line(sentence),
    dryRun
      ? line(
          'This was a rehearsal (--dry-run): nothing that routes was changed, and the store has no new row.',
        )
      : '',
    ...alarms.map((alarm) => line(`Alarm: ${alarm.sentence}`)),
    ...(alertProblem === null ? [] : [line(`The alarms could not be told: ${alertProblem}.`)]),
    ...restated.map(({ before, candidate, factor, measure, outcomes }) =>
      line(
        `Brought up to date: ${plural(outcomes, 'outcome')} (${measure}) of ${candidate} from before it changed on ${before}, times ${formatTimes(factor)}.`,
      ),
    ),
    traffic === null
      ? ''
      : `\nTraffic  ${plural(traffic.rowsAdded, 'new row')} of ${formatCount(traffic.rowsInStore)}; ${plural(traffic.learn, 'prompt')} to learn from, ${formatCount(traffic.holdout)} to judge by, ${formatCount(traffic.quarantined)} in quarantine\n`,
    `Router   ${inUse(outcome, champion, challenger, dryRun)}\n`,
    `Record   ${join(folder, RUNS_FOLDER, `${id}.html`)}\n`,
  ].join('');
}

function inUse(
  outcome: RetrainRun['outcome'],
  champion: string | null,
  challenger: string | null,
  dryRun: boolean,
): string {
  if (outcome !== 'promoted') return champion === null ? 'no version is in use' : `${champion} stays in use`;
  return dryRun
    ? `${challenger} would come into use; nothing was changed`
    : `${challenger} is in use${champion === null ? '' : `, before it ${champion}`}`;
}
