import { firstGiven, numberOf, objectOf } from '../ingest/record/values.ts';

/** Tokens of a call; null where they are not known. */
export interface Usage {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** Names of counts, in the usage of a response, of what was read from a cache and written to it. */
const CACHE_READ = ['cache_read_input_tokens', 'cacheReadInputTokens', 'prompt_cache_read_tokens'];
const CACHE_WRITE = [
  'cache_creation_input_tokens',
  'cacheWriteInputTokens',
  'cacheCreationInputTokens',
  'prompt_cache_write_tokens',
];

/**
 * Reads the `usage` of a response. Input counts all that was read, cached or not: OpenAI and Gemini count cached tokens
 * among the others, Anthropic and Bedrock beside them, so those are added. Output counts what was reasoned as well,
 * which Gemini and xAI count beside the answer.
 */
export function readUsage(value: unknown): Usage {
  const usage = objectOf(value);
  const count = (names: readonly string[]): number | null => numberOf(firstGiven(usage, names));
  const cached = (count(CACHE_READ) ?? 0) + (count(CACHE_WRITE) ?? 0);
  const whole = count(['prompt_tokens', 'promptTokens', 'promptTokenCount', 'prompt_eval_count']);
  const apart = count(['input_tokens', 'inputTokens']);
  const inputTokens = whole === null ? (apart === null ? null : apart + cached) : withCached(whole, cached);
  const answered = count([
    'completion_tokens',
    'completionTokens',
    'output_tokens',
    'outputTokens',
    'candidatesTokenCount',
    'eval_count',
  ]);
  const reasoned =
    count(['thoughtsTokenCount']) ??
    numberOf(objectOf(usage?.completion_tokens_details)?.reasoning_tokens) ??
    0;
  const total = count(['total_tokens', 'totalTokenCount']);
  const isApart =
    total !== null && inputTokens !== null && total === inputTokens + (answered ?? 0) + reasoned;
  return { inputTokens, outputTokens: isApart && reasoned > 0 ? (answered ?? 0) + reasoned : answered };
}

/** Input tokens that may hold those of the cache or not: a part is not more than the whole, else it stands beside it. */
export function withCached(input: number, cached: number): number {
  return cached > input ? input + cached : input;
}
