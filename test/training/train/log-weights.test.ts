import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { createMatrix } from '../../../training/fit/rows.ts';
import {
  disagreement,
  doublyRobustData,
  inverselyWeighted,
  logWeights,
} from '../../../training/train/logged.ts';
import { memberFixture } from '../learners/fixture.ts';

const NONE = Number.NaN;

test('weights are inverse propensities with mean 1, cut where asked, and are worth what Kish says', () => {
  const values = Float64Array.of(0.5, NONE, NONE, 0.1, 0.25, NONE, NONE, NONE);
  const rows = Int32Array.of(0, 1, 2, 3);
  const weights = logWeights({ values }, rows, 2, 100);
  expect([...weights.inverse]).toEqual(
    [2, 0, 0, 10, 4, 0, 0, 0].map((weight) => Math.fround((3 * weight) / 16)),
  );
  expect(weights.outcomes).toBe(3);
  expect(weights.effectiveOutcomes).toBeCloseTo(16 ** 2 / (4 + 100 + 16), 10);
  expect(weights.clippedShare).toBe(0);
  const cut = logWeights({ values }, rows, 2, 4);
  expect(cut.clippedShare).toBeCloseTo(1 / 3, 10);
  expect(cut.inverse[3]).toBe(cut.inverse[4]);
});

test('rows of a split are weighed among themselves', () => {
  const values = Float64Array.of(0.5, NONE, NONE, 0.1, 0.25, NONE);
  const weights = logWeights({ values }, Int32Array.of(2), 2, 100);
  expect([...weights.inverse]).toEqual([1, 0]);
});

test('weighing moves each mean to what all prompts would have given', () => {
  const { data } = memberFixture({ rows: 4, candidates: 2, seed: 1, truth: () => 0, noise: 0.1 });
  // The first candidate was given three easy prompts (1) of four, the hard one (0) with a propensity of 1 in 4.
  const residuals = {
    rows: 4,
    columns: 2,
    values: Float32Array.of(0.25, NONE, 0.25, NONE, NONE, 0, -0.75, NONE),
  };
  const propensities = Float64Array.of(0.75, NONE, 0.75, NONE, NONE, 1, 0.25, NONE);
  const weights = logWeights({ values: propensities }, Int32Array.of(0, 1, 2, 3), 2, 100);
  const weighed = inverselyWeighted({ ...data, candidateMeans: [0.75, 0.5], residuals }, weights);
  expect(weighed.candidateMeans[0]).toBeCloseTo(2 / 0.75 / (2 / 0.75 + 4), 6);
  expect(weighed.candidateMeans[1]).toBeCloseTo(0.5, 6);
});

test('doubly robust scores of a complete table are its qualities', () => {
  const { data } = memberFixture({ rows: 50, candidates: 2, seed: 2, truth: () => 0, noise: 0.3 });
  const { residuals, candidateMeans } = doublyRobustData(
    data,
    createMatrix(50, 2),
    new Float64Array(100).fill(1),
    100,
  );
  residuals.values.forEach((value, i) => {
    expect(value + candidateMeans[i % 2]).toBeCloseTo(
      data.residuals.values[i] + data.candidateMeans[i % 2],
      5,
    );
  });
});

test('weights disagree with what is expected only where the logging policy knew more than the features', () => {
  const rows = 3000;
  const outcome = (hidden: boolean) => {
    const random = createRandom(7);
    const { data } = memberFixture({ rows, candidates: 2, seed: 3, truth: () => 0, noise: 0 });
    const values = new Float32Array(2 * rows).fill(Number.NaN);
    const weights = new Float32Array(2 * rows);
    for (let row = 0; row < rows; row++) {
      const hard = random.next() < 0.5;
      const toFirst = hidden ? (hard ? 0.8 : 0.2) : row % 2 === 0 ? 0.8 : 0.2;
      const c = random.next() < toFirst ? 0 : 1;
      values[2 * row + c] = (hard ? -0.3 : 0.3) + 0.1 * random.normal();
      weights[2 * row + c] = 1 / (c === 0 ? toFirst : 1 - toFirst);
    }
    return disagreement({ ...data, residuals: { rows, columns: 2, values } }, createMatrix(rows, 2), weights);
  };
  expect(outcome(false)).toBeLessThan(2);
  expect(outcome(true)).toBeGreaterThan(10);
});
