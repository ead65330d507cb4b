import type { TokenPrices } from './candidate.ts';

/**
 * US dollars for so many tokens; NaN where the price of input or output is not known.
 *
 * @param inputTokens all of them, cached ones too.
 * @param outputTokens all of them, those of reasoning too.
 */
export function tokenCost(
  prices: TokenPrices,
  inputTokens: number,
  outputTokens: number,
  cachedInputTokens = 0,
  reasoningTokens = 0,
): number {
  const input = prices.inputPricePerMillionTokens ?? Number.NaN;
  const output = prices.outputPricePerMillionTokens ?? Number.NaN;
  const cached = Math.min(cachedInputTokens, inputTokens);
  const reasoning = Math.min(reasoningTokens, outputTokens);
  return (
    ((inputTokens - cached) * input +
      cached * (prices.cachedInputPricePerMillionTokens ?? input) +
      (outputTokens - reasoning) * output +
      reasoning * (prices.reasoningPricePerMillionTokens ?? output)) /
    1e6
  );
}
