import { rehearseTraining, trainFromFiles } from '../pipeline/train-from-files.ts';
import type { CommandIo } from './command-io.ts';
import { describeIngest } from './describe-ingest.ts';
import { describeTraffic } from './describe-traffic.ts';
import { describeTraining } from './describe-training.ts';
import { logOptions } from './log-options.ts';
import { createProgress } from './progress.ts';
import { readPrices } from './read-settings.ts';
import { showTraining } from './show-training.ts';
import { summariseTraffic } from './summarise-traffic.ts';
import { summariseTraining } from './summarise-training.ts';
import type { TrainFlags } from './train-command.ts';
import { readTrainConfig, routerName } from './train-settings.ts';
import { wrapText } from './wrap-text.ts';

export async function runTrain(files: readonly string[], flags: TrainFlags, io: CommandIo): Promise<void> {
  const config = await readTrainConfig(flags, io.env);
  const options = {
    files,
    config,
    name: routerName(flags.name, flags.out),
    out: flags.out,
    workFolder: flags.work,
    map: flags.map,
    ...logOptions(flags),
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
