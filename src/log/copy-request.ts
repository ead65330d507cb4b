import { isOfUser, mediaOf, noMedia, readContent } from '../request/message-content.ts';
import type { ContentPart, Message, Request } from '../request.ts';
import type { LoggedRequest } from './record.ts';

/**
 * What is kept of a request, apart from the caller's own objects: a conversation goes on after it was routed. Words are
 * kept as text, whatever they were called; of parts that are no text only the type, since they can be megabytes.
 */
export function copyRequest(request: Request): LoggedRequest {
  const { messages } = request;
  if (!Array.isArray(messages)) return { text: typeof request.text === 'string' ? request.text : '' };
  return { messages: (messages as readonly Message[]).map(copyMessage) };
}

function copyMessage(message: Message): Message {
  const { role, name, content, parts, type } = message as Message & Readonly<Record<string, unknown>>;
  // An item of the Responses API is a part of its own.
  const given = content ?? parts ?? (type === undefined || type === 'message' ? undefined : [message]);
  return {
    role: typeof role === 'string' ? role : isOfUser(message) ? 'user' : 'tool',
    ...(typeof given === 'string' ? { content: given } : {}),
    ...(typeof given === 'object' && given !== null ? { content: [given].flat().map(copyPart) } : {}),
    ...(typeof name === 'string' ? { name } : {}),
  };
}

function copyPart(part: unknown): ContentPart {
  const words: string[] = [];
  readContent({ content: [part] }, { words, contextCharacters: 0, media: noMedia(), others: 0 });
  if (words.length > 0) return { type: 'text', text: words.join('\n') };
  const kind = mediaOf(part);
  const kept = { type: String((part as ContentPart | null)?.type) };
  return kind === undefined || mediaOf(kept) === kind ? kept : { type: kind };
}
