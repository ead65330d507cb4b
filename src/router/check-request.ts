import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { Prompt } from '../request/prompt-text.ts';
import type { Request } from '../request.ts';

/**
 * Whether a request has the types that it must have; of its content nothing is asked.
 *
 * @throws InvalidInputError naming the field.
 */
export function checkRequest(request: unknown): asserts request is Request {
  if (request === null || typeof request !== 'object' || Array.isArray(request)) {
    throw wrong('The request', 'an object with `text` or `messages`', request);
  }
  const { text, messages, tools } = request as Record<string, unknown>;
  if (text === undefined && messages === undefined) {
    throw wrong('The request', 'an object with `text` or `messages`', 'neither');
  }
  if (text !== undefined && typeof text !== 'string') throw wrong('`text` of request', 'text', text);
  if (tools !== undefined && tools !== null && !Array.isArray(tools)) {
    throw wrong('`tools` of request', 'a list', tools);
  }
  if (messages === undefined) return;
  if (!Array.isArray(messages)) throw wrong('`messages` of request', 'a list', messages);
  for (let i = 0; i < messages.length; i++) {
    const message: unknown = messages[i];
    if (message === null || typeof message !== 'object') {
      throw wrong(`\`messages[${i}]\` of request`, 'an object with `role` and `content`', message);
    }
  }
}

/**
 * Refuses messages in which there is nothing to answer: they are of a shape that is not read, more often than empty. A
 * `text` may be empty.
 *
 * @throws InvalidInputError
 */
export function checkPrompt({ isEmpty, turns }: Prompt): void {
  if (isEmpty !== true) return;
  const got = turns === 0 ? '[]' : `${turns} without any. Look at their \`content\``;
  throw new InvalidInputError(
    `\`messages\` of request must not be empty: they must have words, or pictures, sounds, videos or documents. Got ${got}.`,
  );
}

function wrong(field: string, expected: string, got: unknown): InvalidInputError {
  const shown = got === null || got === 'neither' ? String(got) : `a value of type ${typeof got}`;
  return new InvalidInputError(`${field} must be ${expected}. Got ${shown}.`);
}
