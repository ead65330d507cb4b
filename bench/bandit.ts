import { createRandom } from 'pointsman/math';
import { readPrompt } from 'pointsman/request';
import type { TrainConfigInput } from '../training/config/train-config.ts';
import type { OutcomeMatrix } from '../training/outcomes/outcome-matrix.ts';
import type { TrainedRouter } from '../training/pipeline/train-router.ts';
import { nameSplits, type Splits } from '../training/split/split.ts';
import { splitOutcomes } from '../training/split/split-outcomes.ts';
import { toBanditLog } from './bandit-log.ts';
import { atLeast, type BenchLine, skipped } from './bench-line.ts';
import { type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';
import { trainOn } from './train-once.ts';

const SEEDS = [0, 1, 2, 3, 4];
const SIZES = { fit: 0.56, calibrate: 0.14, test: 0.3 };
/** Of the gain over best single that full information gives. */
const TARGET_SHARE = 0.9;
/** How strongly the skewed policies prefer: e to twice this for the most over the least preferred candidate. */
const SKEW = 2;
/** Probability that they give to every candidate at least. */
const FLOOR = 0.05;

/** One way of turning the full table into what a log would hold, and of learning from it. */
interface Setting {
  readonly name: string;
  readonly log: (set: OutcomeSet, seed: number) => OutcomeMatrix;
  readonly splits?: (splits: Splits, columns: number, seed: number) => Splits;
  readonly config?: TrainConfigInput;
}

const uniform = ({ matrix }: OutcomeSet, seed: number) => toBanditLog(matrix, { seed });
const byLength = (set: OutcomeSet, seed: number) =>
  toBanditLog(set.matrix, { seed, policy: preferring(set, lengths(set)) });
const byHardness = (set: OutcomeSet, seed: number) =>
  toBanditLog(set.matrix, { seed, policy: preferring(set, hardness(set)) });
const learnedBy = (weights: 'none' | 'ipw' | 'doublyRobust'): TrainConfigInput => ({
  offPolicy: { weights },
});

const SETTINGS: readonly Setting[] = [
  { name: 'one candidate a prompt, uniform', log: uniform },
  {
    name: '  propensities fitted',
    log: ({ matrix }, seed) => toBanditLog(matrix, { seed, keepPropensities: false }),
  },
  { name: '  inverse propensity weights', log: uniform, config: learnedBy('ipw') },
  { name: '  doubly robust scores', log: uniform, config: learnedBy('doublyRobust') },
  {
    name: 'as many outcomes, on a ninth of the prompts',
    log: ({ matrix }) => matrix,
    splits: thinned,
  },
  { name: 'three candidates a prompt, uniform', log: (set, seed) => manyAnswers(set.matrix, 3, seed) },
  { name: 'one, longer prompts to better candidates', log: byLength },
  { name: '  no weights', log: byLength, config: learnedBy('none') },
  { name: '  inverse propensity weights', log: byLength, config: learnedBy('ipw') },
  { name: '  doubly robust scores', log: byLength, config: learnedBy('doublyRobust') },
  { name: 'one, harder prompts to better ones (hidden)', log: byHardness },
  { name: '  no weights', log: byHardness, config: learnedBy('none') },
  { name: '  inverse propensity weights', log: byHardness, config: learnedBy('ipw') },
  { name: '  doubly robust scores', log: byHardness, config: learnedBy('doublyRobust') },
];

/**
 * What a router learns from a log with one candidate a prompt, beside what it learns from the whole table: routed
 * quality on the test prompts of `llmrouter9`, of which everything is known.
 */
export async function benchBandit({
  onProgress = () => {},
}: {
  readonly onProgress?: (what: string) => void;
} = {}): Promise<BenchLine[]> {
  const set = await readOutcomeSet('llmrouter9');
  if (set === null) return [skipped('bandit log', 'llmrouter9.jsonl.gz is not there')];
  const splits = SEEDS.map(
    (seed) => splitOutcomes(set.matrix, { sizes: SIZES, seed, groups: set.groups }).splits,
  );
  const single = splits.map((split) => bestSingle(set.matrix, split));
  onProgress('bandit: the whole table');
  const full = await routedQualities(set, splits, { name: '', log: ({ matrix }) => matrix }, onProgress);
  const gainOf = (qualities: readonly number[]) => mean(qualities) - mean(single);
  const lines = [
    plain('best single, by the whole table', mean(single), `56 / 14 / 30 %, seeds ${shown(single)}`),
    plain('routed quality, the whole table', mean(full.qualities), `seeds ${shown(full.qualities)}`),
  ];
  for (const setting of SETTINGS) {
    const { qualities, trained } = await routedQualities(set, splits, setting, onProgress);
    const share = gainOf(qualities) / gainOf(full.qualities);
    const note = `of the whole table's gain; routed quality ${mean(qualities).toFixed(4)}, seeds ${shown(qualities)}${methods(trained)}`;
    lines.push(
      setting === SETTINGS[0]
        ? atLeast(`share of the gain: ${setting.name}`, share, '', TARGET_SHARE, note)
        : plain(
            setting.name.startsWith(' ') ? setting.name : `share of the gain: ${setting.name}`,
            share,
            note,
          ),
    );
  }
  return lines;
}

async function routedQualities(
  set: OutcomeSet,
  splits: readonly Splits[],
  { name, log, splits: change, config }: Setting,
  onProgress: (what: string) => void,
): Promise<{ qualities: number[]; trained: TrainedRouter[] }> {
  const columns = set.matrix.candidates.length;
  const trained: TrainedRouter[] = [];
  const qualities: number[] = [];
  for (const seed of SEEDS) {
    onProgress(`bandit: ${name.trim()}, seed ${seed}`);
    const own = change?.(splits[seed], columns, seed) ?? splits[seed];
    const router = await trainOn(log(set, seed), set.groups, own, seed, config);
    const { chosen } = router.predictions;
    trained.push(router);
    qualities.push(mean([...own.test.rows].map((row, i) => set.matrix.quality[row * columns + chosen[i]])));
  }
  return { qualities, trained };
}

/** Quality on the test rows of the candidate that is best on all others. */
function bestSingle({ candidates, quality }: OutcomeMatrix, { fit, calibrate, test }: Splits): number {
  const meanOf = (rows: ArrayLike<number>, c: number) =>
    mean(Array.from(rows, (row) => quality[row * candidates.length + c]));
  const known = [...fit.rows, ...calibrate.rows];
  const means = candidates.map((_, c) => meanOf(known, c));
  return meanOf(test.rows, means.indexOf(Math.max(...means)));
}

/** A ninth of the rows to fit and of those to calibrate, by chance. */
function thinned({ fit, calibrate, test }: Splits, columns: number, seed: number): Splits {
  const random = createRandom(seed);
  const some = (rows: Int32Array) =>
    random
      .shuffle(rows.slice())
      .slice(0, Math.round(rows.length / columns))
      .sort();
  return nameSplits(some(fit.rows), some(calibrate.rows), test.rows);
}

/** Each prompt with so many candidates, all sets of them equally likely. */
function manyAnswers(matrix: OutcomeMatrix, answers: number, seed: number): OutcomeMatrix {
  const columns = matrix.candidates.length;
  const random = createRandom(seed);
  const kept = new Set<number>();
  for (let row = 0; row < matrix.prompts.length; row++) {
    const order = random.shuffle(Int32Array.from({ length: columns }, (_, c) => c));
    for (const c of order.slice(0, answers)) kept.add(row * columns + c);
  }
  const only = (values: Float32Array) => values.map((value, i) => (kept.has(i) ? value : Number.NaN));
  return {
    ...matrix,
    quality: only(matrix.quality),
    costUsd: only(matrix.costUsd),
    latencyMs: only(matrix.latencyMs),
    propensity: only(matrix.quality.map(() => answers / columns)),
  };
}

/** A policy that leans to candidates of higher mean quality where the score is high, to those of lower where it is low. */
function preferring({ matrix }: OutcomeSet, scores: readonly number[]): (row: number) => number[] {
  const { candidates, quality, prompts } = matrix;
  const columns = candidates.length;
  const means = candidates.map((_, c) => mean(prompts.map((_, row) => quality[row * columns + c])));
  const rank = means.map((own) => (2 * means.filter((other) => other < own).length) / (columns - 1) - 1);
  const centre = mean(scores);
  const scale = Math.sqrt(mean(scores.map((score) => (score - centre) ** 2)));
  return (row) => {
    const odds = rank.map((place) => Math.exp((SKEW * place * (scores[row] - centre)) / scale));
    const total = odds.reduce((sum, value) => sum + value, 0);
    return odds.map((value) => FLOOR / columns + ((1 - FLOOR) * value) / total);
  };
}

/** Can be seen of a prompt. */
function lengths({ matrix }: OutcomeSet): number[] {
  return matrix.prompts.map(({ request }) => Math.log(1 + readPrompt(request).text.length));
}

/** Cannot be seen before it is answered. */
function hardness({ matrix: { candidates, prompts, quality } }: OutcomeSet): number[] {
  const columns = candidates.length;
  return prompts.map((_, row) => -mean([...quality.subarray(row * columns, (row + 1) * columns)]));
}

function methods(trained: readonly TrainedRouter[]): string {
  const logs = trained.map(({ log }) => log).filter((log) => log !== null);
  if (logs.length === 0) return '';
  const outcomes = mean(logs.map((log) => log.outcomes)).toFixed(0);
  const effective = mean(logs.map((log) => log.effectiveOutcomes)).toFixed(0);
  return `; learned by ${[...new Set(logs.map((log) => log.method))].join(', ')}; ${outcomes} outcomes, worth ${effective} by inverse propensity`;
}

function plain(name: string, value: number, note: string): BenchLine {
  return { name, value, unit: '', target: null, met: null, note };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function shown(values: readonly number[]): string {
  return values.map((value) => value.toFixed(4)).join(' ');
}
