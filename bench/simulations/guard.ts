import { argMax, createRandom } from 'pointsman/internal';
import type { LearnerData } from '../../training/learners/learner.ts';
import { guardStrength } from '../../training/learners/stack.ts';
import { atLeast, atMost, type BenchLine, mended } from '../bench-line.ts';

const DRAWS = 200;

/** Candidates about equal, of which each prompt has a better one. */
export interface GuardWorld {
  readonly candidates: number;
  readonly prompts: number;
  /** By how much each candidate is worse on average than the one before. */
  readonly step: number;
  /** Standard deviation of what is true of a prompt and a candidate. */
  readonly spread: number;
  /** What the heads say for each point that is true. 1: exactly right */
  readonly scale: number;
  /** Standard deviation of what they say beside that. */
  readonly noise: number;
  /** How often each prompt stands in the traffic. */
  readonly repeats: number;
}

const EQUAL: GuardWorld = {
  candidates: 2,
  prompts: 1000,
  step: 0,
  spread: 0.1,
  scale: 1,
  noise: 0,
  repeats: 1,
};

/** How far differences are believed that are exactly right, too large, or nothing, where candidates are about equal. */
export function simulateGuard(onProgress: (what: string) => void): BenchLine[] {
  const median = (what: string, world: GuardWorld) => {
    onProgress(`guard: ${what}`);
    return guarded(world, DRAWS).strength;
  };
  const lines: BenchLine[] = [];
  for (const [before, world] of [
    ['0.5', EQUAL],
    ['0.6', { ...EQUAL, candidates: 5 }],
    ['0.6', { ...EQUAL, step: 0.01, candidates: 3 }],
    ['0.5', { ...EQUAL, prompts: 300, spread: 0.15 }],
  ] as const) {
    const { candidates, prompts, step } = world;
    const what = `${candidates} candidates, ${prompts} prompts, ${step === 0 ? 'equal' : `${step} apart`}`;
    lines.push(
      mended(
        before,
        atLeast(
          `guard: median strength of exact differences, ${what}`,
          median(what, world),
          '',
          0.9,
          `${DRAWS} draws`,
        ),
      ),
    );
  }
  const doubled = median('twice too large', { ...EQUAL, scale: 2 });
  lines.push(
    mended(
      '0.2',
      atMost(
        'guard: differences twice too large, median strength off 0.5 by',
        Math.abs(doubled - 0.5),
        '',
        0.05,
        `${DRAWS} draws`,
      ),
    ),
  );
  for (const [before, repeats] of [
    ['-0.00076', 1],
    ['-0.00077', 5],
  ] as const) {
    const world = { ...EQUAL, candidates: 4, step: 0.02, prompts: 400, spread: 0, noise: 0.05, repeats };
    onProgress(`guard: noise, ${repeats} times`);
    const name = `guard: noise for differences, each prompt ${repeats} times, true change to best single`;
    lines.push(mended(before, atLeast(name, guarded(world, DRAWS).change, '', -0.005, `${DRAWS} draws`)));
  }
  return lines;
}

/** Median strength over so many draws, and the mean true change of quality against the best single candidate. */
export function guarded(world: GuardWorld, draws: number): { strength: number; change: number } {
  const strengths: number[] = [];
  let change = 0;
  for (let seed = 0; seed < draws; seed++) {
    const { data, said, truth } = drawGuardWorld(world, seed);
    const strength = guardStrength(said, data);
    strengths.push(strength);
    const { candidates: columns } = world;
    const single = argMax(data.candidateMeans);
    for (let row = 0; row < said.rows; row++) {
      const from = row * columns;
      const chosen = argMax(data.candidateMeans.map((mean, c) => mean + strength * said.values[from + c]));
      change += (truth[from + chosen] - truth[from + single]) / said.rows / draws;
    }
  }
  return { strength: strengths.sort((a, b) => a - b)[draws >> 1], change };
}

/** One log of such a world, what heads say of it, and what is true: `[prompts, candidates]` */
export function drawGuardWorld(
  { candidates: columns, noise, prompts, repeats, scale, spread, step }: GuardWorld,
  seed: number,
) {
  const random = createRandom(seed);
  const rows = prompts * repeats;
  const groups = Int32Array.from({ length: rows }, (_, row) => Math.floor(row / repeats));
  const own = Float64Array.from({ length: prompts * columns }, () => spread * random.normal());
  const beside = Float64Array.from(own, () => noise * random.normal());
  const answers = Float64Array.from(own, (x, i) => Number(random.next() < 0.6 + x - step * (i % columns)));
  const cell = (i: number) => groups[Math.floor(i / columns)] * columns + (i % columns);
  const cells = (of: (i: number) => number) =>
    Float32Array.from({ length: rows * columns }, (_, i) => of(cell(i)));
  const quality = cells((i) => answers[i]);
  const prior = Array.from({ length: columns }, (_, c) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += quality[row * columns + c];
    return sum / rows;
  });
  const data: LearnerData = {
    features: { rows, columns: 1, values: new Float32Array(rows) },
    featureVariance: 1,
    embedding: { from: 0, to: 1 },
    residuals: { rows, columns, values: quality.map((x, i) => x - prior[i % columns]) },
    weights: null,
    logged: false,
    tasks: null,
    taskCount: 0,
    candidateMeans: prior,
    groups,
    folds: groups,
    seed,
  };
  return {
    data,
    said: { rows, columns, values: cells((i) => scale * own[i] + beside[i]) },
    truth: cells((i) => 0.6 + own[i] - step * (i % columns)),
  };
}
