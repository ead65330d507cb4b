import { expect, test } from 'vitest';
import { averageImprovementInQuality } from '../../../training/evaluate/curves.ts';
import { costQualityHull, mixAtCost } from '../../../training/evaluate/metrics.ts';

const at = (cost: number, quality: number) => ({ cost, quality });

test('the hull keeps what no mixture beats, and never falls', () => {
  const hull = costQualityHull([at(1, 0.2), at(3, 0.3), at(2, 0.6), at(5, 0.8), at(6, 0.7), at(1, 0.1)]);
  expect(hull).toEqual([at(1, 0.2), at(2, 0.6), at(5, 0.8)]);
  expect(costQualityHull([at(1, Number.NaN)])).toEqual([]);
});

test('a point on the line between two others adds nothing', () => {
  expect(costQualityHull([at(0, 0), at(1, 0.5), at(2, 1)])).toEqual([at(0, 0), at(2, 1)]);
});

test('the best mix at a cost lies on the hull and costs just that', () => {
  const hull = [at(1, 0.2), at(2, 0.6), at(5, 0.8)];
  expect([...mixAtCost(hull, 3.5)]).toEqual([0, 0.5, 0.5]);
  expect([...mixAtCost(hull, 9)]).toEqual([0, 0, 1]);
  expect([...mixAtCost(hull, 0.5)]).toEqual([1, 0, 0]);
  expect([...mixAtCost(hull, 2)]).toEqual([0, 1, 0]);
});

test('AIQ is the mean height of the hull over the cost range', () => {
  expect(averageImprovementInQuality([at(1, 0.2), at(3, 0.6)], 1, 3)).toBeCloseTo(0.4, 12);
  // Flat to the right of the best point.
  expect(averageImprovementInQuality([at(1, 0.2), at(3, 0.6)], 1, 5)).toBeCloseTo(0.5, 12);
  // Towards the null router (0, 0) on the left of the cheapest point.
  expect(averageImprovementInQuality([at(2, 0.4)], 1, 2)).toBeCloseTo(0.3, 12);
  expect(averageImprovementInQuality([at(1, 0.5)], 1, 1)).toBeNaN();
  expect(averageImprovementInQuality([], 1, 2)).toBeNaN();
});
