import { expect, test } from 'vitest';
import { formatPoints, formatSignedPoints } from '../../../training/evaluation/format-points.ts';
import {
  formatCost,
  formatDifference,
  formatDollars,
  formatDuration,
} from '../../../training/report/format-number.ts';

test('points, their signs, and small differences', () => {
  expect(formatPoints(0.7123)).toBe('71.2');
  expect(formatSignedPoints(0.0012)).toBe('+0.12');
  expect(formatSignedPoints(-0.034)).toBe('−3.4');
  expect(formatSignedPoints(-1e-9)).toBe('0.00');
  expect(formatDifference({ estimate: 0.05, low: -0.01, high: 0.1, rows: 9 })).toBe('+5.0 (−1.0 to +10.0)');
  expect(formatDifference(null)).toBe('–');
});

test('dollars and durations keep three digits that count', () => {
  expect(formatDollars(0)).toBe('$0');
  expect(formatDollars(0.04123)).toBe('$0.0412');
  expect(formatDollars(12345.6)).toBe('$12,346');
  expect(formatCost(0.0005)).toBe('$0.500');
  expect(formatCost(null)).toBe('–');
  expect(formatDuration(85)).toBe('85.0 µs');
  expect(formatDuration(1200)).toBe('1.20 ms');
  expect(formatDuration(3.4e6)).toBe('3.40 s');
});
