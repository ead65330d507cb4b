import { createRandom } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import {
  bettingPValue,
  binomialPValue,
  hoeffdingBentkusPValue,
  learnThenTest,
  predictivePValue,
} from '../../../training/tune/guarantee.ts';

describe('p-values', () => {
  test('the exact binomial one gives what R says: pbinom(3, 100, 0.1)', () => {
    expect(binomialPValue(3, 100, 0.1)).toBeCloseTo(0.007836, 5);
    expect(binomialPValue(0, 10, 0.5)).toBeCloseTo(2 ** -10, 12);
    expect(binomialPValue(10, 10, 0.5)).toBe(1);
  });

  test("Hoeffding-Bentkus is at most Hoeffding's bound and at least the exact one", () => {
    for (const [total, n, limit] of [
      [3, 100, 0.1],
      [10, 500, 0.05],
      [0, 200, 0.02],
    ]) {
      const bound = hoeffdingBentkusPValue(total / n, n, limit);
      expect(bound).toBeLessThanOrEqual(Math.exp(-2 * n * (limit - total / n) ** 2) + 1e-12);
      expect(bound).toBeGreaterThanOrEqual(binomialPValue(total, n, limit) - 1e-12);
    }
  });

  test('a mean over the limit, or no data, shows nothing', () => {
    expect(hoeffdingBentkusPValue(0.2, 100, 0.1)).toBe(1);
    expect(hoeffdingBentkusPValue(0, 0, 0.1)).toBe(1);
    expect(bettingPValue([], 0.1, 0.1)).toBe(1);
    expect(binomialPValue(0, 0, 0.1)).toBe(1);
  });

  test('at the limit itself, each is at most 0.1 in at most a tenth of the draws', () => {
    const random = createRandom(3);
    const counts = { betting: 0, hoeffdingBentkus: 0, binomial: 0 };
    const draws = 2_000;
    for (let draw = 0; draw < draws; draw++) {
      const losses = Float64Array.from({ length: 300 }, () => (random.next() < 0.05 ? 1 : 0));
      const total = losses.reduce((sum, loss) => sum + loss, 0);
      if (bettingPValue(losses, 0.05, 0.1) <= 0.1) counts.betting++;
      if (hoeffdingBentkusPValue(total / 300, 300, 0.05) <= 0.1) counts.hoeffdingBentkus++;
      if (binomialPValue(total, 300, 0.05) <= 0.1) counts.binomial++;
    }
    // 0.1 and three standard errors.
    for (const count of Object.values(counts)) expect(count / draws).toBeLessThan(0.12);
  });

  test('the predictive one is at most 0.1 where the mean of as many further losses is over the limit in a tenth', () => {
    const random = createRandom(6);
    const draw = () => Float64Array.from({ length: 400 }, () => (random.next() < 0.05 ? 1 : 0));
    const mean = (losses: Float64Array) => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    const ones = new Float64Array(400).fill(1);
    let wrong = 0;
    for (let i = 0; i < 2_000; i++) {
      // The limit that this very sample just shows.
      const seen = draw();
      let limit = mean(seen);
      while (predictivePValue(seen, ones, limit) > 0.1) limit += 0.001;
      if (mean(draw()) > limit) wrong++;
    }
    expect(wrong / 2_000).toBeGreaterThan(0.05);
    expect(wrong / 2_000).toBeLessThan(0.13);
    expect(predictivePValue([], [], 0.1)).toBe(1);
  });

  test.each([
    ['whole', (good: boolean) => Number(!good)],
    ['in parts', (good: boolean) => (good ? 0.125 : 0.75)],
  ])('it counts the noise of few further requests, losses %s', (_, lossOf) => {
    const random = createRandom(7);
    const draw = (n: number) => Float64Array.from({ length: n }, () => lossOf(random.next() >= 0.1));
    const mean = (losses: Float64Array) => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    const [seen, further] = [400, 100];
    const ones = new Float64Array(seen).fill(1);
    const wrong = { asMany: 0, few: 0 };
    const runs = 1_500;
    for (let i = 0; i < runs; i++) {
      const losses = draw(seen);
      const next = mean(draw(further));
      const shownAt = (requests?: number) => {
        let limit = mean(losses);
        while (predictivePValue(losses, ones, limit, requests) > 0.1) limit += 0.002;
        return limit;
      };
      if (next > shownAt()) wrong.asMany++;
      if (next > shownAt(further)) wrong.few++;
    }
    expect(wrong.few / runs).toBeGreaterThan(0.04);
    expect(wrong.few / runs).toBeLessThan(0.12);
    expect(wrong.asMany / runs).toBeGreaterThan(0.14);
  });

  test('no limit is under the steps that whole losses of few requests can take', () => {
    const ones = new Float64Array(2_000).fill(1);
    const losses = Float64Array.from(ones, (_, i) => Number(i % 4 === 0));
    const at = (limit: number) => predictivePValue(losses, ones, limit, 100);
    // 28 of 100 are within 0.289 and 29 are not, as with 0.285, which is half a step before.
    expect(at(0.289)).toBeCloseTo(at(0.285), 12);
    // 29 of 100 are not over 0.29, whatever 0.29 times 100 is in a computer.
    expect(at(0.29)).toBeLessThan(at(0.289) - 0.01);
  });

  test('gains count against losses, so bets on signed losses show more than a bound on the losses alone', () => {
    const random = createRandom(4);
    const losses = Float64Array.from({ length: 4_000 }, () => {
      const u = random.next();
      return u < 0.04 ? 1 : u < 0.07 ? -1 : 0;
    });
    const total = losses.reduce((sum, loss) => sum + Math.max(0, loss), 0);
    expect(bettingPValue(losses, 0.03, 0.1)).toBeLessThanOrEqual(0.1);
    expect(hoeffdingBentkusPValue(total / 4_000, 4_000, 0.03)).toBe(1);
  });
});

test('testing in sequence stops at the first setting that does not pass, whatever comes later', () => {
  const pValues = [0.01, 0.05, 0.2, 0.001];
  expect(learnThenTest(4, (i) => pValues[i], 0.1)).toBe(1);
  expect(learnThenTest(4, () => 0.5, 0.1)).toBe(-1);
  expect(learnThenTest(2, () => 0, 0.1)).toBe(1);
});
