import { describe, expect, it } from 'vitest';
import { BettingTest } from '../../../gateway/canary/betting.ts';
import { RULES, randomOf, runs } from './a-trial.ts';

describe('a betting test', () => {
  it.each([
    ['two values', (random: () => number) => (random() < 0.35 ? -1 : 0.5)],
    ['three values', (random: () => number) => Math.sign(random() - 0.51) * Number(random() < 0.2) + 0.004],
    ['a rare value', (random: () => number) => (random() < 0.01 ? -1 : 1 / 99)],
  ] as const)(
    'ever claims what is not so with probability alpha at most, looked at after every value: %s',
    (name, draw) => {
      const mean = { 'two values': -0.025, 'three values': 0, 'a rare value': 0 }[name];
      const trials = 400;
      const alpha = 0.2;
      let [above, below] = [0, 0];
      for (let seed = 1; seed <= trials; seed++) {
        const random = randomOf(seed);
        const test = new BettingTest([mean]);
        let [isAbove, isBelow] = [false, false];
        for (let n = 0; n < 400; n++) {
          test.add(draw(random));
          isAbove ||= test.evidence.above[0] >= Math.log(1 / alpha);
          isBelow ||= test.evidence.below[0] >= Math.log(1 / alpha);
        }
        above += Number(isAbove);
        below += Number(isBelow);
      }
      const noise = 3 * Math.sqrt((alpha * (1 - alpha)) / trials);
      for (const claims of [above, below]) expect(claims / trials).toBeLessThanOrEqual(alpha + noise);
      // Of a test that never claims anything this would hold as well.
      expect((above + below) / trials).toBeGreaterThan(0.05);
    },
  );
});

describe('a trial', () => {
  it.each([
    ['ratings', { quality: [0.7, 0.65], most: 10_000 }],
    ['errors', { quality: [0.7, 0.7], errors: [0.02, 0.04], most: 10_000 }],
  ] as const)(
    'promotes what is just too bad, and rolls back what is just good enough, with probability alpha at most: %s',
    (_, of) => {
      const { promoted, rolledBack } = runs(120, { ...of, rules: { ...RULES, alpha: 0.2 } });
      const noise = 3 * Math.sqrt((0.2 * 0.8) / 120);
      expect(promoted).toBeLessThanOrEqual(0.2 + noise);
      expect(rolledBack).toBeLessThanOrEqual(0.2 + noise);
    },
  );
});
