import type { LogDocument } from './log-entry.ts';
import { otlpAttributes } from './otlp-attributes.ts';
import { type Conversation, readConversation } from './read-conversation.ts';
import { jsonOf, listOf, objectOf, textOf } from './values.ts';

const MESSAGES = 'gen_ai.input.messages';
const SYSTEM = 'gen_ai.system_instructions';
const MESSAGE_EVENT = /^gen_ai\.(system|user|assistant|tool)\.message$/;

/**
 * The prompt of a span: its attributes; or those of an event with the details; or, as the conventions had it before
 * version 1.37, an event a message, or one event or numbered attributes with them all.
 */
export function otelPrompt(span: LogDocument, attributes: LogDocument): Conversation {
  if (attributes[MESSAGES] !== undefined) return readConversation(attributes[MESSAGES], attributes[SYSTEM]);
  const messages: unknown[] = [];
  for (const each of listOf(span.events) ?? []) {
    const event = objectOf(each) ?? {};
    const details = otlpAttributes(event.attributes);
    if (details[MESSAGES] !== undefined) return readConversation(details[MESSAGES], details[SYSTEM]);
    if (details['gen_ai.prompt'] !== undefined) return readConversation(details['gen_ai.prompt']);
    const role = MESSAGE_EVENT.exec(String(event.name))?.[1];
    if (role !== undefined)
      messages.push({ role: textOf(details.role) ?? role, content: jsonOf(details.content) });
  }
  if (messages.length > 0) return readConversation(messages);
  for (let i = 0; attributes[`gen_ai.prompt.${i}.content`] !== undefined; i++) {
    const role = attributes[`gen_ai.prompt.${i}.role`] ?? 'user';
    messages.push({ role, content: attributes[`gen_ai.prompt.${i}.content`] });
  }
  return messages.length > 0 ? readConversation(messages) : {};
}
