import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { Prompt } from '../request/prompt-text.ts';
import type { Request } from '../request/request.ts';

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
 * Whether there is anything in the messages to answer. A `text` may be empty; messages in which nothing is found are
 * rather of a shape that cannot be read.
 *
 * @throws InvalidInputError
 */
export function checkPrompt({ messages }: Request, prompt: Prompt): void {
  if (messages === undefined || prompt.contextCharacters > 0 || prompt.text.trim() !== '') return;
  if (messages.length === 0) {
    throw new InvalidInputError(
      '`messages` of request must not be empty. Got []. Give the conversation, or leave it out and give `text`.',
    );
  }
  if (messages.some(hasOtherContent)) return;
  throw new InvalidInputError(
    '`messages` of request must have words, or pictures, sounds, videos or documents. Got ' +
      `${messages.length === 1 ? 'one' : messages.length} without. Look at their \`content\`.`,
  );
}

/** What is not read may be content all the same: a call of a tool, a part of a kind that is not known. */
function hasOtherContent(message: object): boolean {
  const { content, parts, tool_calls, images, type } = message as Readonly<Record<string, unknown>>;
  if (typeof type === 'string' && type !== 'message') return true;
  if (Array.isArray(tool_calls) && tool_calls.length > 0) return true;
  if (Array.isArray(images) && images.length > 0) return true;
  const given = content ?? parts;
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  return list.some((part) => typeof part === 'object' && part !== null && !isText(part));
}

function isText(part: object): boolean {
  return 'text' in part && typeof part.text === 'string';
}

function wrong(field: string, expected: string, got: unknown): InvalidInputError {
  const shown = got === null || got === 'neither' ? String(got) : `a value of type ${typeof got}`;
  return new InvalidInputError(`${field} must be ${expected}. Got ${shown}.`);
}
