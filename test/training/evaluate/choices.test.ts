import { expect, test } from 'vitest';
import { chooseBest } from '../../../training/evaluate/compare.ts';
import { utilitySweep } from '../../../training/evaluate/curves.ts';
import {
  amountError,
  bestCandidates,
  confusion,
  logHistogram,
  regret,
} from '../../../training/evaluate/metrics.ts';

const { NaN: missing } = Number;
const quality = [1, 1, 0, 0.2, 0.5, 0.4, missing, missing, missing];

test('candidates that tie share being best', () => {
  expect([...bestCandidates(quality, 3)]).toEqual([0.5, 0.5, 0, 0, 1, 0, 0, 0, 0]);
});

test('confusion counts ties in fractions, and agreement takes any of the best', () => {
  const found = confusion([1, 0], bestCandidates(quality.slice(0, 6), 3), 3);
  expect(found.counts).toEqual([
    [0, 1, 0],
    [0.5, 0.5, 0],
    [0, 0, 0],
  ]);
  expect(found.agreement).toBe(0.5);
  expect(found.allTied).toBe(0);
});

test('regret is 0 for the best choice, and missing where the choice was not observed', () => {
  const lost = regret([1, 0, 0.2, 0.5, missing, 1], [0, 0, 0], 2);
  expect(lost[0]).toBe(0);
  expect(lost[1]).toBeCloseTo(0.3, 12);
  expect(lost[2]).toBeNaN();
});

test('the best candidate is the cheapest of equals, among those allowed, whatever is NaN', () => {
  expect(chooseBest([1, 1, 0], [0, 1, 2], [2, 1, 0])).toBe(1);
  expect(chooseBest([1, missing, 0.5], [1, 2])).toBe(2);
  expect(chooseBest([missing, missing], [1, 0])).toBe(1);
});

test('the sweep goes from the best candidate of each row to the cheapest', () => {
  const settings = utilitySweep([0.9, 0.5, 0.6, 0.5], [2, 1, 2, 1], 2, [0, 1]);
  expect(settings.map((chosen) => [...chosen])).toEqual([
    [0, 0],
    [0, 1],
    [1, 1],
  ]);
});

test('amount errors: a head that says twice the cost has ratio 2 and relative error 1', () => {
  expect(amountError([2, 4, missing], [1, 2, 3])).toEqual({ rows: 2, ratio: 2, medianRelativeError: 1 });
  expect(amountError([1], [missing])).toEqual({ rows: 0, ratio: null, medianRelativeError: null });
});

test('the histogram holds every value, even when all are equal', () => {
  const histogram = logHistogram([10, 100, 1000, missing, 0], 3)!;
  expect(histogram.counts).toEqual([1, 1, 1]);
  expect(histogram.p50).toBe(100);
  expect(histogram.values).toBe(3);
  expect(logHistogram([5, 5], 4)!.counts.reduce((sum, count) => sum + count, 0)).toBe(2);
  expect(logHistogram([missing])).toBeNull();
});
