import { createRandom } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import {
  type Comparison,
  expectedScore,
  fieldScores,
  fitBradleyTerry,
} from '../../../training/evaluate/preferences.ts';

/** Comparisons drawn from Davidson's model. */
function drawn(strengths: readonly number[], ties: number, count: number, seed = 1): Comparison[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const a = random.integer(strengths.length);
    const b = (a + 1 + random.integer(strengths.length - 1)) % strengths.length;
    const [first, second] = [Math.exp(strengths[a]), Math.exp(strengths[b])];
    const level = ties * Math.exp((strengths[a] + strengths[b]) / 2);
    const at = random.next() * (first + second + level);
    return { a, b, won: at < first ? 1 : at < first + second ? 0 : 0.5 };
  });
}

describe("Bradley and Terry's model with ties", () => {
  const planted = [1.2, 0.4, -0.3, -1.3];

  test.each([0.2, 1, 3])('finds planted strengths and ties, ν = %d', (ties) => {
    const { strengths, ties: found } = fitBradleyTerry(drawn(planted, ties, 20_000), 4);
    planted.forEach((strength, c) => {
      expect(Math.abs(strengths[c] - strength)).toBeLessThan(0.08);
    });
    expect(Math.abs(Math.log(found / ties))).toBeLessThan(0.1);
  });

  test('of two candidates without ties it is the odds, but for the prior', () => {
    const won = Array.from({ length: 4000 }, (_, i) => ({ a: 0, b: 1, won: Number(i % 4 > 0) }));
    const model = fitBradleyTerry(won, 2);
    expect(model.strengths[0] - model.strengths[1]).toBeCloseTo(Math.log(3), 2);
    expect(expectedScore(model, 0, 1)).toBeCloseTo(0.75, 2);
    expect(expectedScore(model, 0, 1) + expectedScore(model, 1, 0)).toBeCloseTo(1, 12);
  });

  test('which candidate comes first, and the order of comparisons, make no difference', () => {
    const some = drawn(planted, 0.5, 500);
    const swapped = some.map(({ a, b, won }) => ({ a: b, b: a, won: 1 - won })).reverse();
    const [one, other] = [fitBradleyTerry(some, 4), fitBradleyTerry(swapped, 4)];
    expect([...other.strengths]).toEqual([...one.strengths]);
    expect(other.ties).toBe(one.ties);
  });

  test.each([
    ['nothing', []],
    ['ties alone', [{ a: 0, b: 1, won: 0.5 }]],
    ['one who won everything', Array.from({ length: 1000 }, () => ({ a: 0, b: 1, won: 1 }))],
  ])('gives finite strengths from %s', (_, comparisons) => {
    const model = fitBradleyTerry(comparisons, 3);
    expect([...model.strengths, model.ties].every(Number.isFinite)).toBe(true);
    expect(model.strengths.reduce((sum, x) => sum + x, 0)).toBeCloseTo(0, 9);
    const field = fieldScores(model);
    expect([...field].every((score) => score > 0 && score < 1)).toBe(true);
    // What one wins another loses.
    expect(field.reduce((sum, x) => sum + x, 0)).toBeCloseTo(1.5, 9);
  });
});
