import type { TokenPrices } from '../candidate/candidate.ts';
import { tokenCost } from '../candidate/token-cost.ts';
import type { CostSource } from '../log/record.ts';
import { LARGEST_AMOUNTS } from '../log/record-limits.ts';
import type { Answer, Usage } from './answer.ts';

/** What candidates ask for their tokens; `manifest.candidates` of a router, or the caller's own list. */
export type Prices = readonly (TokenPrices & { readonly name: string })[];

/** US dollars for these tokens; null where a price is not known. */
export function priceOf(usage: Usage, candidate: string, prices: Prices): number | null {
  return usageCost(usage, prices.find(({ name }) => name === candidate) ?? {});
}

/** US dollars for these tokens at these prices; null where a price is not known. */
export function usageCost(usage: Usage, prices: TokenPrices): number | null {
  const { cachedInputTokens, inputTokens, outputTokens, reasoningTokens } = usage;
  const cost = tokenCost(prices, inputTokens, outputTokens, cachedInputTokens, reasoningTokens);
  return Number.isNaN(cost) ? null : cost;
}

/**
 * Usage as an upstream says it, where it can be true: whole numbers from 0 on; else null, which is unknown. Of parts that
 * cannot be true nothing is kept.
 */
export function soundUsage(usage: Usage | null | undefined): Usage | null {
  if (usage === null || typeof usage !== 'object') return null;
  const { cachedInputTokens: cached, reasoningTokens: reasoning, ...whole } = usage;
  const { inputTokens, outputTokens } = whole;
  if (!isTokenCount(inputTokens) || !isTokenCount(outputTokens)) return null;
  return {
    ...whole,
    ...(isPart(cached, inputTokens) ? { cachedInputTokens: cached } : {}),
    ...(isPart(reasoning, outputTokens) ? { reasoningTokens: reasoning } : {}),
  };
}

function isPart(value: unknown, whole: number): value is number {
  return isTokenCount(value) && value > 0 && value <= whole;
}

function isTokenCount(value: unknown): value is number {
  return (
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= LARGEST_AMOUNTS.inputTokens
  );
}

/** A cost where it can be true, else null: a negative one would give a budget back what was spent. */
export function soundCost(costUsd: number | null | undefined): number | null {
  return typeof costUsd === 'number' && costUsd >= 0 && costUsd <= LARGEST_AMOUNTS.costUsd ? costUsd : null;
}

/** The client's own bill, else the tokens' price; null where neither is known. */
export function answerCost(
  answer: Answer,
  candidate: string,
  prices: Prices,
): { readonly costUsd: number; readonly costSource: CostSource } | null {
  const { costSource = 'reported', costUsd, usage } = answer;
  if (costUsd !== null) return { costUsd, costSource };
  const price = usage === null ? null : priceOf(usage, candidate, prices);
  return price === null ? null : { costUsd: price, costSource: 'computed' };
}
