import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { parseTrainConfig } from '../../../training/config.ts';
import type { LearnerData } from '../../../training/learners/learner.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import type { Splits } from '../../../training/split/split.ts';
import { tuneQuality } from '../../../training/train/quality.ts';
import { addChampionPrior, learnerData } from '../../../training/train/training-run.ts';
import { memberFixture } from '../learners/fixture.ts';

test('a cell counts for its outcome, for the expectation, for both or for neither', () => {
  const cells = (...values: number[]) => ({ rows: 2, columns: 2, values: Float32Array.from(values) });
  const { quality, weights } = addChampionPrior(
    cells(1, Number.NaN, 1, Number.NaN),
    cells(0.5, 0.25, Number.NaN, Number.NaN),
    0.25,
  );
  expect(Array.from(weights)).toEqual([1.25, 0.25, 1, 0]);
  expect(quality.values[0]).toBeCloseTo((1 + 0.25 * 0.5) / 1.25, 6);
  expect(Array.from(quality.values.slice(1, 3))).toEqual([0.25, 1]);
  expect(quality.values[3]).toBeNaN();
});

test('learners learn from the outcomes with the prior, each cell weighing what it counts for', () => {
  const { NaN: none } = Number;
  const prompts = Array.from({ length: 4 }, () => ({ task: null }));
  const matrix = {
    prompts,
    candidates: ['a', 'b'],
    quality: Float32Array.of(1, none, none, 0, 1, none, none, 0.5),
    expected: Float32Array.of(0.5, 0.25, 0.5, 0.25, none, none, 0.5, 0.5),
  } as unknown as OutcomeMatrix;
  const rows = Int32Array.of(0, 1, 2, 3);
  const of = (memory: number) =>
    learnerData({
      config: parseTrainConfig({ offPolicy: { memory } }),
      matrix,
      splits: { fit: { rows } } as unknown as Splits,
      groups: rows,
      features: {
        matrix: { rows: 4, columns: 1, values: new Float32Array(4) },
        variance: 1,
        embedding: { from: 0, to: 1 },
        blocks: [],
        standardisation: '',
        files: new Map(),
      },
      folds: Int32Array.of(0, 0, 1, 1),
      tasks: [],
      onStep: () => {},
    });
  const held = of(0.5);
  expect(Array.from(held.weights!)).toEqual([1.5, 0.5, 0.5, 1.5, 1, 0, 0.5, 1.5]);
  // (1 + 0.5 * 0.5) / 1.5 and 1/4
  expect(held.residuals.values[0] + held.candidateMeans[0]).toBeCloseTo(1.25 / 1.5, 6);
  expect(held.residuals.values[1] + held.candidateMeans[1]).toBeCloseTo(0.25, 6);
  const alone = of(0);
  expect(alone.weights).toBeNull();
  expect(alone.residuals.values[1]).toBeNaN();
});

test('what a router knows of choices that it does not make is kept, which its own log would lose', async () => {
  const rows = 1200;
  // Each candidate is good on its own side of the first feature, and bad on the other.
  const truth = (features: Float32Array, c: number) => (c === 0 ? 0.4 : -0.4) * Math.tanh(features[0]);
  const { data, expected } = memberFixture({ rows, candidates: 2, seed: 3, truth, noise: 0 });
  const random = createRandom(5);
  const known = { rows, columns: 2, values: expected.values.map((value) => 0.5 + value) };
  const seen = { rows, columns: 2, values: new Float32Array(2 * rows).fill(Number.NaN) };
  for (let row = 0; row < rows; row++) {
    const better = known.values[2 * row] > known.values[2 * row + 1] ? 0 : 1;
    const c = random.next() < 0.99 ? better : 1 - better;
    seen.values[2 * row + c] = Number(random.next() < known.values[2 * row + c]);
  }
  // Of candidates where they are not chosen, which is where a log is silent.
  const errorOf = async (learned: LearnerData) => {
    const { stack } = await tuneQuality(learned, ['linear'], () => {});
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      const worse = known.values[2 * row] > known.values[2 * row + 1] ? 1 : 0;
      const i = 2 * row + worse;
      sum += (learned.candidateMeans[worse] + stack.outOfFold.values[i] - known.values[i]) ** 2 / rows;
    }
    return sum;
  };
  const alone = await errorOf(memberDataOf(data, seen.values, null));
  const { quality, weights } = addChampionPrior(seen, known, 0.05);
  const anchored = await errorOf(memberDataOf(data, quality.values, weights));
  expect(alone).toBeGreaterThan(0.05);
  expect(anchored).toBeLessThan(0.25 * alone);
});

/** The fixture's features with other outcomes. */
function memberDataOf(data: LearnerData, values: Float32Array, weights: Float32Array | null): LearnerData {
  const candidateMeans = [0, 1].map((c) => {
    const own = values.filter((value, i) => i % 2 === c && !Number.isNaN(value));
    return own.reduce((sum, value) => sum + value, 0) / own.length;
  });
  const residuals = { ...data.residuals, values: values.map((value, i) => value - candidateMeans[i % 2]) };
  return { ...data, residuals, candidateMeans, weights, logged: true };
}
