import type { LogDocument } from './log-entry.ts';
import { numberOf, objectOf } from './values.ts';

/** Tokens of a call; null where they are not known. */
export interface Usage {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/**
 * Reads the `usage` of a response. OpenAI counts cached tokens among its prompt tokens; Anthropic counts those read
 * from and written to the cache apart, so they are added.
 */
export function readUsage(value: unknown): Usage {
  const usage = objectOf(value) ?? ({} as LogDocument);
  const own = numberOf(usage.input_tokens);
  const cached =
    (numberOf(usage.cache_read_input_tokens) ?? 0) + (numberOf(usage.cache_creation_input_tokens) ?? 0);
  return {
    inputTokens: numberOf(usage.prompt_tokens) ?? (own === null ? null : own + cached),
    outputTokens: numberOf(usage.completion_tokens) ?? numberOf(usage.output_tokens),
  };
}
