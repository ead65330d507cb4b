import type { LogDocument } from './log-entry.ts';
import { jsonOf, textOf } from './values.ts';

/** What was asked, as the outcomes table has it: words alone where there is nothing else. */
export type Conversation = { readonly text?: string; readonly messages?: readonly unknown[] };

/** Objects that hold the prompt under a name of its own. */
const HOLDERS = ['messages', 'input', 'prompt', 'text', 'query', 'question', 'content'];

/**
 * Reads a prompt in any of the shapes that logs have it: a text, a list of messages (of OpenAI, Anthropic, or with the
 * parts of OpenTelemetry), or an object that holds either.
 * @param system instructions that the log keeps apart from the messages.
 */
export function readConversation(value: unknown, system: unknown = null): Conversation {
  const prompt = jsonOf(value);
  const messages = Array.isArray(prompt) ? prompt.flatMap(messageOf) : null;
  if (messages === null) {
    if (typeof prompt === 'object' && prompt !== null) return readHolder(prompt as LogDocument, system);
    const text = textOf(prompt);
    return text === null ? {} : withSystem([{ role: 'user', content: text }], system);
  }
  return messages.length === 0 ? {} : withSystem(messages, system);
}

function readHolder(holder: LogDocument, system: unknown): Conversation {
  if (typeof holder.role === 'string') return readConversation([holder], system);
  const name = HOLDERS.find((each) => holder[each] != null);
  if (name !== undefined)
    return readConversation(holder[name], system ?? holder.system ?? holder.instructions);
  const texts = Object.values(holder);
  return { text: texts.length === 1 && typeof texts[0] === 'string' ? texts[0] : JSON.stringify(holder) };
}

interface PlainMessage {
  readonly role: string;
  readonly content: string | readonly unknown[] | null;
}

function withSystem(messages: readonly PlainMessage[], system: unknown): Conversation {
  const instructions = system == null ? null : plainContent(jsonOf(system));
  if (instructions !== null && instructions.length > 0)
    return { messages: [{ role: 'system', content: instructions }, ...messages] };
  const [only, ...others] = messages;
  return others.length === 0 && only.role === 'user' && typeof only.content === 'string'
    ? { text: only.content }
    : { messages };
}

function messageOf(value: unknown): PlainMessage[] {
  if (typeof value === 'string') return [{ role: 'user', content: value }];
  if (typeof value !== 'object' || value === null) return [];
  const message = value as LogDocument;
  const role = textOf(message.role);
  // Calls of tools and their results stand among OpenAI's input items, with no role.
  if (role === null) return [{ role: 'tool', content: plainContent(message.output ?? message.content) }];
  return [{ role, content: plainContent(message.content ?? message.parts) }];
}

/** Words as they are; of what is no text only its kind, which is all that a router looks at. */
function plainContent(content: unknown): string | readonly unknown[] | null {
  if (content == null || typeof content === 'string') return content ?? null;
  if (!Array.isArray(content)) return JSON.stringify(content);
  const parts = content.map(partOf);
  return parts.length === 1 && parts[0].type === 'text' ? (parts[0].text as string) : parts;
}

function partOf(value: unknown): { readonly type: string; readonly text?: string } {
  if (typeof value === 'string') return { type: 'text', text: value };
  const part = (value ?? {}) as LogDocument;
  const words = part.text ?? (part.type === 'text' ? part.content : undefined);
  if (typeof words === 'string') return { type: 'text', text: words };
  return { type: textOf(part.type) ?? 'unknown' };
}
