import { describe, expect, test } from 'vitest';
import { priceOf, soundUsage, type Usage } from '../../../src/execution/answer.ts';

const PRICES = [
  {
    name: 'all',
    inputPricePerMillionTokens: 2,
    outputPricePerMillionTokens: 10,
    cachedInputPricePerMillionTokens: 0.5,
    reasoningPricePerMillionTokens: 4,
  },
  { name: 'plain', inputPricePerMillionTokens: 2, outputPricePerMillionTokens: 10 },
  { name: 'half', inputPricePerMillionTokens: 2 },
];
const USAGE: Usage = { inputTokens: 1000, outputTokens: 200, cachedInputTokens: 600, reasoningTokens: 150 };

describe('the price of a usage', () => {
  test.each([
    ['with prices of cached and thought tokens', 'all', (400 * 2 + 600 * 0.5 + 50 * 10 + 150 * 4) / 1e6],
    ['without them', 'plain', (1000 * 2 + 200 * 10) / 1e6],
  ])('%s', (_, name, cost) => {
    expect(priceOf(USAGE, name, PRICES)).toBeCloseTo(cost, 12);
  });

  test.each(['half', 'nobody'])('is not known where a price is not: %s', (name) => {
    expect(priceOf(USAGE, name, PRICES)).toBeNull();
  });
});

test.each<[string, unknown, Usage | null]>([
  ['is kept', USAGE, USAGE],
  [
    'no parts of 0',
    { ...USAGE, cachedInputTokens: 0, reasoningTokens: 0 },
    { inputTokens: 1000, outputTokens: 200 },
  ],
  [
    'no more cached than read',
    { ...USAGE, cachedInputTokens: 1001 },
    { inputTokens: 1000, outputTokens: 200, reasoningTokens: 150 },
  ],
  [
    'no more thought than written',
    { ...USAGE, reasoningTokens: 1e9 },
    { inputTokens: 1000, outputTokens: 200, cachedInputTokens: 600 },
  ],
  [
    'no parts that are no counts',
    { ...USAGE, cachedInputTokens: -1, reasoningTokens: Number.NaN },
    { inputTokens: 1000, outputTokens: 200 },
  ],
  ['nothing where the whole is no count', { ...USAGE, inputTokens: -1 }, null],
])('of usage that an upstream says, %s', (_, said, kept) => {
  expect(soundUsage(said as Usage)).toEqual(kept);
});
