import type { SpanEvent } from '../ingest/formats/otel-span.ts';
import type { LogDocument } from '../ingest/record/format.ts';
import { firstGiven, isObject, jsonOf, listOf, objectOf, textOf } from '../ingest/record/values.ts';
import { type Conversation, readConversation } from './read-conversation.ts';

const SYSTEM = 'gen_ai.system_instructions';

/** Attributes that hold all messages, the surest first: of the conventions, Sentry, OpenInference, the AI SDK, and of old. */
const WHOLE = [
  'gen_ai.input.messages',
  'gen_ai.request.messages',
  'llm.input_messages',
  'ai.prompt.messages',
  'gen_ai.prompt',
  'llm.prompts',
  'ai.prompt',
];

/** Attributes for each message, with its number where the ellipsis is. */
const NUMBERED = [
  { prefix: 'gen_ai.prompt.', inner: '' },
  { prefix: 'gen_ai.input.messages.', inner: '' },
  { prefix: 'llm.input_messages.', inner: 'message.' },
  { prefix: 'llm.prompts.', inner: '' },
  { prefix: 'llm.prompts.', inner: 'prompt.' },
];

/** What was sent, as OpenInference, Logfire, Google's ADK and Langfuse keep it. */
const RAW = ['input.value', 'request_data', 'gcp.vertex.agent.llm_request', 'langfuse.observation.input'];
const MESSAGE_EVENT = /^gen_ai\.(system|user|assistant|tool)\.message$/;

/**
 * The prompt of a span, in any of the ways in which it has been noted: an attribute of the span or of an event with all
 * messages; an event a message, as the conventions had it before version 1.37; attributes with numbers; or the raw input
 * of OpenInference. Empty where there is none.
 */
export function otelPrompt(attributes: LogDocument, events: readonly SpanEvent[]): Conversation {
  for (const holder of [attributes, ...events.map((event) => event.attributes)]) {
    const found = wholePrompt(holder);
    if (found !== null) return found;
  }
  const messages = events.flatMap((event) => otelMessage(event.name, event.attributes, null) ?? []);
  if (messages.length > 0) return readConversation(messages);
  for (const { prefix, inner } of NUMBERED) {
    const numbered = numberedMessages(attributes, prefix, inner);
    if (numbered.some(({ content }) => content !== null)) return readConversation(numbered);
  }
  const listed = listOf(attributes.events) ?? listOf(attributes.all_messages_events) ?? [];
  const said = listed
    .filter(isObject)
    .flatMap((each) => otelMessage(String(each['event.name']), each, null) ?? []);
  return readConversation(said.length > 0 ? said : firstGiven(attributes, RAW));
}

/** All messages in one attribute; null where there is no such attribute, or no words in it. */
export function wholePrompt(attributes: LogDocument): Conversation | null {
  for (const name of WHOLE) {
    const value = attributes[name];
    // An object that is named with dots besides has numbers in its names.
    if (value == null || (isObject(value) && '0' in value)) continue;
    const found = readConversation(value, attributes[SYSTEM] ?? attributes['gen_ai.system.instructions']);
    if (found.text !== undefined || found.messages !== undefined) return found;
  }
  return null;
}

/**
 * The message that an event or a log record is, from its attributes or its body.
 * @returns null where it is no message of a prompt.
 */
export function otelMessage(name: string, attributes: LogDocument, body: unknown): LogDocument | null {
  const role = MESSAGE_EVENT.exec(name)?.[1];
  if (role === undefined) return null;
  const content = jsonOf(attributes['gen_ai.event.content']);
  const told = [objectOf(body), objectOf(content)].find((each) => each !== null) ?? attributes;
  const words =
    typeof body === 'string' && objectOf(body) === null ? body : (told.content ?? told.message ?? told.parts);
  return { role: textOf(told.role) ?? role, content: parts(words ?? content) };
}

/** Messages whose parts are attributes of their own, as far as the numbers go; a call of a tool has no content. */
function numberedMessages(attributes: LogDocument, prefix: string, inner: string): LogDocument[] {
  interface Numbered {
    role?: unknown;
    content?: unknown;
    readonly parts: Map<number, unknown>;
  }
  const messages = new Map<number, Numbered>();
  for (const [name, value] of Object.entries(attributes)) {
    if (!name.startsWith(prefix)) continue;
    const [, number, rest] = /^(\d+)\.(.+)$/.exec(name.slice(prefix.length)) ?? [];
    if (number === undefined || !rest.startsWith(inner)) continue;
    const message: Numbered = messages.get(Number(number)) ?? { parts: new Map() };
    messages.set(Number(number), message);
    const field = rest.slice(inner.length);
    const part = /^(?:contents|content|parts)\.(\d+)\.(?:message_content\.)?(text|content)$/.exec(field);
    if (field === 'role') message.role = value;
    else if (field === 'content' || field === 'text') message.content = parts(value);
    else if (part !== null) message.parts.set(Number(part[1]), { type: 'text', text: value });
  }
  return [...messages]
    .sort(([a], [b]) => a - b)
    .map(([, { role, content, parts: told }]) => ({
      role: role ?? 'user',
      content:
        content ?? (told.size === 0 ? null : [...told].sort(([a], [b]) => a - b).map(([, each]) => each)),
    }));
}

/** The parts of a message, where a text holds them as JSON; what else a text holds is what was said. */
function parts(content: unknown): unknown {
  const parsed = jsonOf(content);
  if (typeof parsed === 'string') return parsed;
  const isParts = (Array.isArray(parsed) ? parsed : [parsed]).every(
    (each) => isObject(each) && ('type' in each || 'text' in each),
  );
  return isParts ? parsed : content;
}
