import { createRandom, mean } from 'pointsman/internal';
import { measureOverlap, refusals } from '../../training/off-policy/diagnose.ts';
import {
  highestWeight,
  type LoggedTable,
  policyScores,
  type TargetPolicy,
} from '../../training/off-policy/estimate.ts';
import {
  doubtTable,
  type ScoreInterval,
  scoreDoubt,
  scoreInterval,
} from '../../training/off-policy/score-interval.ts';
import { atLeast, atMost, type BenchLine, mended } from '../bench-line.ts';

const LOGS = 400;

/** A log in which candidates were drawn from known probabilities, and a router to be valued by it. */
export interface WeightWorld {
  readonly rows: number;
  readonly candidates: number;
  /** Share of the prompts at which the router chooses what the logging policy mostly chose. */
  readonly agree: number;
  /** How likely the log was to choose at random. */
  readonly epsilon: number;
  /** Share of the prompts at which the log chose with certainty, and share of these at which the router goes its own way. */
  readonly deterministic?: number;
  readonly strays?: number;
  /** True quality of what the router chooses where it goes its own way. */
  readonly good: number;
  /** Of what the log mostly chose. @default good */
  readonly preferred?: number;
  /** What the model is off by. */
  readonly bias?: number;
  /** Rows of each prompt: copies, each of which was asked anew, and answered alike by the same candidate. */
  readonly copies?: number;
  /** Spread of the logarithm of the exploring: 0 is epsilon-greedy. */
  readonly spread?: number;
  /** Whether the log says how likely each candidate was, or only the one that it asked. @default true */
  readonly vector?: boolean;
}

const GREEDY = { candidates: 9, epsilon: 0.2, good: 0.6, preferred: 0.7, bias: 0.1 };
/** Each with what it was before: of 400 logs, those not refused, and how many of their intervals held the truth. */
const WORLDS: readonly { readonly name: string; readonly before: string; readonly world: WeightWorld }[] = [
  {
    name: 'ε 0.2 of 9, half of the choices alike',
    before: '72 % of 288 logs not refused',
    world: { ...GREEDY, rows: 700, agree: 0.5, good: 0.9, preferred: 0.9, bias: 0 },
  },
  {
    name: 'the same, 95 % of answers good',
    before: '80 % of 399 logs not refused',
    world: { ...GREEDY, rows: 3000, agree: 0.5, good: 0.95, preferred: 0.95, bias: 0 },
  },
  {
    name: 'ε 0.2 of 9, no choice alike, 95 % good',
    before: '84 % of 292 logs not refused',
    world: { ...GREEDY, rows: 1500, agree: 0, good: 0.95, preferred: 0.95, bias: 0 },
  },
  {
    name: 'half the prompts deterministic',
    before: '83 % of 348 logs not refused',
    world: { ...GREEDY, rows: 1500, agree: 0.7, deterministic: 0.5, strays: 0.16, bias: 0.3 },
  },
  {
    name: 'the same, without the probabilities of the others',
    before: '74 % of 224 logs not refused',
    world: { ...GREEDY, rows: 1500, agree: 0.7, deterministic: 0.5, strays: 0.4, bias: 0.3, vector: false },
  },
  {
    name: 'exploring of all strengths',
    before: '89 % of 393 logs not refused',
    world: { ...GREEDY, rows: 3000, agree: 0.3, epsilon: 0.3, spread: 1, good: 0.9, preferred: 0.9, bias: 0 },
  },
  {
    name: 'each prompt five times',
    before: '92 % of 400 logs not refused',
    world: { ...GREEDY, rows: 3000, agree: 0.3, copies: 5 },
  },
  {
    name: 'uniform among 3, 97 % good',
    before: '86 % of 400 logs not refused',
    world: {
      ...GREEDY,
      candidates: 3,
      rows: 300,
      agree: 0.3,
      epsilon: 1,
      good: 0.97,
      preferred: 0.97,
      bias: 0,
    },
  },
];

/** How often 95 % intervals of off-policy estimates hold the truth where few outcomes carry the weight. */
export function simulateHeavyWeights(onProgress: (what: string) => void): BenchLine[] {
  const lines = WORLDS.map(({ before, name, world }) => {
    onProgress(`heavy weights, ${name}`);
    const { covered, given, gainCovered, width } = coverage(world, LOGS);
    const note = `${given} of ${LOGS} logs not refused; gain over what the log prefers ${gainCovered.toFixed(1)} %; mean width ${width.toFixed(3)}`;
    const title = `intervals that hold the truth: ${name}`;
    return mended(
      before,
      // Where every log is refused, there is no interval that could be wrong.
      given === 0
        ? { name: title, value: Number.NaN, unit: '%', target: '≥ 93', met: true, note }
        : atLeast(title, Math.min(covered, gainCovered), '%', 93, note),
    );
  });
  onProgress('heavy weights, documented exploring');
  return [...lines, ...documentedExploring()];
}

/** Shares in per cent, of the logs that were not refused. */
export function coverage(world: WeightWorld, logs: number) {
  let [given, covered, gainCovered, width] = [0, 0, 0, 0];
  for (let seed = 0; seed < logs; seed++) {
    const { other, router, table, truth } = drawLog(world, seed + 1);
    if (refusals(table, measureOverlap(table, router), "the router's choices").length > 0) continue;
    given++;
    const doubt = doubtTable(table);
    const [own, theirs] = [router, other].map((policy) => policyScores('dr', table, policy).scores);
    const value = scoreInterval(own, table.clusters, { doubt: scoreDoubt(doubt, router) });
    const gain = scoreInterval(
      own.map((score, row) => score - theirs[row]),
      table.clusters,
      { doubt: scoreDoubt(doubt, router, other) },
    );
    covered += Number(holds(value, truth.value));
    gainCovered += Number(holds(gain, truth.gain));
    width += value.high! - value.low!;
  }
  const share = (count: number) => (100 * count) / Math.max(1, given);
  return {
    given,
    covered: share(covered),
    gainCovered: share(gainCovered),
    width: width / Math.max(1, given),
  };
}

function holds({ high, low }: ScoreInterval, truth: number): boolean {
  return low !== null && high !== null && low <= truth && truth <= high;
}

/** 5 % of exploring among 9, as the documents have it: weights up to 180. */
export function documentedExploring(logs = 60): BenchLine[] {
  const world = { ...GREEDY, rows: 4000, agree: 0.3, epsilon: 0.05, preferred: 0.6, bias: 0 };
  const errors: number[] = [];
  const cut = { share: 0, mass: 0 };
  for (let seed = 0; seed < logs; seed++) {
    const { router, table, truth } = drawLog(world, 5000 + seed);
    errors.push(mean(policyScores('ips', table, router).scores) - truth.value);
    const { clippedMass = 0, clippedShare } = measureOverlap(table, router);
    cut.share += (100 * clippedShare) / logs;
    cut.mass += (100 * clippedMass) / logs;
  }
  const clip = highestWeight(drawLog(world, 5000).table.propensities);
  const note = `${logs} logs of ${world.rows} prompts; weights are cut above ${clip.toFixed(0)}`;
  return [
    mended('-0.196', atMost('bias of IPS, ε 0.05 of 9 candidates', Math.abs(mean(errors)), '', 0.03, note)),
    mended(
      '30 % of their sum, 1.3 % by count',
      atMost('  weights cut, of their sum', cut.mass, '%', 1, `${cut.share.toFixed(1)} % of them by count`),
    ),
  ];
}

export interface DrawnLog {
  readonly table: LoggedTable;
  readonly router: TargetPolicy;
  /** What the log mostly chose. */
  readonly other: TargetPolicy;
  /** On all such traffic. */
  readonly truth: { readonly value: number; readonly gain: number };
}

export function drawLog(world: WeightWorld, seed: number): DrawnLog {
  const { agree, bias = 0, candidates, copies = 1, deterministic = 0, epsilon, good, rows } = world;
  const { preferred = good, spread = 0, strays = 1, vector = true } = world;
  const random = createRandom(seed);
  const empty = () => new Float64Array(rows * candidates).fill(Number.NaN);
  const [quality, propensities, policy, expected] = [empty(), empty(), empty(), empty()];
  const [chosen, usual] = [new Int32Array(rows), new Int32Array(rows)];
  // What each candidate would answer to a prompt, and its copies.
  let answers = new Float64Array(candidates);
  for (let row = 0; row < rows; row++) {
    const from = row * candidates;
    if (row % copies === 0) {
      const isCertain = random.next() < deterministic;
      usual[row] = random.integer(candidates);
      const isAlike = random.next() < (isCertain ? 1 - strays : agree);
      chosen[row] = isAlike ? usual[row] : (usual[row] + 1 + random.integer(candidates - 1)) % candidates;
      const share = isCertain ? 0 : epsilon * Math.exp(-spread * Math.abs(random.normal()));
      const rates = Float64Array.from({ length: candidates }, (_, c) =>
        c === usual[row] ? preferred : good,
      );
      for (let c = 0; c < candidates; c++) {
        policy[from + c] = share / candidates + (c === usual[row] ? 1 - share : 0);
        expected[from + c] = Math.min(1, Math.max(0, rates[c] + bias));
      }
      answers = rates.map((rate) => Number(random.next() < rate));
    } else {
      [usual[row], chosen[row]] = [usual[row - 1], chosen[row - 1]];
      for (const cells of [policy, expected]) cells.copyWithin(from, from - candidates, from);
    }
    let at = random.next();
    let drawn = 0;
    while (drawn < candidates - 1 && at >= policy[from + drawn]) at -= policy[from + drawn++];
    quality[from + drawn] = answers[drawn];
    propensities[from + drawn] = policy[from + drawn];
  }
  const alike = (1 - deterministic) * agree + deterministic * (1 - strays);
  const value = alike * preferred + (1 - alike) * good;
  return {
    table: {
      candidates,
      quality,
      propensities,
      expected,
      policy: vector ? policy : null,
      clusters: Int32Array.from({ length: rows }, (_, row) => Math.floor(row / copies)),
    },
    router: { chosen },
    other: { chosen: usual },
    truth: { value, gain: value - preferred },
  };
}
