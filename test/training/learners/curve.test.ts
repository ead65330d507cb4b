import { expect, test } from 'vitest';
import { tuneLinearLearner } from '../../../training/learners/linear.ts';
import { tuneCurveLearner } from '../../../training/learners/tune-learners.ts';
import { memberFixture } from './fixture.ts';

test('what is held out tells the curve nothing: it learns from fits that saw neither of two folds', async () => {
  const truth = (x: Float32Array, c: number) => 0.2 * x[c];
  const { data } = memberFixture({ rows: 240, candidates: 3, seed: 1, truth, noise: 0.2 });
  const linear = await tuneLinearLearner(data);
  const asked: Int32Array[] = [];
  // Predictions that know all, of fits that know nothing: whoever learns from the former looks perfect out of fold.
  const telling = {
    ...linear,
    outOfFold: data.residuals,
    fitOn: async (rows: Int32Array) => {
      asked.push(rows);
      const layer = await linear.fitOn(rows);
      return { ...layer, kernel: layer.kernel.map(() => 0), bias: layer.bias.map(() => 0) };
    },
  };
  const curve = await tuneCurveLearner(data, telling);
  let [error, variance] = [0, 0];
  data.residuals.values.forEach((value, i) => {
    error += (value - curve.outOfFold.values[i]) ** 2;
    variance += value ** 2;
  });
  expect(error / variance).toBeGreaterThan(0.9);
  // Four folds make six pairs.
  expect(asked).toHaveLength(6);
  for (const rows of asked) expect(new Set(Array.from(rows, (row) => data.folds[row])).size).toBe(2);
});

test('two folds, of which no third is left to learn from, still give a curve', async () => {
  const { data } = memberFixture({ rows: 60, candidates: 2, seed: 2, truth: (x) => 0.1 * x[0], noise: 0.1 });
  const halves = { ...data, folds: data.folds.map((_, row) => row % 2) };
  const curve = await tuneCurveLearner(halves, await tuneLinearLearner(halves));
  expect(curve.outOfFold.values.every(Number.isFinite)).toBe(true);
});
