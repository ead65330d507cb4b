import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Interval } from '../../../training/words.ts';
import {
  AS_GOOD_MARGIN,
  costStanding,
  describeCost,
  describeQuality,
  FEWEST_AS_GOOD,
  FEWEST_COMPARED_GROUPS,
  fixedMixName,
  qualityStanding,
} from '../../../training/words.ts';

const interval = (estimate: number, low: number | null, high: number | null, rows = 500): Interval => ({
  estimate,
  low,
  high,
  rows,
  groups: rows,
});

describe('how one way to choose stands beside another', () => {
  it.each([
    ['better', interval(0.03, 0.01, 0.05), 'is 3.0 points better than X (95 % interval +1.0 to +5.0)'],
    ['worse', interval(-0.247, -0.3, -0.2), 'is 24.7 points worse than X (95 % interval −30.0 to −20.0)'],
    ['worse', interval(-0.004, -0.006, -0.002), 'is 0.40 points worse than X (95 % interval −0.60 to −0.20)'],
    [
      'as good',
      interval(-0.004, -0.026, 0.018),
      'is as good as X, to within 3 points (−0.40 points, 95 % interval −2.6 to +1.8)',
    ],
    [
      'as good',
      interval(0, 0, 0),
      'is as good as X, to within 3 points (0.00 points, 95 % interval 0.00 to 0.00)',
    ],
    // The margin itself is within it, as it is printed.
    [
      'as good',
      interval(-0.01, -0.03, 0.01),
      'is as good as X, to within 3 points (−1.0 points, 95 % interval −3.0 to +1.0)',
    ],
    [
      'unclear',
      interval(-0.01, -0.031, 0.01),
      'is not clearly better or worse than X (−1.0 points, 95 % interval −3.1 to +1.0: too wide to call it as good)',
    ],
    [
      'unclear',
      interval(0.1, -0.2, 0.4),
      'is not clearly better or worse than X (+10.0 points, 95 % interval −20.0 to +40.0: too wide to call it as good)',
    ],
    // A gain that the printed figures do not show is not claimed.
    [
      'as good',
      interval(0.01, 0.00001, 0.02),
      'is as good as X, to within 3 points (+1.0 points, 95 % interval 0.00 to +2.0)',
    ],
    [
      'unclear',
      interval(0, -0.01, 0.01, FEWEST_AS_GOOD - 1),
      'is not clearly better or worse than X (0.00 points, 95 % interval −1.0 to +1.0: of too few prompts to call it as good)',
    ],
    [
      'better',
      interval(0.2, 0.1, 0.3, FEWEST_COMPARED_GROUPS),
      'is 20.0 points better than X (95 % interval +10.0 to +30.0)',
    ],
    [
      'too few',
      interval(1, 1, 1, 1),
      'cannot be compared with X on 1 prompt (+100.0 points), which are too few',
    ],
    [
      'too few',
      interval(0.2, 0.1, 0.3, FEWEST_COMPARED_GROUPS - 1),
      'cannot be compared with X on 29 prompts (+20.0 points), which are too few',
    ],
    [
      'too few',
      interval(0.2, null, null),
      'cannot be compared with X on 500 prompts (+20.0 points), which are too few',
    ],
    ['unknown', null, 'could not be compared with X'],
    ['unknown', { ...interval(0, null, null), estimate: null }, 'could not be compared with X'],
  ] as const)('%s: %o', (standing, difference, phrase) => {
    expect(qualityStanding(difference)).toBe(standing);
    expect(describeQuality(difference, 'X')).toBe(phrase);
  });

  it('is what its own printed figures say, whatever they are', () => {
    const quality = fc.double({ min: -1, max: 1, noNaN: true });
    const small = quality.map((value) => value / 1000);
    const three = fc.oneof(fc.tuple(quality, quality, quality), fc.tuple(small, small, small));
    fc.assert(
      fc.property(three, fc.nat({ max: 1000 }), (figures, rows) => {
        const [low, estimate, high] = [...figures].sort((a, b) => a - b);
        const phrase = describeQuality(interval(estimate, low, high, rows), 'X');
        const read = [...phrase.replaceAll('−', '-').matchAll(/[+-]?\d+\.\d+/g)].map(([text]) =>
          Number(text),
        );
        if (/which are too few/.test(phrase)) {
          expect(rows).toBeLessThan(FEWEST_COMPARED_GROUPS);
          return;
        }
        const [middle, from, to] = read;
        expect(to).toBeGreaterThanOrEqual(from);
        if (/points better/.test(phrase)) {
          expect(from).toBeGreaterThan(0);
          expect(middle).toBeGreaterThanOrEqual(from);
        } else if (/points worse/.test(phrase)) {
          expect(to).toBeLessThan(0);
          expect(-middle).toBeLessThanOrEqual(to);
        } else {
          expect(from).toBeLessThanOrEqual(0);
          expect(to).toBeGreaterThanOrEqual(0);
          const isAsGood = /is as good as/.test(phrase);
          expect(isAsGood).toBe(from >= -100 * AS_GOOD_MARGIN && rows >= FEWEST_AS_GOOD);
          if (!isAsGood)
            expect(phrase).toContain(from < -100 * AS_GOOD_MARGIN ? 'too wide' : 'of too few prompts');
        }
        expect(Math.abs(Math.abs(middle) - 100 * Math.abs(estimate))).toBeLessThan(0.051);
      }),
    );
  });
});

const costs = (own: number | null, other: number | null, margin = 0) => ({
  own,
  other,
  saving:
    own === null || other === null ? null : interval(other - own, other - own - margin, other - own + margin),
});

describe('what one way to choose costs beside another', () => {
  it.each([
    ['cheaper', costs(0.00094, 0.0067), 'at 14 % of the cost, which saves $5.76 per 1,000 requests'],
    ['cheaper', costs(0.004, 1), 'at 0.40 % of the cost, which saves $996 per 1,000 requests'],
    ['cheaper', costs(1e-9, 1), 'at under 0.01 % of the cost, which saves $1,000 per 1,000 requests'],
    ['cheaper', costs(0, 0.002), 'at 0 % of the cost, which saves $2.00 per 1,000 requests'],
    ['cheaper', costs(0.994, 1), 'at 99 % of the cost, which saves $6.00 per 1,000 requests'],
    ['same', costs(0.999, 1), 'at the same cost'],
    ['same', costs(1, 1), 'at the same cost'],
    ['same', costs(0, 0), 'and neither costs anything'],
    ['dearer', costs(1.02, 1), 'at 1.02 times the cost, $20.0 more per 1,000 requests'],
    ['dearer', costs(5, 0.001), 'at 5,000 times the cost, $4,999 more per 1,000 requests'],
    ['dearer', costs(0.001, 0), 'at $1.00 per 1,000 requests, where the other costs nothing'],
    ['unclear', costs(0.8, 1, 0.3), 'at 80 % of the cost, though not clearly less'],
    ['unclear', costs(1.2, 1, 0.3), 'at 1.20 times the cost, though not clearly more'],
    ['unknown', costs(null, 1), ''],
    ['unknown', costs(1, null), ''],
    // Doubly robust estimates may leave what is possible.
    ['unknown', costs(-0.1, 1), ''],
    ['unknown', costs(0.1, -1), ''],
  ] as const)('%s: %o', (standing, pair, phrase) => {
    expect(costStanding(pair)).toBe(standing);
    expect(describeCost(pair)).toBe(phrase);
  });

  it('is what its own printed figures say, whatever they are', () => {
    const amount = fc.oneof(
      fc.constant(0),
      fc.double({ min: 1e-9, max: 10, noNaN: true }),
      fc.double({ min: -9, max: 1, noNaN: true }).map((power) => 10 ** power),
    );
    fc.assert(
      fc.property(amount, amount, fc.double({ min: 0, max: 2, noNaN: true }), (own, other, margin) => {
        const phrase = describeCost(costs(own, other, margin * Math.abs(other - own)));
        const number = (pattern: RegExp) => Number(phrase.match(pattern)?.[1].replaceAll(',', ''));
        if (/^and|same/.test(phrase)) {
          expect(Math.abs(own - other)).toBeLessThanOrEqual(0.005 * other);
          return;
        }
        if (other > 0) expect(/not clearly/.test(phrase)).toBe(margin >= 1);
        if (/of the cost/.test(phrase)) {
          expect(own).toBeLessThan(other);
          const percent = number(/([\d.]+) % of/);
          expect(percent).toBeLessThan(100);
          if (!/under/.test(phrase)) expect(Math.abs(percent - (100 * own) / other)).toBeLessThan(0.51);
          if (margin >= 1) return;
          const saved = number(/saves \$([\d.,e-]+) per/);
          expect(Math.abs(saved / (1000 * (other - own)) - 1)).toBeLessThan(0.01);
        } else if (/times the cost/.test(phrase)) {
          expect(own).toBeGreaterThan(other);
          expect(number(/at ([\d.,]+) times/)).toBeGreaterThan(1);
        } else {
          expect(other).toBe(0);
          expect(own).toBeGreaterThan(0);
        }
      }),
    );
  });
});

it('names a fixed mix by what it costs beside the router', () => {
  expect(fixedMixName(costs(1, 1))).toBe('the best fixed mix of candidates at equal cost');
  expect(fixedMixName(costs(2, 1))).toBe('the best fixed mix of candidates that costs no more');
  expect(fixedMixName(costs(1, 2))).toBe('the cheapest candidate alone, which costs more');
  expect(fixedMixName(costs(1, 2, 5))).toBe('the best fixed mix of candidates at about that cost');
});
