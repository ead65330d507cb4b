import { expect, test } from 'vitest';
import { countLost } from '../../../bench/simulations/loss.ts';
import { cascadeFamily, thresholdFamily } from '../../../training/tune/settings.ts';

const RUNS = 40;

test.each([3, 'mixed'] as const)(
  'a loss is kept in nine of ten runs where prompts repeat (%s), and calls are saved all the same',
  (repeats) => {
    const { lost, saved } = countLost(thresholdFamily(0, 1), { repeats, coarse: false }, RUNS);
    expect(lost).toBeLessThanOrEqual(RUNS / 10);
    expect(saved / RUNS).toBeGreaterThan(repeats === 'mixed' ? 0.2 : 0.4);
  },
);

test('so it is with scores that tie and qualities that are fractions', () => {
  const { lost, saved } = countLost(cascadeFamily([0, 1]), { repeats: 3, coarse: true }, RUNS);
  expect(lost).toBeLessThanOrEqual(RUNS / 10);
  expect(saved / RUNS).toBeGreaterThan(0.4);
});
