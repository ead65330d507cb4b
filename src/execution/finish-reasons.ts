import type { FinishReason } from './answer.ts';

/**
 * What endpoints say when an answer is whole, or was cut for a reason that its caller can know. OpenAI's own words come
 * first; behind them those that compatible endpoints hand on from Anthropic, Gemini, Bedrock, Cohere, Mistral, Hugging
 * Face, Together, watsonx and Zhipu. Compared without regard to case, and with `_` for `-`.
 */
const REASONS: Readonly<Record<FinishReason, readonly string[]>> = {
  stop: [
    ...['stop', 'stop_sequence', 'stop_token', 'eos', 'eos_token', 'end', 'end_turn', 'end_of_text'],
    ...['complete', 'completed', 'finish_reason_stop'],
  ],
  length: [
    ...['length', 'max_tokens', 'max_token', 'max_output_tokens', 'max_completion_tokens', 'max_length'],
    ...['model_length', 'token_limit', 'model_context_window_exceeded', 'finish_reason_max_tokens'],
  ],
  'tool-calls': ['tool_calls', 'function_call', 'tool_call', 'tool_use', 'function_calls'],
  'content-filter': [
    ...['content_filter', 'content_filtered', 'refusal', 'guardrail_intervened', 'sensitive', 'error_toxic'],
    ...['safety', 'recitation', 'blocklist', 'prohibited_content', 'spii', 'image_safety'],
  ],
  other: [],
};

const KNOWN = new Map(
  Object.entries(REASONS).flatMap(([reason, words]) => words.map((word) => [word, reason as FinishReason])),
);

/** Some endpoints write these in the place of null, in every chunk but the last. */
const NOT_YET = new Set(['', 'null', 'none']);

/**
 * How an answer ended, by the word of the one who gave it.
 *
 * @returns null while it has not ended; undefined for a word that is none of an end: `error`, `abort`, `cancelled`,
 * `network_error`, `insufficient_system_resource`, and whatever is not known. Taking an unknown word for an end would
 * pass half an answer off as a whole one.
 */
export function finishReasonOf(word: unknown): FinishReason | null | undefined {
  if (word === undefined || word === null) return null;
  if (typeof word !== 'string') return undefined;
  const plain = word.trim().toLowerCase().replaceAll('-', '_');
  return NOT_YET.has(plain) ? null : KNOWN.get(plain);
}
