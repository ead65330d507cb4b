import type { LogDocument } from './log-entry.ts';
import { jsonOf, listOf, textOf } from './values.ts';

/**
 * The words of an answer, in any of the shapes that logs have it: a text, a response of OpenAI (chat, completion,
 * responses) or Anthropic, a message, or a list of messages. Null where there are none.
 */
export function readAnswer(value: unknown): string | null {
  const response = jsonOf(value);
  if (typeof response === 'string') return textOf(response);
  if (Array.isArray(response)) return joined(response.map(readAnswer));
  if (typeof response !== 'object' || response === null) return null;
  const object = response as LogDocument;
  const choices = listOf(object.choices);
  if (choices !== null) {
    const first = (choices[0] ?? {}) as LogDocument;
    return readAnswer(first.message ?? first.text);
  }
  return readAnswer(object.output ?? object.content ?? object.parts ?? object.text);
}

function joined(texts: readonly (string | null)[]): string | null {
  return textOf(texts.filter((text) => text !== null).join('\n'));
}
