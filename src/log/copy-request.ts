import type { ContentPart, Message, Request } from '../request/request.ts';
import type { LoggedRequest } from './log-record.ts';

/**
 * What is kept of a request, apart from the caller's own objects: a conversation goes on after it was routed. Of
 * parts that are no text only the type is kept; they can be megabytes.
 */
export function copyRequest(request: Request): LoggedRequest {
  const { messages } = request;
  if (!Array.isArray(messages)) return { text: typeof request.text === 'string' ? request.text : '' };
  return { messages: (messages as readonly Message[]).map(copyMessage) };
}

function copyMessage({ role, content, name }: Message): Message {
  return {
    role: String(role),
    ...(typeof content === 'string' ? { content } : {}),
    ...(Array.isArray(content) ? { content: (content as readonly ContentPart[]).map(copyPart) } : {}),
    ...(typeof name === 'string' ? { name } : {}),
  };
}

function copyPart(part: ContentPart | null): ContentPart {
  const text = part?.type === 'text' ? part.text : undefined;
  return typeof text === 'string' ? { type: 'text', text } : { type: String(part?.type) };
}
