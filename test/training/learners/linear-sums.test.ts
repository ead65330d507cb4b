import { argMin, createRandom } from 'pointsman/internal';
import { expect, it } from 'vitest';
import { RidgeSums } from '../../../training/fit/curvature.ts';
import { fitLinear } from '../../../training/fit/linear.ts';
import type { DenseLayer } from '../../../training/fit/rows.ts';
import { fitSharedSums } from '../../../training/learners/linear.ts';
import { addRows } from '../../../training/train/whole-traffic.ts';

const [INPUTS, CANDIDATES] = [4, 3];
const WEAKER = [1, 0.5, 0.25, 0.1, 0.05, 0.025, 0.01];
const PENALTIES = { shares: [0.5, 3] as const, variance: 4 };

interface Seen {
  readonly x: Float32Array;
  readonly candidate: number;
  readonly y: number;
}

/** Rows of which each was seen with one candidate, the last candidate rarely. */
function draw(count: number, seed: number): Seen[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const x = Float32Array.from({ length: INPUTS }, () => random.normal());
    const candidate = random.next() < 0.05 ? 2 : random.integer(2);
    return { x, candidate, y: 0.2 * candidate + 0.3 * x[0] + 0.4 * x[1 + candidate] + 0.5 * random.normal() };
  });
}

function summed(rows: readonly Seen[]): RidgeSums[] {
  const sums = Array.from({ length: CANDIDATES }, () => new RidgeSums(INPUTS, 1));
  const features = {
    rows: rows.length,
    columns: INPUTS,
    values: Float32Array.from(rows.flatMap(({ x }) => [...x])),
  };
  const values = Float32Array.from(
    rows.flatMap(({ candidate, y }) => [0, 1, 2].map((c) => (c === candidate ? y : Number.NaN))),
  );
  addRows(sums, features, { rows: rows.length, columns: CANDIDATES, values }, 'some');
  return sums;
}

const say = ({ bias, kernel }: { kernel: ArrayLike<number>; bias: ArrayLike<number> }, x: Float32Array) =>
  x.reduce((sum, value, i) => sum + value * kernel[i], bias[0]);

it('fits rows that were seen with one candidate by their sums as row by row: the difficulty, then what is left', async () => {
  const [rows, held] = [draw(500, 1), draw(200, 2)];
  const found = fitSharedSums(summed(rows), summed(held), PENALTIES);
  const means = [0, 1, 2].map((c) => {
    const own = rows.filter(({ candidate }) => candidate === c);
    return own.reduce((sum, { y }) => sum + y, 0) / own.length;
  });
  for (const [c, mean] of means.entries()) expect(found.means[c]).toBeCloseTo(mean, 5);
  const fitOn = async (some: readonly Seen[], rest: (row: Seen) => number, l2: number) => {
    const features = {
      rows: some.length,
      columns: INPUTS,
      values: Float32Array.from(some.flatMap(({ x }) => [...x])),
    };
    const targets = { rows: some.length, columns: 1, values: Float32Array.from(some, rest) };
    return (await fitLinear({ features, targets }, 'squared', { l2, tolerance: 1e-10 })).layer;
  };
  const residual = ({ candidate, y }: Seen) => y - means[candidate];
  const errorOf = (expected: (row: Seen) => number) =>
    held.reduce((sum, row) => sum + (residual(row) - expected(row)) ** 2, 0);
  const levels: DenseLayer[] = [];
  for (const weaker of WEAKER) levels.push(await fitOn(rows, residual, weaker * 0.5 * rows.length * 4));
  const level = levels[argMin(levels.map((layer) => errorOf(({ x }) => say(layer, x))))];
  const paths: DenseLayer[][] = [];
  for (const weaker of WEAKER) {
    const layers: DenseLayer[] = [];
    for (const c of [0, 1, 2]) {
      const own = rows.filter(({ candidate }) => candidate === c);
      const l2 = (weaker * 3 * rows.length * 4) / CANDIDATES;
      layers.push(await fitOn(own, (row) => residual(row) - say(level, row.x), l2));
    }
    paths.push(layers);
  }
  const said = (path: readonly DenseLayer[]) => (row: Seen) =>
    say(level, row.x) + say(path[row.candidate], row.x);
  const best = said(paths[argMin(paths.map((path) => errorOf(said(path))))]);
  for (const row of held) {
    const own = Array.from({ length: INPUTS }, (_, i) => found.kernel[i * CANDIDATES + row.candidate]);
    expect(say({ kernel: own, bias: [found.bias[row.candidate]] }, row.x)).toBeCloseTo(best(row), 2);
  }
});

it('takes the mean of all for a candidate that was never seen, and what is common for its prompts', () => {
  const rows = draw(300, 3).filter(({ candidate }) => candidate < 2);
  const { bias, kernel, means } = fitSharedSums(summed(rows), summed(draw(50, 4)), PENALTIES);
  expect(means[2]).toBeCloseTo(rows.reduce((sum, { y }) => sum + y, 0) / rows.length, 5);
  expect([...kernel, ...bias].every(Number.isFinite)).toBe(true);
  const common = Array.from({ length: INPUTS }, (_, i) => kernel[i * CANDIDATES + 2]);
  expect(common[0]).toBeGreaterThan(0.05);
});
