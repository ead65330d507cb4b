import { expect, test } from 'vitest';
import { exploringWarning } from '../../../training/train/prepare-traffic.ts';

const epsilonGreedy = (epsilon: number) => ({
  kind: 'explore',
  method: 'epsilon-greedy',
  epsilon,
  policy: { kind: 'utility' },
});

test('exploring that weights would cut is warned of, with the numbers that would do', () => {
  expect(exploringWarning(epsilonGreedy(0.05), 9, 100)).toBe(
    'The policy asks each of 9 candidates with probability 0.0056 to explore (epsilon / candidates), and weights above 100 are cut: what it ' +
      'explores will count for 56 % of what it should. Raise `epsilon` to 0.09, or `clip` to 180.',
  );
  expect(exploringWarning(epsilonGreedy(0.005), 9, undefined)).toMatch(
    /weights above 100 are cut: .* for 6 % of what it should\. Raise `epsilon` to 0\.009\.$/,
  );
});

test('what is documented agrees: 5 % up to 50 candidates, and what a clip allows exactly', () => {
  for (const candidates of [2, 5, 9, 50])
    expect(exploringWarning(epsilonGreedy(0.05), candidates, undefined)).toBeNull();
  expect(exploringWarning(epsilonGreedy(0.05), 9, 180)).toBeNull();
  expect(exploringWarning(epsilonGreedy(0.05), 51, undefined)).not.toBeNull();
  expect(exploringWarning(epsilonGreedy(0.09), 9, 100)).toBeNull();
});

test('other policies are not warned of', () => {
  expect(exploringWarning({ kind: 'utility' }, 9, 1)).toBeNull();
  expect(exploringWarning({ ...epsilonGreedy(0.05), method: 'softmax', temperature: 1 }, 9, 1)).toBeNull();
  expect(exploringWarning(epsilonGreedy(0), 9, 1)).toBeNull();
});
