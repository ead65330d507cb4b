import { expect, test } from 'vitest';
import { amountByCandidate, amountError } from '../../../training/evaluate/metrics.ts';

const { NaN: unknown } = Number;
const PREDICTED = [2, 10, 3, 20, unknown, 30];
const SEEN = [1, 10, 3, unknown, 5, 60];

test('sums and medians are over what was both expected and seen', () => {
  expect(amountError(PREDICTED, SEEN)).toEqual({ rows: 4, ratio: 45 / 74, medianRelativeError: 0.25 });
  expect(amountError([unknown], [1])).toEqual({ rows: 0, ratio: null, medianRelativeError: null });
});

test('each candidate is compared on its own answers', () => {
  expect(
    amountByCandidate(['a', 'b', 'c'], [...PREDICTED, 1, 1, 1], [...SEEN, unknown, unknown, unknown]),
  ).toEqual([
    { candidate: 'a', rows: 1, ratio: 2, medianRelativeError: 1, meanExpected: 2, meanSeen: 1 },
    { candidate: 'b', rows: 1, ratio: 1, medianRelativeError: 0, meanExpected: 10, meanSeen: 10 },
    {
      candidate: 'c',
      rows: 2,
      ratio: 33 / 63,
      medianRelativeError: 0.25,
      meanExpected: 16.5,
      meanSeen: 31.5,
    },
  ]);
  expect(amountByCandidate(['a'], [1], [unknown])).toEqual([
    { candidate: 'a', rows: 0, ratio: null, medianRelativeError: null, meanExpected: null, meanSeen: null },
  ]);
});
