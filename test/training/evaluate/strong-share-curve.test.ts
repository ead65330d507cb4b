import { expect, test } from 'vitest';
import {
  averageGapRecovered,
  callPerformanceThreshold,
  rankByScore,
  strongShareCurve,
  strongShareForQuality,
} from '../../../training/evaluate/curves.ts';

const strong = [1, 1, 1, 0];
const weak = [0, 0, 1, 0];

test('sending the prompts that need the strong candidate first climbs at once', () => {
  const curve = strongShareCurve(rankByScore([4, 3, 2, 1]), strong, weak);
  expect([...curve.shares]).toEqual([0, 0.25, 0.5, 0.75, 1]);
  expect([...curve.qualities]).toEqual([0.25, 0.5, 0.75, 0.75, 0.75]);
});

test('APGR of a perfect ranking, of its reverse and of a constant score are 0.75, 0.25 and exactly 0.5', () => {
  expect(averageGapRecovered(strongShareCurve(rankByScore([4, 3, 2, 1]), strong, weak))).toBeCloseTo(
    0.75,
    12,
  );
  expect(averageGapRecovered(strongShareCurve(rankByScore([1, 2, 3, 4]), strong, weak))).toBeCloseTo(
    0.25,
    12,
  );
  expect(averageGapRecovered(strongShareCurve(rankByScore([7, 7, 7, 7]), strong, weak))).toBe(0.5);
});

test('tied scores are taken in expectation, whatever the order of the rows', () => {
  const one = averageGapRecovered(strongShareCurve(rankByScore([2, 2, 1, 1]), strong, weak));
  const other = averageGapRecovered(strongShareCurve(rankByScore([2, 1, 2, 1]), [1, 1, 1, 0], [0, 1, 0, 0]));
  expect(one).toBeCloseTo(0.75, 12);
  expect(other).toBeCloseTo(0.75, 12);
});

test('APGR is above 1 where a mix beats the strong candidate, and not defined where strong is not stronger', () => {
  expect(averageGapRecovered(strongShareCurve(rankByScore([3, 2, 1]), [1, 1, 0], [0, 0, 1]))).toBeGreaterThan(
    1,
  );
  expect(averageGapRecovered(strongShareCurve(rankByScore([1, 2]), [1, 0], [0, 1]))).toBeNaN();
  expect(averageGapRecovered(strongShareCurve(rankByScore([]), [], []))).toBeNaN();
});

test('CPT interpolates between rows, and is 0 where the weak candidate is already good enough', () => {
  const curve = strongShareCurve(rankByScore([4, 3, 2, 1]), strong, weak);
  expect(callPerformanceThreshold(curve, 0.5)).toBeCloseTo(0.25, 12);
  expect(callPerformanceThreshold(curve, 0.8)).toBeCloseTo(0.4, 12);
  expect(strongShareForQuality(curve, 0.2)).toBe(0);
  expect(strongShareForQuality(curve, 0.9)).toBeNaN();
  expect(callPerformanceThreshold(strongShareCurve(rankByScore([1, 2]), [0, 0], [1, 1]), 0.5)).toBeNaN();
});

test('weights stand for repeated rows, and a NaN score is the lowest', () => {
  const score = [4, 3, Number.NaN];
  const weighted = strongShareCurve(rankByScore(score), [1, 1, 0], [0, 1, 0], [2, 1, 1]);
  const repeated = strongShareCurve(rankByScore([4, 4, 3, -9]), [1, 1, 1, 0], [0, 0, 1, 0]);
  expect(weighted).toEqual(repeated);
});
