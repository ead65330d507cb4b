import type { ContentPart, Message, Request } from './request.ts';

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
  readonly tools: number;
  /** Whether JSON was asked for through the response format. */
  readonly structured: boolean;
}

/**
 * Reads a request without judging it: unknown parts are passed over, missing content is empty.
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
  const seen = { contextCharacters: 0, images: 0, audios: 0 };
  for (const message of request.messages as readonly Message[]) {
    const text = messageText(message, seen);
    if (message?.role === 'user') userTexts.push(text);
    else seen.contextCharacters += text.length;
  }
  return { text: userTexts.join('\n'), turns: request.messages.length, ...seen, ...surroundings };
}

function messageText(message: Message | null, seen: { images: number; audios: number }): string {
  const content = message?.content;
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const texts: string[] = [];
  for (const part of content as readonly (ContentPart | null)[]) {
    if (part?.type === 'text' && typeof part.text === 'string') texts.push(part.text);
    else if (part?.type === 'image_url' || part?.type === 'image') seen.images++;
    else if (part?.type === 'input_audio' || part?.type === 'audio') seen.audios++;
  }
  return texts.join('\n');
}
