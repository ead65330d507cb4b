import { type BenchLine, plain } from './bench-line.ts';
import { LARGE_CANDIDATES, RARE_CANDIDATE, topicShares } from './large-traffic.ts';
import { withFile } from './scale.ts';
import { measureScale, type ScaleMeasure } from './scale-measure.ts';

/** Each topic half as frequent as the one before, and told; of the rare candidate 300 outcomes. */
const PROMPTS = 60_000;
const RARE = 0.005;
const SAMPLE = 6000;
const SHARD_BYTES = 4 * 2 ** 20;

/**
 * What a sample costs where a log has one outcome a prompt, rare tasks, and a candidate with few outcomes that is the best of every fourth
 * prompt: a training on all prompts, one that draws a tenth of them and then fits heads on all, and one whose heads are fitted on that tenth
 * alone, in which rare candidates and tasks have more. Measured on fresh prompts, whose true probabilities are known.
 */
export async function benchScaleRare(onProgress: (what: string) => void): Promise<BenchLine[]> {
  const [all, sample, alone] = await withFile(
    PROMPTS,
    true,
    async (file) => {
      const run = (what: string, how: 'whole' | 'shards', isAlone = false) =>
        measureScale({
          ...{ file, shardBytes: SHARD_BYTES, sample: SAMPLE, engine: [how], isAlone },
          onProgress: (step) => onProgress(`${what}: ${step}`),
        });
      return [
        await run('all fitted on', 'whole'),
        await run('a sample', 'shards'),
        await run('a sample alone', 'shards', true),
      ];
    },
    { topics: 'rarely', isTold: true, rare: RARE },
  );
  const count = (of: number) => of.toLocaleString('en');
  const linesOf = (what: string, of: ScaleMeasure, drawn: string): BenchLine[] => {
    const name = `scale: a log with a rare candidate, ${what}`;
    return [
      plain(
        `${name}, success lost to the full fit`,
        100 * (worth(all) - worth(of)),
        'points',
        `${count(PROMPTS)} prompts of one outcome, of which ${count(of.sampled)} drawn${drawn}; fresh prompts: ${shown(of)}; all fitted on: ${shown(all)}`,
      ),
      plain(
        `${name}, error of probabilities`,
        100 * of.error,
        'points',
        `root mean square from the true ones, each topic counting alike; all fitted on ${(100 * all.error).toFixed(2)}`,
      ),
      plain(`${name}, CPU`, of.driverCpu, 's', `all fitted on ${all.driverCpu.toFixed(0)} s`),
    ];
  };
  return [
    ...linesOf('heads fitted on all prompts', sample, ' evenly'),
    ...linesOf(
      'heads fitted on a sample alone',
      alone,
      `, with ${alone.rareFitted} of the ${all.rareFitted} outcomes of it to fit on; an even sample has ${sample.rareFitted}`,
    ),
  ];
}

/** Over prompts whose topics are as frequent as in the log. */
function worth({ routedByTopic }: ScaleMeasure): number {
  const shares = topicShares('rarely');
  return routedByTopic.reduce((sum, routed, topic) => sum + shares[topic] * routed, 0);
}

function shown(of: ScaleMeasure): string {
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  return `${percent(worth(of))} good, where ${LARGE_CANDIDATES[RARE_CANDIDATE]} is best ${percent(of.routedByTopic[RARE_CANDIDATE])}, of the rarest task ${percent(of.routedByTopic.at(-1)!)}`;
}
