import { describe, expect, it } from 'vitest';
import { BettingTest, boundsOf, isAbove, joinEvidence } from '../../../gateway/canary/betting.ts';
import { adviceOn, differencesOf, joinTrials, Trial } from '../../../gateway/canary/trial.ts';
import { RULES, randomOf, runs } from './a-trial.ts';

describe('a betting test', () => {
  it('ever claims what is not so with probability alpha at most, looked at after every value', () => {
    const trials = 100;
    const alpha = 0.2;
    let claims = 0;
    for (let seed = 1; seed <= trials; seed++) {
      const random = randomOf(seed);
      const test = new BettingTest([-0.025]);
      let hasClaimed = false;
      for (let n = 0; n < 200; n++) {
        test.add(random() < 0.35 ? -1 : 0.5);
        hasClaimed ||= isAbove(test.evidence, 0, alpha);
      }
      claims += Number(hasClaimed);
    }
    expect(claims / trials).toBeLessThanOrEqual(alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / trials));
  });

  it('has bounds that hold at all times together, and become narrow', () => {
    const means = Array.from({ length: 39 }, (_, k) => (k - 19) / 20);
    let misses = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomOf(seed);
      const test = new BettingTest(means);
      let isMissed = false;
      for (let n = 1; n <= 600; n++) {
        test.add(random() < 0.6 ? 0.8 : -0.7);
        if (n % 20 !== 0) continue;
        const { lower, upper } = boundsOf(test.evidence, means, 0.1);
        isMissed ||= lower > 0.2 || upper < 0.2;
        if (n === 600) expect(upper - lower).toBeLessThan(0.5);
      }
      misses += Number(isMissed);
    }
    expect(misses).toBeLessThanOrEqual(9);
  });

  it('is the same in parts that are joined, but for the bets that were made with less in sight', () => {
    const random = randomOf(3);
    const parts = [new BettingTest([0]), new BettingTest([0])];
    const values = Array.from({ length: 1000 }, () => random() - 0.4);
    for (const [n, value] of values.entries()) parts[n % 2].add(value);
    const joined = joinEvidence(parts.map(({ evidence }) => evidence));
    expect(joined.count).toBe(1000);
    expect(joined.sum).toBeCloseTo(
      values.reduce((sum, value) => sum + value, 0),
      9,
    );
    expect(joined.above[0]).toBeGreaterThan(Math.log(1000));
    const again = new BettingTest([0], parts[0].evidence);
    expect(again.evidence).toEqual(parts[0].evidence);
  });
});

describe('a trial', () => {
  it.each([
    ['promotes a better one', { quality: [0.7, 0.8], most: 15_000 }, 'promoted'],
    ['rolls back one that is much worse', { quality: [0.7, 0.5], most: 15_000 }, 'rolledBack'],
    [
      'rolls back one that fails more',
      { quality: [0.7, 0.7], errors: [0.02, 0.15], most: 15_000 },
      'rolledBack',
    ],
  ] as const)('%s', (_, of, wanted) => {
    expect(runs(3, of)[wanted]).toBe(1);
  });

  it('is not misled by days that are bad for both, whatever the share', () => {
    // The new version has most of its ratings when all goes badly.
    const trial = new Trial(RULES);
    const random = randomOf(5);
    for (let n = 0; n < 3000; n++) {
      const arm = random() < (n < 1500 ? 0.05 : 0.5) ? 'canary' : 'champion';
      trial.rated(arm, Number(random() < (n < 1500 ? 0.9 : 0.3)), null);
    }
    const { canary, champion } = trial.evidence.ratings;
    expect(canary.sum / canary.count).toBeLessThan(champion.sum / champion.count - 0.15);
    const { mean, lower, upper } = differencesOf(trial.evidence, RULES).quality;
    expect(Math.abs(mean as number)).toBeLessThan(0.05);
    expect(lower).toBeLessThanOrEqual(0);
    expect(upper).toBeGreaterThanOrEqual(0);
  });

  it('counts one rating of a conversation, and goes by errors alone where no ratings are asked for', () => {
    const trial = new Trial(RULES);
    for (let n = 0; n < 10; n++) trial.rated('canary', 0, 'conversation-1');
    expect(trial.evidence.ratings.canary.count).toBe(1);
    const rules = { ...RULES, minRatings: 0 };
    const byErrors = new Trial(rules);
    for (let n = 0; n < 2000; n++) byErrors.ended(n % 2 === 0 ? 'canary' : 'champion', false);
    expect(adviceOn(byErrors.evidence, rules, 2, { ratings: 0, requests: 0 }).action).toBe('promote');
    expect(adviceOn(byErrors.evidence, RULES, 2, { ratings: 0, requests: 0 })).toEqual({
      action: 'wait',
      why: 'It has 0 of 20 ratings in this step.',
    });
    expect(joinTrials([trial.evidence, byErrors.evidence]).requests.canary.count).toBe(1000);
  });
});
