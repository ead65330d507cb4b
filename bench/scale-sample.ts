import { createRandom, sigmoid } from 'pointsman/internal';
import { BLOCKS, CalibrationSketch, chooseCalibrators } from '../training/calibrate/choose-calibrator.ts';
import { createMatrix } from '../training/fit/rows.ts';
import { atMost, type BenchLine, plain } from './bench-line.ts';
import { LARGE_CANDIDATES, topicShares } from './large-traffic.ts';
import { linearLines, sizeOf, withFile } from './scale.ts';
import { measureScale, type ScaleMeasure, type ScaleRun } from './scale-measure.ts';

/** Each topic half as frequent as the one before: of the rarest, one prompt in 256. */
const PROMPTS = 40_000;
const SAMPLE = 4000;
/** Prompts of one outcome each, and how many are fitted on. */
const [LOGGED, LOGGED_SAMPLE] = [100_000, 10_000];
const SHARD_BYTES = 16 * 2 ** 20;
/** Rows that calibrators are fitted on, and fresh ones. */
const [CALIBRATED, FRESH] = [8000, 20_000];
/** Points of routed quality that a sample may cost. */
const MOST_LOST = 1;

/**
 * What a sample costs in quality: trainings on all prompts, on a sample as `--fit-sample` draws it, and on as many prompts of which
 * each topic has as many. Measured on fresh prompts, whose true probabilities are known, as well as on test prompts.
 */
export async function benchScaleSample(onProgress: (what: string) => void): Promise<BenchLine[]> {
  const run = (what: string, given: Pick<ScaleRun, 'engine' | 'file'> & Partial<ScaleRun>) =>
    measureScale({
      ...{ shardBytes: SHARD_BYTES, sample: SAMPLE, ...given },
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
  const [allLogged, logged] = await withFile(
    LOGGED,
    true,
    async (file) => [
      await run('all of one outcome', { file, engine: ['whole'] }),
      await run('a sample of one outcome', { file, engine: ['shards'], sample: LOGGED_SAMPLE }),
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
    ...onAllLines('', sample),
    plain(`${name}, CPU`, sample.driverCpu, 's', `all fitted on ${all.driverCpu.toFixed(0)} s`),
    plain(
      `${name}, peak memory`,
      sample.driverPeakMb,
      'MB',
      `all fitted on ${all.driverPeakMb.toFixed(0)} MB`,
    ),
    plain(
      'scale: a sample of one outcome a prompt, success lost to the full fit',
      lost(allLogged, logged),
      'points',
      `${allLogged.prompts.toLocaleString('en')} prompts of one outcome, of which ${logged.sampled.toLocaleString('en')} are drawn; ${shown(allLogged, logged)}`,
    ),
    ...onAllLines(' of one outcome', logged),
    plain(
      'scale: a level sample, success lost to the full fit',
      lost(all, even),
      'points',
      `${even.prompts.toLocaleString('en')} prompts, of each topic as many, which count alike; ${shown(all, even)}`,
    ),
    plain('scale: a level sample, error of probabilities', 100 * even.error, 'points', 'as above'),
    sketchLine('heads too sure', 0),
    sketchLine('bent heads', 0.3),
  ];
}

function onAllLines(of: string, { driverCpu, onAll }: ScaleMeasure): BenchLine[] {
  if (onAll === null) return [];
  const { cpuSeconds, lossOfAll, lossOfSample, otherQuality, passes, quality, served } = onAll;
  const name = `scale: heads fitted on all prompts${of}`;
  const [ofAll, ofSample] = served === 'all' ? [quality, otherQuality] : [otherQuality, quality];
  return [
    plain(
      `${name}, above those of the sample`,
      100 * (ofAll - ofSample),
      'points',
      `on all test prompts: ${(100 * ofAll).toFixed(1)} against ${(100 * ofSample).toFixed(1)}; log-loss on prompts to calibrate on ${lossOfAll.toFixed(4)} against ${lossOfSample.toFixed(4)}, so those of ${served === 'all' ? 'all prompts' : 'the sample'} are served`,
    ),
    ...(passes === 0
      ? []
      : [plain(`${name}, passes`, passes, '', 'over the prompts to fit on, of the head of choices')]),
    plain(
      `${name}, CPU`,
      cpuSeconds,
      's',
      `in the steps ridge, gradient and sketch, and half of measure; all of the training ${driverCpu.toFixed(0)} s`,
    ),
  ];
}

/**
 * What calibrators from sketches are off from those of the rows themselves, on as many rows as are calibrated on.
 * @param bend how far the heads are off from what one of few parameters can mend
 */
function sketchLine(what: string, bend: number): BenchLine {
  const columns = LARGE_CANDIDATES.length;
  const random = createRandom(11);
  const draw = (rows: number) => {
    const [logits, labels] = [createMatrix(rows, columns), createMatrix(rows, columns)];
    const sketch = new CalibrationSketch(columns);
    for (let row = 0; row < rows; row++) {
      const [from, to] = [row * columns, (row + 1) * columns];
      for (let i = from; i < to; i++) {
        const truth = 1.2 * random.normal();
        logits.values[i] = 1.5 * truth - bend * Math.sin(3 * truth);
        labels.values[i] = random.next() < sigmoid(truth) ? 1 : 0;
      }
      sketch.add(logits.values.subarray(from, to), labels.values.subarray(from, to), random.integer(BLOCKS));
    }
    return { labels, logits, sketch };
  };
  const given = draw(CALIBRATED);
  const groups = Int32Array.from({ length: CALIBRATED }, (_, row) => row);
  const exact = chooseCalibrators(given.logits, given.labels, null, { groups, seed: 1 }).calibrators;
  const sketched = given.sketch.choose(1).calibrators;
  const { labels, logits } = draw(FRESH);
  let off = 0;
  const losses = [0, 0];
  for (const [i, z] of logits.values.entries()) {
    const said = [exact, sketched].map((each) => each[i % columns].probability(z));
    for (const [k, p] of said.entries())
      losses[k] -= (labels.values[i] > 0.5 ? Math.log(p) : Math.log1p(-p)) / logits.values.length;
    off += Math.abs(said[0] - said[1]) / logits.values.length;
  }
  return plain(
    `scale: calibrators from sketches, ${what}, off from those of the rows`,
    100 * off,
    'points',
    `mean over ${FRESH.toLocaleString('en')} fresh rows × ${columns}, of ${sketched[0].parameters.kind} from sketches and ${exact[0].parameters.kind} from ${CALIBRATED.toLocaleString('en')} rows, simulated; log-loss ${losses[1].toFixed(5)} against ${losses[0].toFixed(5)}`,
  );
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
