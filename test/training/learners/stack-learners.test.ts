import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { type LearnerData, splitDifficulty } from '../../../training/learners/learner.ts';
import { shrinkage, stackLearners } from '../../../training/learners/stack.ts';
import { tuneLearners } from '../../../training/learners/tune-learners.ts';
import { memberFixture } from './fixture.ts';

/** A log: each row keeps the outcome of one candidate. */
function oneOutcomeEach(data: LearnerData): LearnerData {
  const { columns } = data.residuals;
  const random = createRandom(data.seed);
  const seen = Int32Array.from({ length: data.residuals.rows }, () => random.integer(columns));
  const values = data.residuals.values.map((value, i) =>
    i % columns === seen[Math.floor(i / columns)] ? value : Number.NaN,
  );
  return { ...data, residuals: { ...data.residuals, values }, logged: true };
}

const none = () => 0;
const some = (x: Float32Array, c: number) => 0.25 * x[1] * (c === 0 ? 1 : -1);

test('with no signal the stack says nothing, for at least nine seeds of ten', async () => {
  let silent = 0;
  for (let seed = 0; seed < 10; seed++) {
    const { data } = memberFixture({ rows: 300, candidates: 3, seed, truth: none, noise: 0.4 });
    const stack = stackLearners(await tuneLearners(data, ['linear']), data);
    if (stack.strength * stack.guard === 0 || stack.advantage.every((weight) => weight < 0.05)) silent++;
  }
  expect(silent).toBeGreaterThanOrEqual(9);
});

test('a clear signal is kept whole', async () => {
  const { data } = memberFixture({ rows: 500, candidates: 2, seed: 3, truth: some, noise: 0.3 });
  const stack = stackLearners(await tuneLearners(data, ['linear', 'curve']), data);
  expect(stack.strength).toBeGreaterThan(0.95);
  expect(stack.guard).toBeGreaterThan(0.5);
});

test('weights of members are never negative', async () => {
  const { data } = memberFixture({ rows: 300, candidates: 2, seed: 4, truth: some, noise: 0.5 });
  const { difficulty: level, advantage: deviation } = stackLearners(
    await tuneLearners(data, ['linear', 'curve', 'knn']),
    data,
  );
  for (const weight of [...level, ...deviation]) expect(weight).toBeGreaterThanOrEqual(0);
});

test('rows with one outcome each still teach the differences', async () => {
  const { data } = memberFixture({ rows: 900, candidates: 3, seed: 5, truth: some, noise: 0.3 });
  const log = oneOutcomeEach(data);
  const {
    advantage: deviation,
    strength: signal,
    guard,
  } = stackLearners(await tuneLearners(log, ['linear']), log);
  expect(signal).toBeGreaterThan(0.9);
  expect(guard).toBeGreaterThan(0.7);
  expect(deviation[0]).toBeGreaterThan(0.5);
});

test('of rows with one outcome each, what moves all candidates alike is a level and no difference', async () => {
  const hard = (x: Float32Array) => 0.3 * x[0];
  const { data } = memberFixture({ rows: 900, candidates: 3, seed: 6, truth: hard, noise: 0.3 });
  const log = oneOutcomeEach(data);
  const { difficulty: level, outOfFold } = stackLearners(await tuneLearners(log, ['linear']), log);
  expect(level[0]).toBeGreaterThan(0.9);
  const { advantage } = splitDifficulty(outOfFold);
  expect(Math.max(...advantage.values.map(Math.abs))).toBeLessThan(0.1);
});

test('of rows with one outcome each and no signal the stack leaves best single on hardly a row, for nine seeds of ten', async () => {
  let harmless = 0;
  for (let seed = 0; seed < 10; seed++) {
    const { data } = memberFixture({ rows: 600, candidates: 3, seed, truth: none, noise: 0.4 });
    const log = oneOutcomeEach(data);
    const { outOfFold } = stackLearners(await tuneLearners(log, ['linear']), log);
    let leaving = 0;
    for (let row = 0; row < 600; row++) {
      const scores = log.candidateMeans.map((mean, c) => mean + outOfFold.values[row * 3 + c]);
      if (scores[0] < Math.max(...scores)) leaving++;
    }
    if (leaving <= 12) harmless++;
  }
  expect(harmless).toBeGreaterThanOrEqual(9);
});

test('shrinkage is 0 for predictions that go the wrong way, and near 1 for the truth itself', () => {
  const truth = { rows: 200, columns: 1, values: Float32Array.from({ length: 200 }, (_, i) => Math.sin(i)) };
  const groups = Int32Array.from(truth.values.keys());
  const wrong = { ...truth, values: truth.values.map((x) => -x) };
  expect(shrinkage(wrong, truth, null, groups)).toBe(0);
  expect(shrinkage(truth, truth, null, groups)).toBeCloseTo(1, 6);
});
