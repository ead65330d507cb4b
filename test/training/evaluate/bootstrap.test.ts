import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { bootstrapMeans } from '../../../training/evaluate/compare.ts';

const coin = (rows: number, seed: number) => {
  const random = createRandom(seed);
  return Float64Array.from({ length: rows }, () => (random.next() < 0.3 ? 1 : 0));
};

test('the interval of a mean is about 1.96 standard errors to each side', () => {
  const [{ estimate, low, high, rows }] = bootstrapMeans([coin(1000, 1)], { seed: 1, clusters: null });
  const error = 1.96 * Math.sqrt((estimate! * (1 - estimate!)) / 1000);
  expect(rows).toBe(1000);
  expect(Math.abs(estimate! - low! - error)).toBeLessThan(0.15 * error);
  expect(Math.abs(high! - estimate! - error)).toBeLessThan(0.15 * error);
});

test('the interval covers the truth in about 95 of 100 samples', () => {
  let covered = 0;
  for (let trial = 0; trial < 100; trial++) {
    const [{ low, high }] = bootstrapMeans([coin(200, 100 + trial)], {
      resamples: 400,
      seed: trial,
      clusters: null,
    });
    if (low! <= 0.3 && 0.3 <= high!) covered++;
  }
  expect(covered).toBeGreaterThanOrEqual(88);
});

test('a difference that is the same on every row has an interval of no width', () => {
  const a = coin(50, 2);
  const [, difference] = bootstrapMeans([a, a.map((value, i) => value + 0.1 - a[i])], { clusters: null });
  expect(difference.low).toBeCloseTo(0.1, 12);
  expect(difference.high).toBeCloseTo(0.1, 12);
});

test('the same seed gives the same interval, another seed another', () => {
  const random = createRandom(3);
  const column = Float64Array.from({ length: 100 }, () => random.next());
  expect(bootstrapMeans([column], { seed: 5, clusters: null })).toEqual(
    bootstrapMeans([column], { seed: 5, clusters: null }),
  );
  expect(bootstrapMeans([column], { seed: 5, clusters: null })).not.toEqual(
    bootstrapMeans([column], { seed: 6, clusters: null }),
  );
});

test('copies of a prompt drawn together do not narrow the interval', () => {
  const once = coin(200, 4);
  const fiveTimes = Float64Array.from({ length: 1000 }, (_, i) => once[i % 200]);
  const clusters = Int32Array.from({ length: 1000 }, (_, i) => i % 200);
  const width = ({ low, high }: { low: number | null; high: number | null }) => high! - low!;
  const [honest] = bootstrapMeans([fiveTimes], { clusters, seed: 1 });
  const [naive] = bootstrapMeans([fiveTimes], { seed: 1, clusters: null });
  const [single] = bootstrapMeans([once], { seed: 1, clusters: null });
  expect(width(honest)).toBeCloseTo(width(single), 1);
  expect(width(naive)).toBeLessThan(0.6 * width(honest));
});

test('missing cells are left out and counted; nothing at all gives null', () => {
  const [partly, nothing] = bootstrapMeans(
    [
      [1, 1, Number.NaN],
      [Number.NaN, Number.NaN, Number.NaN],
    ],
    { clusters: [7, 7, 8] },
  );
  expect(partly).toEqual({ estimate: 1, low: 1, high: 1, rows: 2, groups: 1 });
  const none = { estimate: null, low: null, high: null, rows: 0, groups: 0 };
  expect(nothing).toEqual(none);
  expect(bootstrapMeans([[]], { clusters: null })).toEqual([none]);
});
