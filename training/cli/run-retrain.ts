import { parseRetrainConfig, type RetrainConfig } from '../config/retrain-config.ts';
import { type RetrainRun, releaseBatch, retrain, scheduleRetrain } from '../retrain/index.ts';
import { RouterBusyError } from '../versions/index.ts';
import type { CommandIo } from './command-io.ts';
import { describeRun } from './describe-run.ts';
import { ExitCode } from './exit-code.ts';
import { createProgress } from './progress.ts';
import { readYaml } from './read-settings.ts';
import type { RetrainFlags } from './retrain-command.ts';
import { showTraining } from './show-training.ts';

const KEPT = 3;
const BUSY = 4;

export async function runRetrain(flags: RetrainFlags, io: CommandIo): Promise<void> {
  const config = parseRetrainConfig(await readYaml(flags.config, 'The config'));
  if (flags.release !== undefined) {
    await releaseBatch(config.router, flags.release);
    return io.stdout(`"${flags.release}" is trusted from the next run on.\n`);
  }
  if (flags.schedule !== undefined) return repeat(flags.schedule, config, flags, io);
  const run = await once(config, flags, io).catch((error: unknown) => {
    if (!(error instanceof RouterBusyError)) throw error;
    io.stderr(`${error.message}\n`);
    throw new ExitCode(BUSY);
  });
  if (run.outcome === 'kept') throw new ExitCode(KEPT);
}

async function once(config: RetrainConfig, flags: RetrainFlags, io: CommandIo): Promise<RetrainRun> {
  const progress = createProgress(io, flags.quiet === true);
  try {
    const run = await retrain({
      config,
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
