import { createRandom } from 'pointsman/internal';
import { expect, it } from 'vitest';
import { describeWhole, TestSums, type WholeReport } from '../../../training/evaluate/test-sums.ts';

const NAMES = ['large', 'small'];

interface Seen {
  readonly choice: number;
  readonly values: Float64Array;
  readonly costUsd: readonly [number, number];
  readonly group: number;
  readonly success: Float32Array;
}

function prompts(count: number, seed: number): Seen[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const p = random.next();
    const values = Float64Array.from([random.next() < p ? 1 : 0, random.next() < 0.5 ? 1 : 0]);
    return {
      choice: p > 0.5 ? 0 : 1,
      values,
      costUsd: [0.01 * (1 + i), 0.02],
      group: i,
      success: Float32Array.from([p, 0.5]),
    };
  });
}

function summed(all: readonly Seen[], seed = 1): TestSums {
  const sums = new TestSums(2, seed);
  for (const { success, ...choice } of all) {
    sums.addCalibration(Float32Array.from(choice.values), success);
    sums.addChoice({ ...choice, single: 0 });
  }
  return sums;
}

it('adds up: the sums of two halves are those of all, intervals among them', () => {
  const all = prompts(400, 1);
  const [left, right] = [summed(all.slice(0, 123)), summed(all.slice(123))];
  const together = new TestSums(
    2,
    1,
    left.values.map((value, i) => value + right.values[i]),
  ).report(NAMES, 0, 'read');
  const whole = summed(all).report(NAMES, 0, 'read');
  expect(together.test?.difference.low).toBeCloseTo(whole.test!.difference.low, 12);
  expect(together.calibration[0].ece10).toBeCloseTo(whole.calibration[0].ece10, 12);
  expect(together.test?.rows).toBe(400);
});

it('gives means, shares, costs and losses as they are', () => {
  const all = prompts(300, 2);
  const { calibration, test } = summed(all).report(NAMES, 0, 'read');
  const mean = (of: (seen: Seen) => number) => all.reduce((sum, seen) => sum + of(seen) / all.length, 0);
  expect(test?.quality.estimate).toBeCloseTo(
    mean(({ choice, values }) => values[choice]),
    12,
  );
  expect(test?.bestSingle).toMatchObject({ candidate: 'large' });
  expect(test?.difference.estimate).toBeCloseTo(
    mean(({ choice, values }) => values[choice] - values[0]),
    12,
  );
  expect(test?.costUsd?.router).toBeCloseTo(
    mean(({ costUsd }) => costUsd[0]),
    12,
  );
  expect(test?.shares[0]).toBeCloseTo(
    mean(({ choice }) => 1 - choice),
    12,
  );
  expect(calibration[0].brier).toBeCloseTo(
    mean(({ success, values }) => (success[0] - values[0]) ** 2),
    12,
  );
  expect(calibration[1].nll).toBeCloseTo(Math.LN2, 12);
});

it('has intervals that cover the truth about as often as they say', () => {
  let covered = 0;
  for (let seed = 0; seed < 100; seed++) {
    const { low, high } = summed(prompts(200, seed), seed).report(NAMES, 0, 'read').test!.quality;
    // The better of p and 1/2: 3/4 where p is above 1/2, else 1/2.
    if (low <= 0.625 && 0.625 <= high) covered++;
  }
  expect(covered).toBeGreaterThanOrEqual(87);
  expect(covered).toBeLessThan(100);
});

it('counts copies of a prompt as one piece of evidence', () => {
  const all = prompts(100, 3);
  const copies = all.flatMap((seen) => Array.from({ length: 16 }, () => seen));
  const width = (seen: readonly Seen[]) => {
    const { high, low } = summed(seen).report(NAMES, 0, 'read').test!.quality;
    return high - low;
  };
  expect(width(copies)).toBeCloseTo(width(all), 12);
});

it('finds a head that says one half too much off by one half, and a calibrated one hardly', () => {
  const sums = new TestSums(2, 1);
  const random = createRandom(4);
  for (let i = 0; i < 5000; i++) {
    const p = random.next();
    const label = random.next() < p ? 1 : 0;
    sums.addCalibration(Float32Array.from([label, 0]), Float32Array.from([p, 0.5]));
  }
  const [right, wrong] = sums.report(NAMES, 0, null).calibration;
  expect(right.ece10).toBeLessThan(0.03);
  expect(wrong.ece10).toBeCloseTo(0.5, 6);
});

it('says what was fitted on, and what all prompts say', () => {
  const report: WholeReport = {
    prompts: { fit: 600, calibrate: 200, test: 200 },
    sampled: 300,
    linear: null,
    heads: null,
    ...summed(prompts(200, 5)).report(NAMES, 0, 'read'),
  };
  expect(describeWhole(report)).toMatch(
    /^It was fitted on a sample of 300 of 1,000 prompts, of which the other figures tell\. On all 200 test prompts with an outcome its choices score \d+\.\d points \(\d+\.\d to \d+\.\d\), always using large \d+\.\d: a difference of [+−-]?\d+\.\d+ \(.* to .*\)\.$/,
  );
  expect(describeWhole({ ...report, test: null })).toBe(
    "It was fitted on a sample of 300 of 1,000 prompts, of which the other figures tell. On the log's 200 test prompts together nothing is measured: the log does not say how likely each candidate was to be asked.",
  );
  const linear = { rows: 600, sampled: 180, errorOfAll: 0.2, errorOfSample: 0.2123456 };
  expect(describeWhole({ ...report, linear })).toMatch(
    / Of linear heads alone those fitted on all 600 prompts have a squared error of 0\.20000 there, those on the 180 drawn 0\.21235\.$/,
  );
  const heads: NonNullable<WholeReport['heads']> = {
    ...{ served: 'all', fit: 590, calibrate: 195, passes: 4 },
    lossOfSample: { success: 0.61, choice: 2 },
    lossOfAll: { success: 0.6, choice: 2 },
    other: summed(prompts(200, 6)).report(NAMES, 0, 'read'),
  };
  expect(describeWhole({ ...report, heads })).toMatch(
    /^Its features, and how its learners add up, come of a sample of 300 of 1,000 prompts, of which the other figures tell; its heads of success and choice were then fitted on 590 prompts and calibrated on 195, where their log-loss is lower than that of the sample's heads \(0\.60000 against 0\.61000\)\. On all .* The heads that are not served score \d+\.\d \(\d+\.\d to \d+\.\d\)\.$/,
  );
  expect(describeWhole({ ...report, heads: { ...heads, served: 'sample' } })).toContain(
    'of which the other figures tell. Heads that were fitted on 590 prompts are not served: on 195 others their log-loss is not lower (0.60000 against 0.61000). On all',
  );
  const close = { ...heads, lossOfSample: { success: 0.6000004, choice: 2 } };
  expect(describeWhole({ ...report, heads: close })).toContain('(0.6000000 against 0.6000004)');
  expect(
    describeWhole({ ...report, linear: { ...linear, errorOfSample: 0.2000004, rows: 1, sampled: 1 } }),
  ).toContain(
    'fitted on all 1 prompt have a squared error of 0.2000000 there, those on the 1 drawn 0.2000004.',
  );
  expect(describeWhole({ ...report, heads: { ...heads, served: 'sample', fit: 1, calibrate: 1 } })).toContain(
    'Heads that were fitted on 1 prompt are not served: on 1 other their log-loss',
  );
  const [test] = [report.test!];
  expect(describeWhole({ ...report, test: { ...test, rows: 1 } })).toContain(
    'On the one test prompt with an outcome its choices score',
  );
  expect(describeWhole({ ...report, test: { ...test, how: 'estimated' } })).toContain(
    'its choices are estimated to score',
  );
});
