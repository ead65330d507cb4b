import { describe, expect, test } from 'vitest';
import { fitTaskClassifier, taskMeans, tuneDomainLearner } from '../../../training/learners/domain.ts';
import {
  isFullyObserved,
  type LearnerData,
  splitDifficulty,
  squaredError,
  weightPerCandidate,
} from '../../../training/learners/learner.ts';
import {
  differenceSlope,
  guardStrength,
  shrinkage,
  stackLearners,
} from '../../../training/learners/stack.ts';
import { memberFixture } from './fixture.ts';

const none = Number.NaN;
const matrix = (columns: number, ...values: number[]) => ({
  rows: values.length / columns,
  columns,
  values: Float32Array.from(values),
});
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const numbered = (count: number) => Int32Array.from(upTo(count));

describe('errors and weights, by hand', () => {
  const targets = matrix(2, 1, 0, none, 1);
  const predictions = matrix(2, 0.5, 0, 0, 0.5);

  test('squared errors are means over what was observed; parts are of rows with every target', () => {
    expect(squaredError(predictions, targets, 'all')).toBeCloseTo(0.5 / 3, 9);
    expect(squaredError(predictions, targets, 'all', Float32Array.of(2, 1, 5, 1))).toBeCloseTo(0.75 / 4, 9);
    expect(squaredError(predictions, targets, 'difficulty')).toBeCloseTo(0.25 ** 2, 9);
    expect(squaredError(matrix(2, 0.5, -1), matrix(2, 1, 0), 'advantage')).toBeCloseTo(0.25 ** 2, 9);
    expect(squaredError(matrix(2, 0.5, -1), matrix(2, 1, 0), 'difficulty')).toBeCloseTo(0.75 ** 2, 9);
    expect(squaredError(predictions, matrix(2, none, none, none, none), 'all')).toBeNaN();
  });

  test('the weight of outcomes a candidate counts those of the named rows that were observed', () => {
    const residuals = matrix(2, 1, none, 1, 1);
    const rows = Int32Array.of(0, 1);
    expect(weightPerCandidate({ residuals, weights: null }, rows)).toBe(1.5);
    expect(weightPerCandidate({ residuals, weights: Float32Array.of(2, 9, 1, 1) }, rows)).toBe(2);
    expect(weightPerCandidate({ residuals, weights: null }, Int32Array.of(1))).toBe(1);
  });

  test('a row is its mean and the differences to it', () => {
    const { difficulty, advantage } = splitDifficulty(matrix(2, 1, 0.5, none, 1));
    expect([...difficulty.values]).toEqual([0.75, 0.75, none, none]);
    expect([...advantage.values]).toEqual([0.25, -0.25, none, none]);
  });

  test('half of the rows that have an outcome must have every one, and rows without any do not count', () => {
    expect(isFullyObserved(matrix(2, 1, 1, none, 1))).toBe(true);
    expect(isFullyObserved(matrix(2, 1, 1, none, 1, 1, none))).toBe(false);
    expect(isFullyObserved(matrix(2, 1, 1, none, none, none, none))).toBe(true);
  });
});

describe('shrinkage, by hand', () => {
  /** Predictions of ±1, half of which is true, and errors of ±`noise` that have nothing to do with them. */
  const strength = (rows: number, noise: number, more: { columns?: number; copies?: number } = {}) => {
    const { columns = 1, copies = 1 } = more;
    const cells = upTo(rows * copies * columns).map((i) => Math.floor(i / columns) % rows);
    const said = cells.map((i) => (i % 2 === 0 ? 1 : -1));
    const truth = cells.map((i, at) => 0.5 * said[at] + (i % 4 < 2 ? noise : -noise));
    const groups = Int32Array.from(upTo(rows * copies), (i) => i % rows);
    return (weights: Float32Array | null) =>
      shrinkage(matrix(columns, ...said), matrix(columns, ...truth), weights, groups);
  };
  // t = 0.5 √(n − 1) / noise, so 1 − (2 / t)² = 1 − 16 noise² / (n − 1)
  const expected = 1 - (16 * 0.25) / 19;

  test('is 1 − (2 / t)², t by the error of independent groups, and 0 below', () => {
    expect(strength(20, 0.5)(null)).toBeCloseTo(expected, 6);
    expect(strength(20, 1.2)(null)).toBe(0);
    expect(strength(20, 1)(null)).toBeCloseTo(3 / 19, 6);
  });

  test('is no surer for copies, for outputs that say the same, or for weights of 3 everywhere', () => {
    expect(strength(20, 0.5, { copies: 3 })(null)).toBeCloseTo(expected, 6);
    expect(strength(20, 0.5, { columns: 2 })(null)).toBeCloseTo(expected, 6);
    expect(strength(20, 0.5)(new Float32Array(20).fill(3))).toBeCloseTo(expected, 6);
  });

  test('leaves out what weighs nothing', () => {
    const twice = strength(20, 0.5, { copies: 2 });
    expect(twice(Float32Array.from({ length: 40 }, (_, i) => Number(i < 20)))).toBeCloseTo(expected, 6);
  });

  test('needs ten groups', () => {
    expect(strength(12, 0.1)(null)).toBeGreaterThan(0.9);
    const truth = matrix(1, ...upTo(40).map((i) => Math.sin(i)));
    expect(
      shrinkage(
        truth,
        truth,
        null,
        Int32Array.from(upTo(40), (i) => i % 10),
      ),
    ).toBeCloseTo(1, 6);
    expect(
      shrinkage(
        truth,
        truth,
        null,
        Int32Array.from(upTo(40), (i) => i % 9),
      ),
    ).toBe(0);
  });
});

/** Two candidates that are equal on average; `said` is by how much the first is better, less what both have in common. */
function dataOf(said: readonly number[], outcomes: readonly number[], more: Partial<LearnerData> = {}) {
  const rows = said.length;
  const { data } = memberFixture({ rows, candidates: 2, seed: 1, truth: () => 0, noise: 0 });
  return {
    differences: matrix(2, ...said.flatMap((x) => [x, -x])),
    data: { ...data, candidateMeans: [0.5, 0.5], residuals: matrix(2, ...outcomes), ...more },
  };
}

describe('how much of differences is true, by hand', () => {
  const said = upTo(40).map((i) => (i % 2 === 0 ? 0.1 : -0.1));
  const noise = upTo(40).map((i) => (i % 4 < 2 ? 0.05 : -0.05));
  const full = said.flatMap((x, i) => [0.5 * x + noise[i], -0.5 * x - noise[i]]);
  const { differences, data } = dataOf(said, full);
  // Half of it, and an error of 0.05 / 0.1 over √39
  const error = 0.5 / Math.sqrt(39);

  test('is the slope of outcomes on differences, with the error of independent groups', () => {
    const found = differenceSlope(differences, data)!;
    expect(found.slope).toBeCloseTo(0.5, 5);
    expect(found.standardError).toBeCloseTo(error, 5);
  });

  test('does not move with the row, nor with copies or weights', () => {
    const shifted = full.map((value, i) => value + Math.sin(Math.floor(i / 2)));
    expect(differenceSlope(differences, dataOf(said, shifted).data)!.slope).toBeCloseTo(0.5, 5);
    const twice = dataOf([...said, ...said], [...full, ...full], {
      groups: Int32Array.from(upTo(80), (i) => i % 40),
    });
    expect(differenceSlope(twice.differences, twice.data)!.standardError).toBeCloseTo(error, 5);
    const weighed = { ...data, weights: new Float32Array(80).fill(3) };
    expect(differenceSlope(differences, weighed)!.standardError).toBeCloseTo(error, 5);
    // Rows whose outcomes go the other way, but weigh nothing.
    const other = dataOf([...said, ...said], [...full, ...full.map((x) => -x)], {
      weights: Float32Array.from({ length: 160 }, (_, i) => Number(i < 80)),
    });
    expect(differenceSlope(other.differences, other.data)!.slope).toBeCloseTo(0.5, 5);
  });

  test('of rows with one outcome is told by that against what is expected of the row', () => {
    const one = full.map((value, i) => (i % 2 === (Math.floor(i / 2) % 4) % 2 ? value : none));
    expect(differenceSlope(differences, dataOf(said, one).data)!.slope).toBeCloseTo(0.5, 5);
  });

  test('is not asked where one candidate alone is in contention, and 0 where fewer than ten groups say it', () => {
    expect(differenceSlope(differences, { ...data, candidateMeans: [0.9, 0.1] })).toBeNull();
    const groups = (count: number) => ({ ...data, groups: Int32Array.from(upTo(40), (i) => i % count) });
    expect(differenceSlope(differences, groups(10))!.slope).toBeCloseTo(0.5, 5);
    expect(differenceSlope(differences, groups(9))).toEqual({ slope: 0, standardError: 0 });
  });

  test('a candidate that is chosen on one row of a hundred is in contention, on fewer it is not', () => {
    const rows = 400;
    const rarely = (count: number) => {
      const values = upTo(rows).map((i) => (i < count ? -0.2 : 0.2));
      const of = dataOf(
        values,
        values.flatMap((x) => [x, -x]),
        { candidateMeans: [0.6, 0.5] },
      );
      return differenceSlope(of.differences, of.data);
    };
    expect(rarely(4)!.slope).toBeCloseTo(1, 5);
    expect(rarely(3)).toBeNull();
  });

  test('of a log, one standard error less than that is believed, all of it at most, all where nobody contends', () => {
    const logged = { logged: true };
    expect(guardStrength(differences, { ...data, ...logged })).toBeCloseTo(0.5 - error, 5);
    const thrice = dataOf(
      said,
      said.flatMap((x) => [3 * x, -3 * x]),
      logged,
    );
    expect(guardStrength(thrice.differences, thrice.data)).toBe(1);
    expect(guardStrength(differences, { ...data, ...logged, candidateMeans: [0.9, 0.1] })).toBe(1);
  });

  test('what never paid shrinks below a tenth where candidates are nearly equal, and to nothing where they tie', () => {
    const contrary = full.map((value) => -value);
    const apart = (gap: number) =>
      guardStrength(differences, dataOf(said, contrary, { candidateMeans: [0.5 + gap, 0.5] }).data);
    // The second is chosen where strength × 0.2 > gap: at 0.05, and not at 0.025.
    expect(apart(0.008)).toBe(0.025);
    expect(apart(0)).toBe(0);
  });
});

test('a stack says, out of fold, its weights times the means and the differences of its learners', () => {
  const truth = (x: Float32Array, c: number) => 0.3 * x[0] + 0.2 * x[1] * (c === 0 ? 1 : -1);
  const { data, expected } = memberFixture({ rows: 300, candidates: 2, seed: 2, truth, noise: 0.05 });
  const learner = (name: string, of: (value: number, i: number) => number) => ({
    name,
    settings: {},
    outOfFold: { ...expected, values: expected.values.map(of) },
    fit: () => Promise.reject(new Error('not asked')),
  });
  const learners = [
    learner('near', (x, i) => x + 0.1 * Math.sin(i)),
    learner('far', (x, i) => x + Math.cos(i)),
  ];
  const { advantage, difficulty, guard, outOfFold } = stackLearners(learners, data);
  expect([guard, difficulty[0], advantage[0]].every((weight) => weight > 0.8 && weight <= 1.05)).toBe(true);
  for (let i = 0; i < outOfFold.values.length; i++) {
    const said = learners.map(({ outOfFold: { values } }, j) => {
      const mean = (values[i - (i % 2)] + values[i - (i % 2) + 1]) / 2;
      return difficulty[j] * mean + advantage[j] * (values[i] - mean);
    });
    expect(outOfFold.values[i]).toBeCloseTo(said[0] + said[1], 5);
  }
});

describe('means of tasks, by hand', () => {
  const values = [0.4, 0.2, 0.4, 0.2, -0.4, -0.2, -0.4, -0.2];
  const tasks = upTo(8).map((i) => Number(i >= 4));
  const meansOf = (given: readonly number[], kinds: readonly number[], more: object = {}) =>
    taskMeans(
      {
        residuals: matrix(1, ...given),
        weights: null,
        tasks: Int32Array.from(kinds),
        taskCount: 2,
        groups: numbered(given.length),
        ...more,
      },
      numbered(given.length),
    );
  // Within 0.08 / 6; between (0.72 - 0.16 / 6) / 8; 0.3 × 4 / (4 + within / between)
  const expected = 0.28889;

  test('are shrunk by n / (n + within / between)', () => {
    const [first, second] = meansOf(values, tasks);
    expect(first).toBeCloseTo(expected, 4);
    expect(second).toBeCloseTo(-expected, 4);
  });

  test('are as sure with copies of each prompt, and with all weights tripled', () => {
    const groups = Int32Array.from(upTo(16), (i) => i % 8);
    expect(meansOf([...values, ...values], [...tasks, ...tasks], { groups })[0]).toBeCloseTo(expected, 4);
    expect(meansOf(values, tasks, { weights: new Float32Array(8).fill(3) })[0]).toBeCloseTo(expected, 4);
  });

  test('leave out prompts without a task, without an outcome and without a weight', () => {
    const more = [...values, 9, none, 9];
    const weights = Float32Array.from(more, (_, i) => Number(i !== 10));
    expect(meansOf(more, [...tasks, -1, 0, 1], { weights })[0]).toBeCloseTo(expected, 4);
    expect(meansOf(more, [...tasks, -1, 0, 1], { weights })[1]).toBeCloseTo(-expected, 4);
  });

  test('are learned from two prompts of a task on, and a task seen once says nothing of how tasks differ', () => {
    // Within 0.04 / 2; between (0.36 - 0.04) / 4; 0.3 × 2 / (2 + 1/4)
    const [first, second] = meansOf([0.4, 0.2, -0.4, -0.2], [0, 0, 1, 1]);
    expect(first).toBeCloseTo(0.26667, 4);
    expect(second).toBeCloseTo(-0.26667, 4);
    const three = meansOf([0.4, 0.2, -0.4, -0.2, 5], [0, 0, 1, 1, 2], { taskCount: 3 });
    expect(three[0]).toBeCloseTo(0.26667, 4);
    expect(three[2]).toBeCloseTo(5 / 1.25, 4);
  });

  test('there is no learner of tasks where there are none, or one alone', async () => {
    const { data } = memberFixture({ rows: 60, candidates: 2, seed: 1, truth: () => 0, noise: 0.1 });
    const of = (tasks: Int32Array | null, taskCount: number) =>
      tuneDomainLearner({ ...data, tasks, taskCount });
    expect(await of(null, 0)).toBeNull();
    expect(await of(null, 2)).toBeNull();
    expect(await of(new Int32Array(60), 1)).toBeNull();
    expect(await fitTaskClassifier({ ...data, tasks: new Int32Array(60), taskCount: 1 })).toBeNull();
    const two = await of(
      Int32Array.from({ length: 60 }, (_, i) => Number(data.features.values[6 * i] > 0)),
      2,
    );
    expect(two?.settings.taskAccuracy).toBeGreaterThan(0.8);
  });

  test('are 0 where each task was seen once, and where tasks do not differ', () => {
    for (const means of [meansOf([0.4, -0.4], [0, 1]), meansOf([0.4, -0.4, 0.4, -0.4], [0, 0, 1, 1])])
      for (const mean of means) expect(Math.abs(mean)).toBe(0);
  });
});
