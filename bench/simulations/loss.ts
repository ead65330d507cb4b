import { createRandom, type Random } from 'pointsman/internal';
import { tuneForLoss } from '../../training/tune/guarantee.ts';
import {
  cascadeFamily,
  measureSetting,
  type RoutingFamily,
  type TuningRows,
  thresholdFamily,
} from '../../training/tune/settings.ts';
import { atLeast, atMost, type BenchLine, mended } from '../bench-line.ts';

const DELTA = 0.1;
const EPSILON = 0.02;
const RUNS = 300;
/** Distinct prompts that the dial is set on. */
const PROMPTS = 1000;
/** How often each stands there, and in how many of the runs the loss was not kept before: 'mixed': most once, one in ten 20 times. */
const REPEATS = [
  [1, '3.8 %'],
  [3, '14.0 %'],
  [10, '26.8 %'],
  ['mixed', '28.8 %'],
] as const;

export type Repeats = number | 'mixed';

/**
 * How often a dial that is tuned to lose at most 2 points loses more on as many further requests: once right or wrong and scores
 * without ties, once scores in steps of 0.05 and qualities that are fractions.
 */
export function simulateLoss(onProgress: (what: string) => void): BenchLine[] {
  return REPEATS.flatMap(([repeats, before]) => {
    onProgress(`loss kept, repeats ${repeats}`);
    const plain = countLost(thresholdFamily(0, 1), { repeats, coarse: false }, RUNS);
    const coarse = countLost(cascadeFamily([0, 1]), { repeats, coarse: true }, RUNS);
    const note = `ε = ${EPSILON}, δ = ${DELTA}, ${RUNS} runs on ${PROMPTS} prompts, repeats ${repeats}`;
    return [
      mended(
        before,
        atMost(`loss not kept: threshold, repeats ${repeats}`, (100 * plain.lost) / RUNS, '%', 10, note),
      ),
      atMost(
        `loss not kept: cascade, ties and fractions, repeats ${repeats}`,
        (100 * coarse.lost) / RUNS,
        '%',
        10,
        note,
      ),
      // The 1,000 prompts of which some stand 20 times say as much as some 200.
      ...[plain, coarse].map(({ saved }, i) =>
        atLeast(
          `calls saved, of the best dial in truth: ${i === 0 ? 'threshold' : 'cascade'}, repeats ${repeats}`,
          (100 * saved) / RUNS,
          '%',
          repeats === 'mixed' ? 25 : 40,
          note,
        ),
      ),
    ];
  });
}

/** Runs whose loss is not kept, and the sum of the shares saved beside what the best dial in truth saves. */
export function countLost(
  family: RoutingFamily,
  world: { readonly repeats: Repeats; readonly coarse: boolean },
  runs: number,
): { lost: number; saved: number } {
  const truth = drawRows(createRandom(99), 10_000, { ...world, repeats: 1 });
  let best = 0;
  for (const dial of family.dials) {
    const { loss, strongShare } = measureSetting(family, dial, truth);
    if (loss <= EPSILON) best = Math.max(best, 1 - strongShare);
  }
  const random = createRandom(1);
  let [lost, saved] = [0, 0];
  for (let seed = 0; seed < runs; seed++) {
    const tune = drawRows(random, PROMPTS, world);
    const dial = tuneForLoss(family, tune, { maxQualityLoss: EPSILON, delta: DELTA, seed });
    // Nothing shown: all to the strong one, which loses nothing.
    if (dial === null) continue;
    const further = measureSetting(family, dial, drawRows(random, PROMPTS, world));
    if (further.loss > EPSILON) lost++;
    saved += (1 - further.strongShare) / best;
  }
  return { lost, saved };
}

/** Prompts on which the weak candidate is the less often as good, the lower its score; copies have one outcome. */
function drawRows(
  random: Random,
  prompts: number,
  { repeats, coarse }: { readonly repeats: Repeats; readonly coarse: boolean },
): TuningRows {
  const quality: number[] = [];
  const success: number[] = [];
  const groups: number[] = [];
  for (let group = 0; group < prompts; group++) {
    const ease = random.next();
    const [weak, strong] = [0.35 + 0.6 * ease, 0.85 + 0.1 * ease];
    const answer = (p: number) =>
      coarse ? Math.round(10 * p ** (2 * random.next())) / 10 : Number(random.next() < p);
    const [low, high] = [answer(weak), answer(strong)];
    const score = coarse ? Math.round(20 * weak) / 20 : weak;
    const times = repeats === 'mixed' ? (random.next() < 0.1 ? 20 : 1) : repeats;
    for (let i = 0; i < times; i++) {
      quality.push(low, high);
      success.push(score, strong);
      groups.push(group);
    }
  }
  return {
    columns: 2,
    quality: Float32Array.from(quality),
    success: Float32Array.from(success),
    costUsd: new Float32Array(quality.length).fill(Number.NaN),
    groups: Int32Array.from(groups),
  };
}
