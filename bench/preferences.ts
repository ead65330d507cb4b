import { createRandom, mean } from 'pointsman/internal';
import { takeRows } from '../training/fit/rows.ts';
import type { OutcomeMatrix } from '../training/outcomes/matrix.ts';
import { nameSplits, type Splits } from '../training/split/split.ts';
import { bestSingle, learn, type Prepared, prepare } from './bandit.ts';
import { type BenchLine, plain, shown, skipped } from './bench-line.ts';
import { type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';

const SEEDS = [0, 1, 2];

interface PreferenceSetting {
  readonly name: string;
  /** Comparisons of two answers to a prompt. */
  readonly pairs: number;
  /** Prompts with a score of one answer. */
  readonly scores?: number;
  /** How likely a candidate is to be shown, before the other one is: better ones more often. @default all alike */
  readonly skewed?: boolean;
  /** Whether the log says how likely each pair was. @default true */
  readonly logged?: boolean;
}

const SETTINGS: readonly PreferenceSetting[] = [
  ...[500, 1000, 2000, 4000, 8000, 16_000].map((pairs) => ({
    name: `${pairs.toLocaleString('en-US')} pairs`,
    pairs,
  })),
  { name: '4,000 pairs, better candidates shown more often', pairs: 4000, skewed: true },
  { name: 'the same, propensities not logged', pairs: 4000, skewed: true, logged: false },
  { name: '1,000 scores of one answer', pairs: 0, scores: 1000 },
  { name: 'the same, and 4,000 pairs', pairs: 4000, scores: 1000 },
];

/**
 * What is learned from comparisons of two answers: pairs of candidates on prompts of `llmrouter9`, the one with the higher score being
 * preferred, and equals tying. Routed quality is that of the table, on the test prompts; shares are of the gain over best single
 * that the whole table gives.
 */
export async function benchPreferences(
  onProgress: (what: string) => void = () => {},
  seeds: readonly number[] = SEEDS,
  settings: readonly PreferenceSetting[] = SETTINGS,
): Promise<BenchLine[]> {
  const set = await readOutcomeSet('llmrouter9');
  if (set === null) return [skipped('preferences', 'llmrouter9.jsonl.gz is not there')];
  const prepared = (await prepare(set)).filter(({ seed }) => seeds.includes(seed));
  const single = prepared.map(({ splits }) => bestSingle(set.matrix, splits));
  const full: number[] = [];
  for (const one of prepared) full.push((await learn(set, set.matrix, one, {})).quality);
  const lines = [
    plain('preferences: best single', mean(single), '', `56 / 14 / 30 %, seeds ${shown(single)}`),
    plain('preferences: routed quality, the whole table', mean(full), '', `seeds ${shown(full)}`),
  ];
  for (const setting of settings) {
    const qualities: number[] = [];
    let ties = 0;
    for (const one of prepared) {
      const log = toPreferences(set, one, setting);
      ties += log.ties / prepared.length;
      qualities.push(
        (await learn({ ...set, groups: log.groups }, log.matrix, log.prepared, {}, one.splits.test.rows))
          .quality,
      );
      onProgress(`preferences: ${setting.name}, seed ${one.seed}: ${qualities.at(-1)!.toFixed(4)}`);
    }
    const share = (mean(qualities) - mean(single)) / (mean(full) - mean(single));
    const tied = setting.pairs > 0 ? `, ${(100 * ties).toFixed(0)} % of the pairs tie` : '';
    lines.push(
      plain(
        `preferences: ${setting.name}`,
        share,
        '',
        `share of the gain; quality ${mean(qualities).toFixed(4)}, seeds ${shown(qualities)}${tied}`,
      ),
    );
  }
  return lines;
}

/** A log of comparisons, and of scores of one answer, with the test prompts of the table behind it. */
function toPreferences(
  { groups, matrix }: OutcomeSet,
  { features, seed, splits }: Prepared,
  { logged = true, pairs, scores = 0, skewed = false }: PreferenceSetting,
): Pick<OutcomeSet, 'groups' | 'matrix'> & { readonly prepared: Prepared; readonly ties: number } {
  const random = createRandom(seed);
  const columns = matrix.candidates.length;
  const means = matrix.candidates.map((_, c) =>
    mean(Array.from(splits.fit.rows, (row) => matrix.quality[row * columns + c])),
  );
  const rates = means.map((quality) => (skewed ? Math.exp(5 * quality) : 1));
  const from: number[] = [];
  const [preference, quality, propensity] = [0, 1, 2].map(() => [] as number[][]);
  const none = () => new Array<number>(columns).fill(Number.NaN);
  let ties = 0;
  const known = {
    fit: random.shuffle(splits.fit.rows.slice()),
    calibrate: random.shuffle(splits.calibrate.rows.slice()),
  };
  const rowsOf = { fit: [] as number[], calibrate: [] as number[] };
  for (let i = 0; i < pairs + scores; i++) {
    const role = i % 5 === 4 ? 'calibrate' : 'fit';
    const row = known[role][Math.floor((i * (role === 'fit' ? 4 : 1)) / 5) % known[role].length];
    rowsOf[role].push(from.length);
    from.push(row);
    const [won, seen, likely] = [none(), none(), none()];
    const a = draw(rates, random);
    if (i < scores) {
      seen[a] = matrix.quality[row * columns + a];
      likely[a] = rates[a] / sum(rates);
    } else {
      const b = draw(
        rates.map((rate, c) => (c === a ? 0 : rate)),
        random,
      );
      const gap = matrix.quality[row * columns + a] - matrix.quality[row * columns + b];
      if (gap === 0) ties += 1 / pairs;
      [won[a], won[b]] = [0.5 + Math.sign(gap) / 2, 0.5 - Math.sign(gap) / 2];
      const [all, ra, rb] = [sum(rates), rates[a], rates[b]];
      const chance = (ra / all) * (rb / (all - ra)) + (rb / all) * (ra / (all - rb));
      for (const c of [a, b]) likely[c] = Math.min(1, chance * (scores > 0 ? 1 : columns - 1));
      if (scores === 0) [seen[a], seen[b]] = [won[a], won[b]];
    }
    preference.push(won);
    quality.push(seen);
    propensity.push(logged ? likely : none());
  }
  const testFrom = from.length;
  for (const row of splits.test.rows) {
    from.push(row);
    for (const cells of [preference, quality, propensity]) cells.push(none());
  }
  const empty = new Float32Array(from.length * columns).fill(Number.NaN);
  const log: OutcomeMatrix = {
    candidates: matrix.candidates,
    prompts: from.map((row) => matrix.prompts[row]),
    quality: Float32Array.from(quality.flat()),
    costUsd: empty,
    latencyMs: empty,
    propensity: Float32Array.from(propensity.flat()),
    ...(pairs > 0 ? { preference: Float32Array.from(preference.flat()) } : {}),
  };
  const own: Splits = nameSplits(
    Int32Array.from(rowsOf.fit),
    Int32Array.from(rowsOf.calibrate),
    Int32Array.from(splits.test.rows, (_, i) => testFrom + i),
  );
  const groupsOf = { ...groups, groups: Int32Array.from(from, (row) => groups.groups[row]) };
  const prepared = {
    seed,
    splits: own,
    features: { ...features, matrix: takeRows(features.matrix, from) },
  };
  return { matrix: log, groups: groupsOf, prepared, ties };
}

function draw(rates: readonly number[], random: ReturnType<typeof createRandom>): number {
  let at = random.next() * sum(rates);
  for (let c = 0; c < rates.length; c++) {
    at -= rates[c];
    if (at < 0 && rates[c] > 0) return c;
  }
  return rates.findLastIndex((rate) => rate > 0);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
