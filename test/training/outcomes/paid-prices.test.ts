import { createRandom, type TokenPrices } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { fitSum, paidPrices, withTokenCosts } from '../../../training/outcomes/amounts.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { TOKEN_PRICES, tokenTraffic, without } from '../../fixtures/token-traffic.ts';

const matrix = tokenTraffic({ prompts: 200, seed: 3, longest: 300 });
const large = matrix.candidates.indexOf('large');
const withCosts = (change: (cost: number, cell: number) => number): OutcomeMatrix => ({
  ...matrix,
  costUsd: matrix.costUsd.map(change),
});

describe('a sum fitted in the median', () => {
  const random = createRandom(5);
  const x = Float64Array.from({ length: 300 }, () => 10 + 1000 * random.next());
  const z = Float64Array.from({ length: 300 }, () => 5 + 300 * random.next());

  test('finds the weights, whatever a quarter of the rows says', () => {
    const y = x.map((value, i) => (2 * value + 7 * z[i]) * (i % 4 === 0 ? 1 + 20 * random.next() : 1));
    const [a, b] = fitSum([x, z], y);
    expect(a).toBeCloseTo(2, 2);
    expect(b).toBeCloseTo(7, 2);
  });

  test('has no weight below 0', () => {
    const [a, b] = fitSum(
      [x, new Float64Array(300).fill(1)],
      x.map((value) => 2000 - value),
    );
    expect(a).toBe(0);
    expect(b).toBeGreaterThan(1000);
  });

  test('takes what is known beforehand where rows say nothing, and hardly where they do', () => {
    const same = new Float64Array(300).fill(50);
    const ones = new Float64Array(300).fill(1);
    const prior = [undefined, { weight: 1, rows: 5 }];
    const [frame, ratio] = fitSum([ones, same], new Float64Array(300).fill(60), prior);
    expect(frame + 50 * ratio).toBeCloseTo(60, 3);
    expect(ratio).toBeGreaterThan(0.9);
    const [fixed, slope] = fitSum(
      [ones, x],
      x.map((value) => 30 + 1.5 * value),
      prior,
    );
    expect(slope).toBeCloseTo(1.5, 1);
    expect(fixed).toBeGreaterThan(15);
  });

  test('gives 0 for no rows', () => {
    expect([...fitSum([new Float64Array()], new Float64Array())]).toEqual([0]);
  });
});

describe('prices that bills agree on', () => {
  test('are those they were made with', () => {
    matrix.candidates.forEach((name, c) => {
      const paid = paidPrices(matrix, c);
      const prices = TOKEN_PRICES[name as keyof typeof TOKEN_PRICES];
      expect(paid!.inputPricePerMillionTokens / prices.inputPricePerMillionTokens).toBeCloseTo(1, 2);
      expect(paid!.outputPricePerMillionTokens / prices.outputPricePerMillionTokens).toBeCloseTo(1, 2);
    });
  });

  test('are what is paid on the whole where there are discounts', () => {
    const random = createRandom(7);
    const paid = paidPrices(
      withCosts((cost) => cost * (0.9 + 0.1 * random.next())),
      large,
    );
    expect(paid?.outputPricePerMillionTokens).toBeCloseTo(14.3, 0);
  });

  test.each<[string, OutcomeMatrix]>([
    ['there are no tokens', without(matrix, 'tokens')],
    ['there are no bills', without(matrix, 'costUsd')],
    ['there are nine bills', withCosts((cost, cell) => (cell < 27 ? cost : Number.NaN))],
    ['bills have nothing to do with tokens', withCosts((_, cell) => 0.001 * (1 + ((cell * 7919) % 100)))],
    ['all answers were for nothing', withCosts(() => 0)],
    [
      'input and output go together',
      { ...matrix, outputTokens: matrix.inputTokens!.map((tokens) => 2 * tokens) },
    ],
  ])('are not known where %s', (_, told) => {
    expect(paidPrices(told, large)).toBeNull();
  });
});

describe('costs of tokens', () => {
  test('are put where there is no bill', () => {
    const told = withTokenCosts(without(matrix, 'costUsd'), TOKEN_PRICES);
    const ratios = told.costUsd.map((cost, cell) => cost / matrix.costUsd[cell]);
    expect(ratios.every((ratio) => Math.abs(ratio - 1) < 1e-5)).toBe(true);
  });

  test.each<[string, OutcomeMatrix, Readonly<Record<string, TokenPrices>>]>([
    ['a bill stays', matrix, { large: { inputPricePerMillionTokens: 10, outputPricePerMillionTokens: 30 } }],
    ['no tokens, no cost', without(matrix, 'tokens', 'costUsd'), TOKEN_PRICES],
    ['no price, no cost', without(matrix, 'costUsd'), {}],
    [
      'no price of the output, no cost',
      without(matrix, 'costUsd'),
      { large: { inputPricePerMillionTokens: 10 } },
    ],
    ['no own price, no cost', without(matrix, 'costUsd'), { toString: TOKEN_PRICES.large }],
  ])('%s', (_, told, prices) => {
    expect(withTokenCosts(told, prices).costUsd).toEqual(told.costUsd);
  });
});
