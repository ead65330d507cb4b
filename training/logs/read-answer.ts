import { firstGiven, isObject, jsonOf, textOf } from '../ingest/record/values.ts';

/**
 * The words of an answer, in any of the shapes that logs have it: a text, a response of OpenAI (chat, completion,
 * responses), Anthropic, Gemini or Bedrock, a message, or a list of messages. Null where there are none. JSON in which
 * there is no message is an answer in JSON.
 */
export function readAnswer(value: unknown): string | null {
  const response = jsonOf(value);
  return wordsIn(response) ?? (typeof value === 'string' && isOther(response) ? value : null);
}

function wordsIn(response: unknown): string | null {
  if (typeof response === 'string') return textOf(response);
  if (Array.isArray(response)) return joined(response.map(wordsIn));
  if (!isObject(response) || response.type === 'reasoning' || response.type === 'thinking') return null;
  for (const list of [response.choices, response.candidates])
    if (Array.isArray(list)) return list.length === 0 ? null : wordsIn(list[0]);
  return wordsIn(firstGiven(response, ['output', 'message', 'content', 'parts', 'text']));
}

/** An object that is neither a response nor a message. */
function isOther(response: unknown): boolean {
  if (!isObject(response)) return false;
  return !['choices', 'candidates', 'role', 'error', 'tool_calls', 'output', 'content'].some(
    (name) => name in response,
  );
}

function joined(texts: readonly (string | null)[]): string | null {
  return textOf(texts.filter((text) => text !== null).join('\n'));
}
