import { expect, test } from 'vitest';
import { scoreInterval, studentQuantile } from '../../../training/off-policy/score-interval.ts';

test.each([
  // As tables of the distribution have them (scipy.stats.t.ppf).
  [0.975, 1, 12.706204736432095],
  [0.975, 5, 2.5705818366147395],
  [0.975, 29, 2.045229642132703],
  [0.9, 10, 1.3721836411102863],
  [0.975, Number.POSITIVE_INFINITY, 1.959963984540054],
])('the %d point of Student’s t with %d degrees of freedom is %d', (probability, degrees, point) => {
  expect(studentQuantile(probability, degrees)).toBeCloseTo(point, 6);
  expect(studentQuantile(1 - probability, degrees)).toBeCloseTo(-studentQuantile(probability, degrees), 9);
});

test('a level is one of both sides, and more of it is wider', () => {
  const scores = Float64Array.from({ length: 100 }, (_, i) => i % 2);
  const rows = Int32Array.from(scores, (_, i) => i);
  const width = (level: number) => {
    const { high, low } = scoreInterval(scores, rows, { level });
    return high! - low!;
  };
  const error = Math.sqrt(0.25 / 99);
  expect(width(0.8)).toBeCloseTo(2 * studentQuantile(0.9, 99) * error, 9);
  expect(width(0.99)).toBeGreaterThan(width(0.95));
});

test('rows that are heavy make the interval as wide as so few rows do, however many light ones there are', () => {
  const rows = 1000;
  const groups = Int32Array.from({ length: rows }, (_, i) => i);
  const interval = (heavy: number) => {
    const leverage = Float64Array.from({ length: rows }, (_, i) => (i < heavy ? 50 : 1));
    const scores = leverage.map((weight, i) => 0.6 + weight * (i % 5 < 3 ? 0.4 : -0.6));
    const { high, low } = scoreInterval(scores, groups, { doubt: { leverage } });
    const plain = scoreInterval(scores, groups);
    return (high! - low!) / (plain.high! - plain.low!);
  };
  expect(interval(1000)).toBeLessThan(1.01);
  expect(interval(100)).toBeLessThan(1.1);
  expect(interval(5)).toBeGreaterThan(1.35);
});

test('of thirty good answers and no bad one it is not concluded that there are none', () => {
  const leverage = Float64Array.from({ length: 1000 }, (_, i) => (i < 30 ? 1000 / 30 : 0));
  const scores = leverage.map((weight) => 0.95 + weight * 0.05);
  const groups = Int32Array.from(leverage, (_, i) => i);
  expect(scoreInterval(scores, groups, { doubt: { leverage } }).low).toBeLessThan(0.93);
  expect(scoreInterval(scores, groups, { doubt: { leverage, range: null } }).low).toBeGreaterThan(0.95);
});

test('what was nowhere seen has no interval, and what could not be seen widens it by all that it may be off', () => {
  const none = new Float64Array(100);
  const groups = Int32Array.from(none, (_, i) => i);
  const scores = Float64Array.from(none, () => 0.6);
  expect(scoreInterval(scores, groups, { doubt: { leverage: none } })).toMatchObject({
    estimate: expect.closeTo(0.6, 9),
    low: null,
    high: null,
  });
  expect(scoreInterval(none, groups, { doubt: { leverage: none } })).toMatchObject({ low: 0, high: 0 });
  const leverage = Float64Array.from(none, () => 1);
  const slack = Float64Array.from(none, (_, i) => (i < 10 ? 0.7 : 0));
  const wide = scoreInterval(scores, groups, { doubt: { leverage, slack } });
  const narrow = scoreInterval(scores, groups, { doubt: { leverage } });
  expect(narrow.low! - wide.low!).toBeCloseTo(0.07, 9);
  expect(wide.high! - narrow.high!).toBeCloseTo(0.07, 9);
});
