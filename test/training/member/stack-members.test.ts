import { expect, test } from 'vitest';
import { stackMembers, tuneMembers } from '../../../training/member/index.ts';
import { shrinkage } from '../../../training/member/shrinkage.ts';
import { memberFixture } from './fixture.ts';

const none = () => 0;
const some = (x: Float32Array, c: number) => 0.25 * x[1] * (c === 0 ? 1 : -1);

test('with no signal the stack says nothing, for at least nine seeds of ten', async () => {
  let silent = 0;
  for (let seed = 0; seed < 10; seed++) {
    const { data } = memberFixture({ rows: 300, candidates: 3, seed, truth: none, noise: 0.4 });
    const stack = stackMembers(await tuneMembers(data, ['linear']), data);
    if (stack.signal * stack.guard === 0 || stack.deviation.every((weight) => weight < 0.05)) silent++;
  }
  expect(silent).toBeGreaterThanOrEqual(9);
});

test('a clear signal is kept whole', async () => {
  const { data } = memberFixture({ rows: 500, candidates: 2, seed: 3, truth: some, noise: 0.3 });
  const stack = stackMembers(await tuneMembers(data, ['linear', 'curve']), data);
  expect(stack.signal).toBeGreaterThan(0.95);
  expect(stack.guard).toBeGreaterThan(0.5);
});

test('weights of members are never negative', async () => {
  const { data } = memberFixture({ rows: 300, candidates: 2, seed: 4, truth: some, noise: 0.5 });
  const { level, deviation } = stackMembers(await tuneMembers(data, ['linear', 'curve', 'knn']), data);
  for (const weight of [...level, ...deviation]) expect(weight).toBeGreaterThanOrEqual(0);
});

test('outcomes of one candidate a row are stacked with one weight for levels and differences', async () => {
  const { data } = memberFixture({ rows: 600, candidates: 2, seed: 5, truth: some, noise: 0.2 });
  const values = data.residuals.values.map((value, i) =>
    i % 2 === Math.floor(i / 2) % 2 ? value : Number.NaN,
  );
  const single = { ...data, residuals: { ...data.residuals, values } };
  const { level, deviation, signal } = stackMembers(await tuneMembers(single, ['linear']), single);
  expect(level).toEqual(deviation);
  expect(signal).toBeGreaterThan(0.8);
});

test('shrinkage is 0 for predictions that go the wrong way, and near 1 for the truth itself', () => {
  const truth = { rows: 200, columns: 1, values: Float32Array.from({ length: 200 }, (_, i) => Math.sin(i)) };
  const wrong = { ...truth, values: truth.values.map((x) => -x) };
  expect(shrinkage(wrong, truth, null, 200)).toBe(0);
  expect(shrinkage(truth, truth, null, 200)).toBeCloseTo(1, 6);
});
