import { createRandom } from 'pointsman/internal';
import { rescaleChanged } from '../../training/retrain/run.ts';
import { DAY_MS, type ScoredTraffic } from '../../training/retrain/watch/candidate-shifts.ts';
import { findDrift } from '../../training/retrain/watch/drift.ts';
import { atLeast, atMost, type BenchLine, mended } from '../bench-line.ts';
import { simulatedPrompts } from './simulated-prompts.ts';

const DRAWS = 200;
/** What comes up in 200 draws at a true rate of 1 % in 99 of 100 simulations. */
const AT_ONE_PER_CENT = 2.5;
/** Distinct prompts, over two weeks, of which the last four days are compared with those before. */
const PROMPTS = 700;
const DAYS = 14;
const NEWEST = 10;
const DIMENSIONS = 8;
const NAMES = ['a', 'b', 'c'];

export interface DriftScenario {
  /** How often each prompt is asked, on one day. 'again': one in ten is asked 30 times in all, on any day, and these are alike. */
  readonly repeats: number | 'again';
  /** What moves in the newest days. @default nothing */
  readonly moved?: 'topics' | 'quality';
}

/** Cells of no change; on how many nights there was an alarm about embeddings, a population, a candidate, and outcomes rewritten. */
const QUIET = [
  [1, '1 %', '0 %', '0 %', '0 %'],
  [3, '9 %', '0 %', '13 %', '6 %'],
  [10, '26 %', '0 %', '91 %', '63 %'],
  ['again', '100 %', '100 %', '0 %', '0 %'],
] as const;

/** How often a night raises an alarm where nothing has changed, however often prompts repeat; and where something has. */
export function simulateDrift(onProgress: (what: string) => void): BenchLine[] {
  const lines = QUIET.flatMap(([repeats, ...before]) => {
    onProgress(`drift, no change, repeats ${repeats}`);
    const counts = countAlarms({ repeats }, DRAWS);
    const note = `${DRAWS} draws of ${PROMPTS} prompts, repeats ${repeats}`;
    return (
      [
        ['alarm about embeddings, at p ≤ 0.01', counts.embeddings, AT_ONE_PER_CENT],
        // Three populations, each at 1 %.
        ['alarm about a population, three at p ≤ 0.01', counts.population, 3 * AT_ONE_PER_CENT],
        ['alarm about a candidate', counts.candidate, 1],
        ['outcomes rewritten', counts.restated, 0.5],
      ] as const
    ).map(([what, count, limit], i) =>
      mended(
        before[i],
        atMost(`no change, ${what}: repeats ${repeats}`, (100 * count) / DRAWS, '% of nights', limit, note),
      ),
    );
  });
  for (const repeats of [1, 10]) {
    onProgress(`drift, something moves, repeats ${repeats}`);
    const topics = countAlarms({ repeats, moved: 'topics' }, 50);
    const quality = countAlarms({ repeats, moved: 'quality' }, 50);
    lines.push(
      atLeast(
        `a change: other topics are found, repeats ${repeats}`,
        2 * topics.embeddings,
        '%',
        80,
        '50 draws; half a standard deviation in each of 8 directions',
      ),
      atLeast(
        `a change: a candidate 40 points worse is found, repeats ${repeats}`,
        2 * quality.candidate,
        '%',
        80,
        '50 draws; four days of some 70 outcomes of it',
      ),
    );
  }
  return lines;
}

/** Of so many nights, on how many there was an alarm of each kind, and outcomes of the past were rewritten. */
export function countAlarms(scenario: DriftScenario, draws: number) {
  const counts = { embeddings: 0, population: 0, candidate: 0, restated: 0 };
  for (let seed = 0; seed < draws; seed++) {
    const { traffic, groups, newest, before, embeddings } = driftTraffic(scenario, seed);
    const report = findDrift(traffic, groups, newest, before, embeddings, { seed });
    for (const kind of ['embeddings', 'population', 'candidate'] as const)
      if (report.alarms.some((alarm) => alarm.kind === kind)) counts[kind]++;
    const all = Int32Array.from(groups.keys());
    const { restated } = rescaleChanged(traffic.matrix, groups, all, traffic, report.candidates);
    if (restated.length > 0) counts.restated++;
  }
  return counts;
}

/**
 * Two weeks of one answer a prompt. Copies of a prompt have its embedding, its task, its prediction, and its outcome: what a
 * candidate answers once, it answers again.
 */
export function driftTraffic({ repeats, moved }: DriftScenario, seed: number) {
  const random = createRandom(seed);
  const rows: { group: number; day: number }[] = [];
  for (let group = 0; group < PROMPTS; group++) {
    const isAgain = repeats === 'again' && group % 10 === 0;
    const day = random.integer(DAYS);
    const times = repeats === 'again' ? (isAgain ? 30 : 1) : repeats;
    for (let i = 0; i < times; i++) rows.push({ group, day: isAgain ? random.integer(DAYS) : day });
  }
  rows.sort((a, b) => a.day - b.day);
  const dayOf = new Map(rows.map(({ group, day }) => [group, day]));
  const prompts = Array.from({ length: PROMPTS }, (_, group) => {
    const isNew = dayOf.get(group)! >= NEWEST;
    // Those that are asked again and again are alike.
    const centre =
      (moved === 'topics' && isNew ? 0.5 : 0) + (repeats === 'again' && group % 10 === 0 ? 1 : 0);
    const predicted = 0.2 + 0.7 * random.next();
    const candidate = random.integer(NAMES.length);
    const lost = moved === 'quality' && isNew && candidate === 1 ? 0.4 : 0;
    return {
      text: 'word '.repeat(1 + Math.floor(20 * Math.exp(random.normal() + centre))),
      embedding: Float32Array.from({ length: DIMENSIONS }, () => centre + random.normal()),
      predicted,
      candidate,
      quality: Number(random.next() < predicted - lost),
    };
  });
  const columns = NAMES.length;
  const cells = () => new Float32Array(rows.length * columns).fill(Number.NaN);
  const quality = cells();
  const success = new Float64Array(rows.length * columns);
  const values = new Float32Array(rows.length * DIMENSIONS);
  rows.forEach(({ group }, row) => {
    const one = prompts[group];
    quality[row * columns + one.candidate] = one.quality;
    success.fill(one.predicted, row * columns, (row + 1) * columns);
    values.set(one.embedding, row * DIMENSIONS);
  });
  const traffic: ScoredTraffic = {
    matrix: {
      candidates: NAMES,
      prompts: simulatedPrompts(
        rows.length,
        (row) => prompts[rows[row].group].text,
        (row) => rows[row].day * DAY_MS + row,
      ),
      quality,
      costUsd: cells(),
      latencyMs: cells(),
      propensity: cells(),
    },
    success,
    costUsd: new Float64Array(rows.length * columns).fill(Number.NaN),
    latencyMs: new Float64Array(rows.length * columns).fill(Number.NaN),
    chosen: Int32Array.from(rows, ({ group }) => prompts[group].candidate),
  };
  const all = Int32Array.from(rows.keys());
  return {
    traffic,
    groups: Int32Array.from(rows, ({ group }) => group),
    newest: all.filter((row) => rows[row].day >= NEWEST),
    before: all.filter((row) => rows[row].day < NEWEST),
    embeddings: { values, columns: DIMENSIONS },
  };
}
