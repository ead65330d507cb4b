import { argMax, createRandom } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';

import { fitLinear } from '../../../training/fit/linear.ts';
import { meanLoss, softTargets } from '../../../training/fit/loss.ts';
import {
  chainHead,
  createMatrix,
  crossValidate,
  eachFold,
  groupedFolds,
  predictRows,
  takeRows,
} from '../../../training/fit/rows.ts';
import { chooseLossShrinkage, chooseShrinkage, fitStack } from '../../../training/fit/stack-weights.ts';
import { linearFixture } from './fixtures.ts';

test('soft targets share the mass among ties, leave out what was not observed, and sum to 1', () => {
  const utility = {
    rows: 3,
    columns: 3,
    values: Float32Array.of(1, 1, 0, Number.NaN, 0.5, 0.5, 0.2, 0.4, 0.9),
  };
  const { values } = softTargets(utility, 0.05);
  expect(values[0]).toBeCloseTo(0.5, 6);
  expect(values[3]).toBeNaN();
  expect(values[4]).toBe(0.5);
  expect(values[6] + values[7] + values[8]).toBeCloseTo(1, 6);
  expect(() => softTargets(utility, 0)).toThrow('Got 0');
});

describe('folds', () => {
  test('no group straddles, folds are about equal, and the seed decides', () => {
    const groups = Int32Array.from({ length: 300 }, (_, i) => Math.floor(i / 3));
    const folds = groupedFolds(groups, 5, 1);
    const foldOf = new Map<number, number>();
    folds.forEach((fold, i) => {
      expect(foldOf.get(groups[i]) ?? fold).toBe(fold);
      foldOf.set(groups[i], fold);
    });
    for (let fold = 0; fold < 5; fold++) expect(folds.filter((f) => f === fold).length).toBe(60);
    expect([...groupedFolds(groups, 5, 1)]).toEqual([...folds]);
    expect([...groupedFolds(groups, 5, 2)]).not.toEqual([...folds]);
  });

  test('are counted among any number of rows', () => {
    expect(eachFold(Int32Array.from({ length: 500_000 }, (_, row) => row % 5))).toHaveLength(5);
    expect(eachFold(new Int32Array())).toHaveLength(0);
  });

  test('every row is predicted by a fit that did not see its fold', async () => {
    const folds = Int32Array.of(0, 1, 2, 0, 1, 2);
    const [once, twice] = await crossValidate(folds, async ({ fit, held, fold }) => {
      expect([...fit].some((row) => folds[row] === fold)).toBe(false);
      return [1, 2].map((times) => ({
        rows: held.length,
        columns: 1,
        values: Float32Array.from(held, (row) => times * row),
      }));
    });
    expect([...once.values]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...twice.values]).toEqual([0, 2, 4, 6, 8, 10]);
  });

  test('progress names the fold and how many there are', async () => {
    const seen: unknown[] = [];
    await crossValidate(
      Int32Array.of(1, 0, 1, 0),
      async ({ onProgress }) => {
        onProgress({ step: 1, steps: 9, loss: 0.5, secondsLeft: 1 });
        return [createMatrix(2, 1)];
      },
      (progress) => seen.push(progress),
    );
    expect(seen).toEqual([
      { fold: 0, folds: 2, loss: 0.5 },
      { fold: 1, folds: 2, loss: 0.5 },
    ]);
  });
});

describe('fitStack', () => {
  const { success, logits } = linearFixture(2000, 8, 3, 4, 3);
  const random = createRandom(2);
  const noise = { ...logits, values: logits.values.map(() => random.normal()) };

  test('gives the truth its weight, and noise none', () => {
    const { weights } = fitStack([logits, noise], { targets: success }, 'sigmoid');
    expect(weights[0]).toBeCloseTo(1, 0);
    expect(weights[1]).toBeLessThan(0.12);
  });

  test('squared error gives the non-negative least squares solution', () => {
    const mixed = { ...logits, values: logits.values.map((x, i) => 0.7 * x + 0.2 * noise.values[i]) };
    const { weights } = fitStack([logits, noise], { targets: mixed }, 'squared');
    expect(weights[0]).toBeCloseTo(0.7, 4);
    expect(weights[1]).toBeCloseTo(0.2, 4);
    const against = { ...logits, values: logits.values.map((x) => -x) };
    expect(fitStack([against], { targets: logits }, 'squared').weights).toEqual([0]);
  });

  test('never does worse than a member alone on its rows', () => {
    const { loss } = fitStack([noise, logits], { targets: success }, 'sigmoid');
    expect(loss).toBeLessThanOrEqual(meanLoss('sigmoid', logits, { targets: success }) + 1e-9);
  });
});

describe('shrinkage', () => {
  const fixture = linearFixture(1500, 10, 4, 5, 2);
  const means = (utility: typeof fixture.success) =>
    Float64Array.from({ length: 4 }, (_, c) => {
      const column = utility.values.filter((_, i) => i % 4 === c);
      return column.reduce((a, b) => a + b) / column.length;
    });

  async function chosen(utility: typeof fixture.success, seed: number) {
    const folds = groupedFolds(Int32Array.from(utility.values.keys()).subarray(0, utility.rows), 5, seed);
    const [scores] = await crossValidate(folds, async ({ fit, held }) => {
      const data = { features: takeRows(fixture.features, fit), targets: takeRows(utility, fit) };
      const { layer } = await fitLinear(data, 'squared', { l2: 10 });
      return [predictRows(chainHead([layer]), takeRows(fixture.features, held))];
    });
    return chooseShrinkage(scores, means(utility), utility);
  }

  test('trusts the head where prompts tell', async () => {
    const { strength, gain, standardError } = await chosen(fixture.success, 1);
    expect(strength).toBeGreaterThanOrEqual(0.5);
    expect(gain).toBeGreaterThan(2 * standardError);
  });

  test('is exactly 0 where prompts were shuffled against outcomes: best single', async () => {
    const rows = createRandom(9).shuffle(Int32Array.from({ length: 1500 }, (_, i) => i));
    for (const seed of [1, 2, 3]) {
      const { strength, gain } = await chosen(takeRows(fixture.success, rows), seed);
      expect([strength, gain]).toEqual([0, 0]);
    }
  });

  test('rows where the choice was not observed are left out, and nothing observed is 0', () => {
    const scores = { rows: 2, columns: 2, values: Float32Array.of(0, 1, 1, 0) };
    const unseen = createMatrix(2, 2);
    unseen.values.fill(Number.NaN);
    expect(chooseShrinkage(scores, [0.5, 0.4], unseen).strength).toBe(0);
  });

  test('by loss: near 1 for true logits, 0 for noise', () => {
    const prior = [0, 0.3, 0.6, 0.9];
    const data = { targets: fixture.success };
    expect(chooseLossShrinkage(fixture.logits, prior, data, 'sigmoid').strength).toBeGreaterThan(0.8);
    const random = createRandom(1);
    const noise = { ...fixture.logits, values: fixture.logits.values.map(() => 2 * random.normal()) };
    expect(chooseLossShrinkage(noise, prior, data, 'sigmoid').strength).toBe(0);
    expect(argMax(prior)).toBe(3);
  });
});
