import { rehearseTraining, trainFromFiles } from '../pipeline/train-from-files.ts';
import type { CommandIo } from './command-io.ts';
import type { TrainFlags } from './commands/train.ts';
import { describeTraffic } from './describe-traffic.ts';
import { describeTraining } from './describe-training.ts';
import { readPrices } from './read-settings.ts';
import { showTraining } from './show-training.ts';
import { summariseTraffic } from './summarise-traffic.ts';
import { summariseTraining } from './summarise-training.ts';
import { describeIngest } from './terminal/describe.ts';
import { createProgress } from './terminal/io.ts';
import { withConfiguredLogs } from './terminal/options.ts';
import { readTrainSettings, routerName } from './train-settings.ts';
import { wrapText } from './wrap-text.ts';

/** @param isGiven whether an option was given on the command line, by its name in the flags */
export async function runTrain(
  files: readonly string[],
  flags: TrainFlags,
  io: CommandIo,
  isGiven: (option: string) => boolean,
): Promise<void> {
  const { config, logs } = await readTrainSettings(flags, io.env);
  const options = {
    files,
    config,
    name: routerName(flags.name, flags.out),
    out: flags.out,
    workFolder: flags.work,
    map: { ...logs.map, ...flags.map },
    ...withConfiguredLogs(flags, logs, isGiven),
    strict: flags.strict === true,
    ...(flags.prices === undefined ? {} : { prices: await readPrices(flags.prices) }),
  };
  const progress = createProgress(io, flags.quiet === true);
  const onProgress = showTraining(progress);
  const warn = (warnings: readonly string[]) => {
    for (const warning of warnings) io.stderr(`${wrapText(`Note: ${warning}`, io.columns, '  ')}\n`);
  };
  try {
    if (flags.dryRun) {
      return await rehearseTraining({ ...options, onProgress }, async (traffic) => {
        progress.stop();
        warn(traffic.warnings);
        io.stdout(
          flags.json
            ? `${JSON.stringify(summariseTraffic(traffic), null, 2)}\n`
            : describeIngest(traffic.ingest) + describeTraffic(traffic, io.columns),
        );
      });
    }
    const result = await trainFromFiles({ ...options, onProgress });
    progress.stop();
    warn(result.traffic.warnings);
    io.stdout(
      flags.json
        ? `${JSON.stringify(summariseTraining(result), null, 2)}\n`
        : describeTraining(result, flags.out, io.columns),
    );
  } finally {
    progress.stop();
  }
}
