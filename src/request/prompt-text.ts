import type { Message, Request } from '../request.ts';
import { isOfUser, noMedia, readContent, type Seen } from './message-content.ts';

/** What the router reads of a request: the user's words, and the shape of what surrounds them. */
export interface Prompt {
  /** The user's messages joined by a line break, oldest first; or the request's `text`. */
  readonly text: string;
  /** Messages in the conversation; 1 for a plain text. */
  readonly turns: number;
  /** UTF-16 units in system, developer, assistant and tool messages. */
  readonly contextCharacters: number;
  readonly images: number;
  readonly audios: number;
  /** Left out where there are none; so are `documents`. */
  readonly videos?: number;
  readonly documents?: number;
  readonly tools: number;
  /** Whether JSON was asked for through the response format. */
  readonly structured: boolean;
  /** True where messages have nothing in them: no words, no part of any kind, no call. Left out otherwise. */
  readonly isEmpty?: true;
}

/**
 * Reads a request without judging it: content of any chat API, unknown parts passed over, missing content empty.
 * System prompts are left out of the text, since they are the same for every request of a product
 * and would drown what sets one request apart; their length is kept.
 */
export function readPrompt(request: Request): Prompt {
  const surroundings = {
    tools: Array.isArray(request.tools) ? request.tools.length : 0,
    structured: typeof request.responseFormat?.type === 'string' && request.responseFormat.type !== 'text',
  };
  if (!Array.isArray(request.messages)) {
    const text = typeof request.text === 'string' ? request.text : '';
    return { text, turns: 1, contextCharacters: 0, images: 0, audios: 0, ...surroundings };
  }
  const userTexts: string[] = [];
  const media = noMedia();
  let contextCharacters = 0;
  let isEmpty = true;
  for (const message of request.messages as readonly (Message | null)[]) {
    const seen: Seen = { words: [], contextCharacters: 0, media, others: 0 };
    readContent(message, seen);
    const text = seen.words.join('\n');
    isEmpty &&= seen.others + seen.contextCharacters === 0 && text.trim() === '';
    contextCharacters += seen.contextCharacters;
    if (isOfUser(message)) userTexts.push(text);
    else contextCharacters += text.length;
  }
  return {
    text: userTexts.join('\n'),
    turns: request.messages.length,
    contextCharacters,
    images: media.image,
    audios: media.audio,
    ...(media.video === 0 ? {} : { videos: media.video }),
    ...(media.document === 0 ? {} : { documents: media.document }),
    ...surroundings,
    ...(isEmpty && Object.values(media).every((count) => count === 0) ? { isEmpty } : {}),
  };
}
