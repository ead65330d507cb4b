import { describe, expect, it, test } from 'vitest';
import { sayAdvantage, sayCaution, sayLike } from '../../../training/cli/commands/candidates.ts';
import { sayMeasured, sayShown } from '../../../training/cli/commands/tune-weights.ts';
import { saySetting } from '../../../training/cli/terminal/describe-dial.ts';
import type { Interval } from '../../../training/words.ts';

describe('what is said of a tuned threshold or cascade', () => {
  const setting = { rows: 300, quality: 0.712, strongShare: 0.4, loss: 0.012, costSaved: 0.25 };
  it.each([
    [
      {},
      'large answers 40.0 % of 300 requests, which saves 25.0 % of the cost of large alone; mean ' +
        'quality 71.2 points, 1.2 points below large alone.',
    ],
    [
      { costSaved: -0.1, loss: -0.03 },
      'large answers 40.0 % of 300 requests, which costs 10.0 % more than large alone; mean quality ' +
        '71.2 points, 3.0 points above large alone.',
    ],
    [
      { costSaved: 0, loss: 0, strongShare: 1 },
      'large answers 100.0 % of 300 requests, at the cost of large alone; mean quality 71.2 points, ' +
        'as large alone.',
    ],
    [
      { costSaved: null, loss: -1e-9, rows: 1, strongShare: 0 },
      'large answers 0.0 % of 1 request, and costs are not known; mean quality 71.2 points, as large alone.',
    ],
    [
      { costSaved: 0.9999, strongShare: 0.0001 },
      'large answers <0.1 % of 300 requests, which saves >99.9 % of the cost of large alone; mean ' +
        'quality 71.2 points, 1.2 points below large alone.',
    ],
  ])('%o', (rest, sentence) => {
    expect(saySetting({ ...setting, ...rest }, 'large')).toBe(sentence);
  });
});

describe('what is said of weights', () => {
  const interval = (estimate: number, margin: number): Interval => ({
    estimate,
    low: estimate - margin,
    high: estimate + margin,
    rows: 500,
    groups: 500,
  });
  const worth = {
    quality: interval(0.7, 0.02),
    costUsd: interval(0.001, 0.0001),
    difference: interval(-0.004, 0.02),
    saving: interval(0.006, 0.0002),
    savedShare: interval(0.857, 0.01),
    shares: [0.5, 0.5],
  };
  const measured = { against: 'X', isEstimated: false, measuredOn: 'the test split', worth } as const;

  it.each([
    [
      measured,
      'On 500 prompts of the test split, it is as good as always using X, to within 3 points (−0.40 points, 95 % interval −2.4 ' +
        'to +1.6), at 14 % of the cost, which saves $6.00 per 1,000 requests.',
    ],
    [
      { ...measured, measuredOn: 'the same prompts', isEstimated: true } as const,
      'On the same 500 prompts, which flatters it, estimated off-policy, it is as good as always using X, to within 3 points ' +
        '(−0.40 points, 95 % interval −2.4 to +1.6), at 14 % of the cost, which saves $6.00 per 1,000 requests.',
    ],
    [{ ...measured, worth: null }, ''],
    [{ ...measured, measuredOn: null }, ''],
  ])('as measured: %#', (tuned, sentence) => {
    expect(sayMeasured(tuned)).toBe(sentence);
  });

  it.each([
    [null, ''],
    [
      { maxLoss: 0.02, confidence: 0.95, rows: 300, by: 'learn-then-test' } as const,
      'On requests like those it was tuned on, this policy loses at most 2.0 points of mean quality against always using X, with ' +
        '95 % confidence, as 300 prompts show (Learn-then-Test).',
    ],
    [
      { maxLoss: 0.005, confidence: 0.975, rows: 1, by: 'normal approximation' } as const,
      'On requests like those it was tuned on, this policy loses at most 0.50 points of mean quality against always using X, with ' +
        '97.5 % confidence, as 1 prompt shows (estimated off-policy, by a normal approximation).',
    ],
    [
      { maxCostUsd: 0.0004, confidence: 0.9, rows: 300 },
      'On requests like those it was tuned on, a request costs at most $0.000400 on average, with 90 % confidence, as 300 ' +
        'prompts show (by a normal approximation).',
    ],
  ])('as shown: %#', (guarantee, sentence) => {
    expect(sayShown({ against: 'X', guarantee })).toBe(sentence);
  });
});

test('a new candidate is better, worse or neither, as its interval says', () => {
  const advantage = (low: number, high: number) =>
    sayAdvantage({ over: 'X', estimate: (low + high) / 2, low, high });
  expect([advantage(0.01, 0.2), advantage(-0.2, -0.01), advantage(-0.1, 0.1)]).toEqual([
    'better than X',
    'worse than X',
    'not clearly better or worse',
  ]);
});

test('it is routed by the lower end only where it is', () => {
  expect(sayCaution(0.5, 0.6)).toBe(', the lower end of what is likely');
  // With no caution.
  expect(sayCaution(0.6, 0.6)).toBe(', its estimate');
  expect(sayCaution(1, 1.04)).toBe(', its estimate');
  expect(sayCaution(0, -0.1)).toBe(', its estimate');
});

test('it is like those with a weight, and like nobody where there are none', () => {
  expect(
    sayLike([
      { name: 'a', weight: 1.2 },
      { name: 'b', weight: -0.1 },
      { name: 'c', weight: 0 },
    ]),
  ).toEqual(['It is most like a (1.20).']);
  expect(sayLike([{ name: 'b', weight: -0.1 }])).toEqual([]);
});
