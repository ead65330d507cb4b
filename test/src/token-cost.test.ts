import { expect, test } from 'vitest';
import { tokenCost } from '../../src/tokens.ts';

const PRICES = { inputPricePerMillionTokens: 2, outputPricePerMillionTokens: 10 };
const ALL = { ...PRICES, cachedInputPricePerMillionTokens: 0.5, reasoningPricePerMillionTokens: 3 };

test.each([
  ['input and output', PRICES, [1000, 100], (1000 * 2 + 100 * 10) / 1e6],
  ['cached and thought tokens at the same price', PRICES, [1000, 100, 600, 40], (1000 * 2 + 100 * 10) / 1e6],
  ['cached tokens', ALL, [1000, 100, 600], (400 * 2 + 600 * 0.5 + 100 * 10) / 1e6],
  ['thought tokens', ALL, [1000, 100, 0, 40], (1000 * 2 + 60 * 10 + 40 * 3) / 1e6],
  [
    'more cached than read, more thought than written',
    ALL,
    [1000, 100, 5000, 500],
    (1000 * 0.5 + 100 * 3) / 1e6,
  ],
  ['no tokens', ALL, [0, 0], 0],
  ['no output price', { inputPricePerMillionTokens: 2 }, [1000, 100], Number.NaN],
  ['no input price', { outputPricePerMillionTokens: 2 }, [1000, 100], Number.NaN],
  ['no prices', {}, [1000, 100], Number.NaN],
] as const)('%s', (_, prices, [input, output, cached, reasoning], cost) => {
  const got = tokenCost(prices, input, output, cached, reasoning);
  if (Number.isNaN(cost)) expect(got).toBeNaN();
  else expect(got).toBeCloseTo(cost, 12);
});
