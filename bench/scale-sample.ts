import { atMost, type BenchLine, plain } from './bench-line.ts';
import { topicShares } from './large-traffic.ts';
import { linearLines, sizeOf, withFile } from './scale.ts';
import { measureScale, type ScaleMeasure, type ScaleRun } from './scale-measure.ts';

/** Each topic half as frequent as the one before: of the rarest, one prompt in 256. */
const PROMPTS = 40_000;
const SAMPLE = 4000;
const SHARD_BYTES = 16 * 2 ** 20;
/** Points of routed quality that a sample may cost. */
const MOST_LOST = 1;

/**
 * What a sample costs in quality: trainings on all prompts, on a sample as `--fit-sample` draws it, and on as many prompts of which
 * each topic has as many. Measured on fresh prompts, whose true probabilities are known, as well as on test prompts.
 */
export async function benchScaleSample(onProgress: (what: string) => void): Promise<BenchLine[]> {
  const run = (what: string, given: Pick<ScaleRun, 'engine' | 'file'>) =>
    measureScale({
      ...{ ...given, shardBytes: SHARD_BYTES, sample: SAMPLE },
      onProgress: (step) => onProgress(`${what}: ${step}`),
    });
  const [all, sample] = await withFile(
    PROMPTS,
    false,
    async (file) => [
      await run('all fitted on', { file, engine: ['whole'] }),
      await run('a sample', { file, engine: ['shards'] }),
    ],
    'rarely',
  );
  const even = await withFile(SAMPLE, false, (file) => run('a level sample', { file, engine: ['whole'] }));
  const name = 'scale: a sample';
  const note = `${sizeOf(all)}, of which ${sample.sampled.toLocaleString('en')} fitted on`;
  return [
    atMost(
      `${name}, success lost to the full fit`,
      lost(all, sample),
      'points',
      MOST_LOST,
      `${note}; ${shown(all, sample)}`,
    ),
    plain(
      `${name}, error of probabilities`,
      100 * sample.error,
      'points',
      `root mean square from the true ones, each topic counting alike; all fitted on ${(100 * all.error).toFixed(2)}`,
    ),
    ...linearLines(name, sample),
    plain(`${name}, CPU`, sample.driverCpu, 's', `all fitted on ${all.driverCpu.toFixed(0)} s`),
    plain(
      `${name}, peak memory`,
      sample.driverPeakMb,
      'MB',
      `all fitted on ${all.driverPeakMb.toFixed(0)} MB`,
    ),
    plain(
      'scale: a level sample, success lost to the full fit',
      lost(all, even),
      'points',
      `${even.prompts.toLocaleString('en')} prompts, of each topic as many, which count alike; ${shown(all, even)}`,
    ),
    plain('scale: a level sample, error of probabilities', 100 * even.error, 'points', 'as above'),
  ];
}

/** Over prompts whose topics are as frequent as in the log. */
function worth({ routedByTopic }: ScaleMeasure): number {
  const shares = topicShares('rarely');
  return routedByTopic.reduce((sum, routed, topic) => sum + shares[topic] * routed, 0);
}

function lost(all: ScaleMeasure, of: ScaleMeasure): number {
  return 100 * (worth(all) - worth(of));
}

function shown(all: ScaleMeasure, of: ScaleMeasure): string {
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const rare = ({ routedByTopic }: ScaleMeasure) => percent(routedByTopic.at(-1)!);
  return `fresh prompts: ${percent(worth(of))} good, all fitted on ${percent(worth(all))}; of the rarest topic ${rare(of)}, all fitted on ${rare(all)}`;
}
