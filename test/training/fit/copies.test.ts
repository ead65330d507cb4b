import { createRandom } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { countKept, countLeaving, countPassed } from '../../../bench/simulations/copies.ts';
import { chooseCalibrator } from '../../../training/calibrate/choose-calibrator.ts';
import { clusteredMean } from '../../../training/fit/rows.ts';
import { chooseLossShrinkage } from '../../../training/fit/stack-weights.ts';
import { checkSplits } from '../../../training/ingest/report.ts';
import { taskMeans } from '../../../training/learners/domain.ts';
import { differenceSlope, shrinkage } from '../../../training/learners/stack.ts';
import { memberFixture } from '../learners/fixture.ts';

/** Each value so many times, and the group of each. */
const copied = (values: readonly number[], times: number) => ({
  values: Float64Array.from({ length: values.length * times }, (_, i) => values[i % values.length]),
  groups: Int32Array.from({ length: values.length * times }, (_, i) => i % values.length),
});

describe('the error of a mean', () => {
  const values = [0.2, 0.9, 0.4, 0.1, 0.7];

  it('is that of the sample, whatever number of copies each value has', () => {
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - 0.46) ** 2, 0) / 4);
    for (const times of [1, 3, 10]) {
      const { mean, standardError, groups } = clusteredMean(
        copied(values, times).values,
        copied(values, times).groups,
      );
      expect(mean).toBeCloseTo(0.46, 12);
      expect(standardError).toBeCloseTo(deviation / Math.sqrt(5), 12);
      expect(groups).toBe(5);
    }
  });

  it('knows weights, leaves out what is not there, and is infinite of one group', () => {
    const weighed = clusteredMean(Float64Array.of(1, Number.NaN, 0, 5), [0, 1, 2, 3], [3, 1, 1, 0]);
    expect(weighed.mean).toBeCloseTo(0.75, 12);
    // (3 · 0.25)² + (1 · 0.75)², two groups, over 4.
    expect(weighed.standardError).toBeCloseTo(Math.sqrt(2 * (0.75 ** 2 + 0.75 ** 2)) / 4, 12);
    expect(weighed.groups).toBe(2);
    expect(clusteredMean(Float64Array.of(1, 2, 3), [7, 7, 7]).standardError).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('copies of prompts', () => {
  it('make no signal of noise, and take none from what is one', () => {
    for (const repeats of [3, 10])
      expect(countKept({ prompts: 100, repeats, signal: 0 }, 200).kept).toBeLessThanOrEqual(12);
    const of = (repeats: number) => countKept({ prompts: 100, repeats, signal: 0.4 }, 50).strength;
    expect(of(10)).toBeCloseTo(of(1), 4);
    expect(of(10)).toBeGreaterThan(30);
  });

  it('of a handful of prompts teach nothing', () => {
    expect(countLeaving({ prompts: 5, repeats: 40 }, 300)).toBe(0);
    const { data } = memberFixture({
      rows: 400,
      candidates: 2,
      seed: 1,
      truth: ([x], c) => (c === 0 ? x : -x),
      noise: 0.1,
    });
    const predictions = data.residuals;
    const few = data.groups.map((row) => row % 9);
    expect(differenceSlope(predictions, data)?.slope).toBeGreaterThan(0.9);
    expect(differenceSlope(predictions, { ...data, groups: few })?.slope).toBe(0);
    expect(shrinkage(predictions, data.residuals, null, data.groups)).toBeGreaterThan(0.9);
    expect(shrinkage(predictions, data.residuals, null, few)).toBe(0);
    const loss = (groups: Int32Array) =>
      chooseLossShrinkage(predictions, [0, 0], { targets: data.residuals }, 'squared', { groups }).strength;
    expect(loss(data.groups)).toBe(1);
    expect(loss(few)).toBe(0);
  });

  it('shrink the means of tasks no less', () => {
    const random = createRandom(1);
    const [prompts, taskCount] = [120, 6];
    const residuals = Array.from({ length: prompts }, (_, i) => 0.1 * (i % 2) + 0.4 * random.normal());
    const means = (times: number) => {
      const { groups, values } = copied(residuals, times);
      const all = { rows: values.length, columns: 1, values: Float32Array.from(values) };
      const tasks = groups.map((group) => group % taskCount);
      return taskMeans(
        { residuals: all, weights: null, tasks, taskCount, groups },
        Int32Array.from(groups.keys()),
      );
    };
    const [once, often] = [means(1), means(10)];
    expect(Math.max(...once.map(Math.abs))).toBeGreaterThan(0);
    once.forEach((mean, task) => {
      expect(often[task]).toBeCloseTo(mean, 5);
    });
  });

  it('choose no other calibrator', () => {
    const random = createRandom(3);
    const logits = Array.from({ length: 60 }, () => 2 * random.normal());
    const labels = logits.map((logit) => Number(random.next() < 1 / (1 + Math.exp(-0.7 * logit))));
    const kindOf = (times: number) => {
      const at = copied([...logits.keys()], times);
      const take = (values: readonly number[]) => Float64Array.from(at.values, (i) => values[i]);
      return chooseCalibrator({ logits: take(logits), labels: take(labels) }, { seed: 1, groups: at.groups })
        .calibrator.parameters.kind;
    };
    expect(kindOf(20)).toBe(kindOf(1));
    const few = copied([2, -2, 1, 0.5, -1], 100);
    const labelled = { logits: few.values, labels: few.values.map((x) => Number(x < 0)) };
    expect(chooseCalibrator(labelled, { seed: 1, groups: few.groups }).calibrator.parameters.kind).toBe(
      'identity',
    );
  });

  it('do not pass the gate, nor make a split', () => {
    expect(countPassed({ prompts: 1, repeats: 200 }, 20)).toBe(0);
    expect(countPassed({ prompts: 20, repeats: 10 }, 20)).toBe(0);
    const part = (from: number) => Int32Array.from({ length: 40 }, (_, i) => from + i);
    const splits = {
      fit: { role: 'fit', rows: part(0) },
      calibrate: { role: 'calibrate', rows: part(40) },
      test: { role: 'test', rows: part(80) },
    } as const;
    const rows = Int32Array.from({ length: 120 }, (_, row) => row);
    const few = rows.map((row) => (row < 80 ? row : 80 + (row % 3)));
    expect(() => checkSplits(splits, rows)).not.toThrow();
    expect(() => checkSplits(splits, few)).toThrow(
      /Got 40 to fit, 40 to calibrate and 3 to test; near-duplicate prompts count once/,
    );
  });
});
