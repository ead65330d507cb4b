import { expect, test } from 'vitest';
import {
  formatApart,
  formatCost,
  formatCosts,
  formatDifference,
  formatDollars,
  formatDuration,
  formatPercent,
  formatPoints,
  formatSignedPoints,
  formatTimes,
  plural,
} from '../../../training/words.ts';

test('points, their signs, and small differences', () => {
  expect(formatPoints(0.7123)).toBe('71.2');
  expect(formatSignedPoints(0.0012)).toBe('+0.12');
  expect(formatSignedPoints(-0.034)).toBe('−3.4');
  expect(formatSignedPoints(-1e-9)).toBe('0.00');
  expect(formatDifference({ estimate: 0.05, low: -0.01, high: 0.1 })).toBe('+5.0 (−1.0 to +10.0)');
  expect(formatDifference(null)).toBe('–');
});

test('dollars and durations keep three digits that count', () => {
  expect(formatDollars(0)).toBe('$0');
  expect(formatDollars(0.04123)).toBe('$0.0412');
  expect(formatDollars(12345.6)).toBe('$12,346');
  expect(formatDollars(999.9999)).toBe('$1,000');
  expect(formatDollars(-4)).toBe('−$4.00');
  expect(formatCosts({ estimate: 0.005, low: -0.001, high: 0.01 })).toBe('$5.00 (−$1.00 to $10.0)');
  expect(formatCost(0.0005)).toBe('$0.500');
  expect(formatCost(null)).toBe('–');
  expect(formatDuration(85)).toBe('85.0 µs');
  expect(formatDuration(1200)).toBe('1.20 ms');
  expect(formatDuration(3.4e6)).toBe('3.40 s');
});

test('what is not nothing is not called 0 %, and what is not all is not called 100 %', () => {
  expect([0, 0.0004, 0.5, 0.9996, 1].map((share) => formatPercent(share))).toEqual([
    '0.0 %',
    '<0.1 %',
    '50.0 %',
    '>99.9 %',
    '100.0 %',
  ]);
  expect([0, 0.004, 0.996, 1].map((share) => formatPercent(share, 0))).toEqual([
    '0 %',
    '<1 %',
    '>99 %',
    '100 %',
  ]);
  expect(formatPercent(null)).toBe('–');
});

test('two figures that differ are printed so that they do', () => {
  const fixed = (value: number, digits: number) => value.toFixed(digits);
  expect(formatApart(0.1004, 0.1, fixed, 3)).toEqual(['0.1004', '0.1000']);
  expect(formatApart(-0.02001, -0.02, formatSignedPoints, 1)).toEqual(['−2.001', '−2.000']);
  expect(formatApart(0.3, 0.1, fixed, 1)).toEqual(['0.3', '0.1']);
  expect(formatApart(0.1, 0.1, fixed, 1)).toEqual(['0.1', '0.1']);
});

test('counts and factors', () => {
  expect([1, 2, 1234].map((count) => plural(count, 'prompt'))).toEqual([
    '1 prompt',
    '2 prompts',
    '1,234 prompts',
  ]);
  expect([0.004, 0.87, 1.2, 12.345, 5000].map(formatTimes)).toEqual([
    '0.00400',
    '0.87',
    '1.20',
    '12.35',
    '5,000',
  ]);
});
