import type { Request } from '../request/request.ts';
import type { TokenCounter } from './signal-sources.ts';

/** English text has about four characters a token. */
const CHARACTERS_PER_TOKEN = 4;

/** The stated estimate where there is no counter. */
export function estimateTokens(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}

/** Tokens of every text in a request, whoever wrote it. Images, sounds and tool definitions are left out. */
export function countRequestTokens(request: Request, count: TokenCounter): number {
  if (!Array.isArray(request.messages)) return count(request.text ?? '');
  let sum = 0;
  for (const message of request.messages as Request['messages'] & {}) {
    const { content } = message;
    if (typeof content === 'string') sum += count(content);
    else if (Array.isArray(content)) {
      for (const part of content as readonly ({
        readonly type?: unknown;
        readonly text?: unknown;
      } | null)[]) {
        if (part?.type === 'text' && typeof part.text === 'string') sum += count(part.text);
      }
    }
  }
  return sum;
}
