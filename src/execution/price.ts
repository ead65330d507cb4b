import type { Candidate } from '../candidate/candidate.ts';
import type { CostSource } from '../log/log-record.ts';
import type { Answer, Usage } from './answer.ts';

/** What candidates ask for their tokens; `manifest.candidates` of a router, or the caller's own list. */
export type Prices = readonly Pick<
  Candidate,
  'name' | 'inputPricePerMillionTokens' | 'outputPricePerMillionTokens'
>[];

/** US dollars for these tokens; null where a price is not known. */
export function priceOf(usage: Usage, candidate: string, prices: Prices): number | null {
  const price = prices.find(({ name }) => name === candidate);
  const input = price?.inputPricePerMillionTokens;
  const output = price?.outputPricePerMillionTokens;
  if (input === undefined || output === undefined) return null;
  return (usage.inputTokens * input + usage.outputTokens * output) / 1e6;
}

/** What is above is a mistake: the largest amounts that a decision log believes too. */
const MOST_TOKENS = 1e8;
const MOST_USD = 1000;

/** Usage as an upstream says it, where it can be true: whole numbers from 0 on; else null, which is unknown. */
export function soundUsage(usage: Usage | null | undefined): Usage | null {
  if (usage === null || typeof usage !== 'object') return null;
  return isTokenCount(usage.inputTokens) && isTokenCount(usage.outputTokens) ? usage : null;
}

function isTokenCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS;
}

/** A cost where it can be true, else null: a negative one would give a budget back what was spent. */
export function soundCost(costUsd: number | null | undefined): number | null {
  return typeof costUsd === 'number' && costUsd >= 0 && costUsd <= MOST_USD ? costUsd : null;
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
