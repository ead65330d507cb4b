import { readPrompt } from 'pointsman';
import type { Client } from 'pointsman/execution';

/**
 * Stands in for a model, so that the examples run without a key. In its place:
 * `createOpenAiClient({ model: 'gpt-5-mini', apiKey: () => process.env.OPENAI_API_KEY })` of `pointsman/openai`.
 */
export function standIn(name: string): Client {
  return async function* (request) {
    const { text } = readPrompt(request);
    for (const word of `${name} answers: ${text.slice(0, 300)}`.split(/(?<= )/)) yield { text: word };
    yield {
      finish: { reason: 'stop', usage: { inputTokens: Math.ceil(text.length / 4), outputTokens: 20 } },
    };
  };
}

/** One for each model of the example router. */
export const standIns = {
  mini: standIn('mini'),
  coder: standIn('coder'),
  vision: standIn('vision'),
  pro: standIn('pro'),
};
