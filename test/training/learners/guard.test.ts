import { argMax, createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { drawGuardWorld, type GuardWorld, guarded } from '../../../bench/simulations/guard.ts';
import { guardStrength } from '../../../training/learners/stack.ts';
import { memberFixture } from './fixture.ts';

const EQUAL: GuardWorld = {
  candidates: 3,
  prompts: 600,
  step: 0,
  spread: 0.12,
  scale: 1,
  noise: 0,
  repeats: 1,
};

test('differences that are exactly right are believed where candidates are about equal', () => {
  expect(guarded(EQUAL, 25).strength).toBeGreaterThan(0.9);
  expect(guarded({ ...EQUAL, step: 0.01 }, 25).strength).toBeGreaterThan(0.9);
});

test('differences that are twice or four times too large are taken at the size that outcomes show', () => {
  expect(Math.abs(guarded({ ...EQUAL, scale: 2 }, 25).strength - 0.5)).toBeLessThan(0.1);
  expect(Math.abs(guarded({ ...EQUAL, scale: 4 }, 25).strength - 0.25)).toBeLessThan(0.05);
});

test('differences that are noise do no harm, copies of prompts or not', () => {
  const noise = { ...EQUAL, candidates: 4, step: 0.02, prompts: 400, spread: 0, noise: 0.05 };
  expect(guarded(noise, 40).change).toBeGreaterThan(-0.004);
  expect(guarded({ ...noise, repeats: 4 }, 40).change).toBeGreaterThan(-0.004);
});

test('copies of prompts change nothing of what is believed', () => {
  const once = guarded(EQUAL, 10).strength;
  expect(guarded({ ...EQUAL, repeats: 4 }, 10).strength).toBeCloseTo(once, 2);
});

test('differences that never paid shrink until best single is left on one prompt of 200 at most, and no further', () => {
  const rows = 2000;
  const random = createRandom(7);
  const values = new Float32Array(2 * rows);
  for (let row = 0; row < rows; row++) {
    values[2 * row] = 0.03 * random.normal();
    values[2 * row + 1] = -values[2 * row];
  }
  const differences = { rows, columns: 2, values };
  const { data } = memberFixture({ rows, candidates: 2, seed: 1, truth: () => 0, noise: 0 });
  // Each outcome says the opposite of what was predicted, so leaving the better candidate has only cost.
  const contrary = { ...data, residuals: { rows, columns: 2, values: values.map((x) => -x) } };
  const strength = guardStrength(differences, contrary);
  const left = (part: number) => {
    const [gap, leaving] = [data.candidateMeans[0] - data.candidateMeans[1], 2 * part];
    return Array.from({ length: rows }, (_, row) => leaving * values[2 * row + 1] > gap).filter(Boolean)
      .length;
  };
  expect(left(strength)).toBeGreaterThan(0);
  expect(left(strength)).toBeLessThanOrEqual(rows / 200);
  expect(left(strength + 0.1)).toBeGreaterThan(rows / 200);
});

/** Differences that say nothing, of candidates that are not far apart. */
const NOISE: GuardWorld = { ...EQUAL, prompts: 150, step: 0.01, spread: 0, noise: 0.05 };

/** Whether by what is believed another than the best single candidate is chosen on more than one prompt of a hundred. */
function leaves({ candidates, ...world }: GuardWorld, seed: number): boolean {
  const { data, said } = drawGuardWorld({ candidates, ...world }, seed);
  const strength = guardStrength(said, data);
  let left = 0;
  for (let row = 0; row < said.rows; row++) {
    const scores = data.candidateMeans.map((mean, c) => mean + strength * said.values[row * candidates + c]);
    if (argMax(scores) !== argMax(data.candidateMeans)) left++;
  }
  return left > 0.01 * said.rows;
}

const share = (world: GuardWorld) =>
  Array.from({ length: 100 }, (_, seed) => leaves(world, seed)).filter(Boolean).length / 100;

test('for differences that are noise the best single candidate is left in fewer than one small log in five', () => {
  for (const candidates of [2, 5, 12]) {
    expect(share({ ...NOISE, candidates })).toBeLessThan(0.2);
    expect(share({ ...NOISE, candidates, prompts: 50, repeats: 3 })).toBeLessThan(0.2);
  }
});

test('where differences are right and large, it is left in nine small logs of ten', () => {
  for (const candidates of [2, 5, 12])
    expect(share({ ...NOISE, candidates, spread: 0.2, noise: 0 })).toBeGreaterThan(0.9);
});

test('the fewer the prompts, the more must leaving have paid', () => {
  // On every second prompt the worse candidate is better by three in eight, as was said.
  const pays = (rows: number) => {
    const { data } = memberFixture({ rows, candidates: 2, seed: 1, truth: () => 0, noise: 0 });
    const values = new Float32Array(2 * rows);
    const residuals = new Float32Array(2 * rows);
    for (let row = 0; row < rows; row++) {
      if (row % 2 === 0) values[2 * row + 1] = 0.2;
      if (row % 2 === 0) residuals[2 * row + 1] = [1, -1, 1, 0, 0, 1, -1, 0.5][(row / 2) % 8];
    }
    const of = { rows, columns: 2 };
    return guardStrength(
      { ...of, values },
      { ...data, candidateMeans: [0.51, 0.5], residuals: { ...of, values: residuals } },
    );
  };
  expect(pays(96)).toBeLessThan(0.06);
  expect(pays(384)).toBeGreaterThan(0.5);
});
