import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { versionFolders } from '../artifact/versions.ts';
import { parseRetrainConfig, type RetrainConfig } from '../retrain/config.ts';
import { retrain } from '../retrain/retrain.ts';
import type { RetrainRun } from '../retrain/retrain-run.ts';
import { importTable, tableOfEarlierVersion } from '../retrain/run.ts';
import { scheduleRetrain } from '../retrain/schedule-retrain.ts';
import { releaseBatch } from '../retrain/watch/quarantine.ts';
import { withRetrainLock } from '../versions/retrain-lock.ts';
import { RouterBusyError } from '../versions/router-busy-error.ts';
import type { CommandIo } from './command-io.ts';
import type { RetrainFlags } from './commands/retrain.ts';
import { describeRun } from './describe-run.ts';
import { ExitCode } from './exit-code.ts';
import { readYaml } from './read-settings.ts';
import { showTraining } from './show-training.ts';
import { createProgress } from './terminal/io.ts';
import { scratchOptions } from './terminal/options.ts';

const KEPT = 3;
const BUSY = 4;

export async function runRetrain(flags: RetrainFlags, io: CommandIo): Promise<void> {
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
  if (flags.schedule !== undefined) return repeat(flags.schedule, config, flags, io);
  const run = await once(config, flags, io).catch((error: unknown) => {
    if (!(error instanceof RouterBusyError)) throw error;
    io.stderr(`${error.message}\n`);
    throw new ExitCode(BUSY);
  });
  if (run.outcome === 'kept') throw new ExitCode(KEPT);
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
