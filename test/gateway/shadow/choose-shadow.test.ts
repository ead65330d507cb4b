import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SHADOW_RULES } from '../../../gateway/config/schema.ts';
import {
  drawShadow,
  ShadowChoice,
  type ShadowOption,
  shadowValue,
} from '../../../gateway/shadow/choose-shadow.ts';

const option = fc.record({
  candidate: fc.constant('c'),
  difference: fc.double({ min: -1, max: 1, noNaN: true }),
  error: fc.oneof(fc.constant(null), fc.double({ min: 0, max: 1, noNaN: true })),
});
const of = (difference: number, error: number | null): ShadowOption => ({
  candidate: 'c',
  difference,
  error,
});

describe('what is asked beside', () => {
  it('has probabilities, none of them 0, that add up to 1 at most, whatever is known', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SHADOW_RULES),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        fc.array(fc.array(option, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 20 }),
        (rule, share, requests) => {
          const choice = new ShadowChoice(rule, share);
          for (const options of requests) {
            const probabilities = choice.probabilities(options);
            expect(probabilities.length).toBe(options.length);
            for (const probability of probabilities) expect(probability).toBeGreaterThan(0);
            const sum = probabilities.reduce((all, one) => all + one, 0);
            expect(sum).toBeLessThanOrEqual(1 + 1e-9);
          }
        },
      ),
    );
  });

  it('is about the share of requests that was asked for, more of those that teach more', () => {
    const choice = new ShadowChoice('gradient', 0.1);
    const sums = [0, 0];
    for (let n = 0; n < 4000; n++) {
      const isUnsure = n % 4 === 0;
      const options = [of(-0.1, isUnsure ? 0.1 : 0.01), of(-0.5, 0.05)];
      sums[Number(isUnsure)] += choice.probabilities(options).reduce((all, one) => all + one, 0);
    }
    expect((sums[0] + sums[1]) / 4000).toBeGreaterThan(0.08);
    expect((sums[0] + sums[1]) / 4000).toBeLessThan(0.12);
    expect(sums[1] / 1000).toBeGreaterThan(5 * (sums[0] / 3000));
  });

  it('is worth most where the difference is small beside its error, and nothing where all is known', () => {
    for (const rule of ['improvement', 'gradient'] as const) {
      expect(shadowValue(of(-0.05, 0.1), rule)).toBeGreaterThan(shadowValue(of(-0.3, 0.1), rule));
      expect(shadowValue(of(-0.05, 0.1), rule)).toBeGreaterThan(shadowValue(of(-0.05, 0.02), rule));
      expect(shadowValue(of(-0.05, 0), rule)).toBe(0);
    }
    // E max(0, X) of a normal X, by a sum over its density.
    const [difference, error] = [-0.1, 0.2];
    let expected = 0;
    for (let x = 0; x < 2; x += 1e-4)
      expected +=
        (1e-4 * x * Math.exp(-(((x - difference) / error) ** 2) / 2)) / (error * Math.sqrt(2 * Math.PI));
    expect(shadowValue(of(difference, error), 'improvement')).toBeCloseTo(expected, 5);
    expect(shadowValue(of(difference, null), 'gradient')).toBe(1);
  });

  it('is drawn by its probability', () => {
    expect([0, 0.09, 0.1, 0.29, 0.31, 0.99].map((at) => drawShadow([0.1, 0.2], at))).toEqual([
      0,
      0,
      1,
      1,
      null,
      null,
    ]);
    expect(drawShadow([], 0)).toBeNull();
  });
});
