import type { LogDocument } from './format.ts';
import { isObject, jsonOf, textOf } from './values.ts';

/** A message as the outcomes table has it: words as they are; of what is no text only its kind. */
interface PlainMessage {
  readonly role: string;
  readonly content: string | readonly PlainPart[] | null;
}
interface PlainPart {
  readonly type: string;
  readonly text?: string;
}

/** What the programs that write logs call the four who speak. */
const ROLES: ReadonlyMap<string, string> = new Map([
  ['human', 'user'],
  ['customer', 'user'],
  ['end_user', 'user'],
  ['user-prompt', 'user'],
  ['ai', 'assistant'],
  ['model', 'assistant'],
  ['bot', 'assistant'],
  ['chatbot', 'assistant'],
  ['agent', 'assistant'],
  ['gpt', 'assistant'],
  ['llm', 'assistant'],
  ['system-prompt', 'system'],
  ['function', 'tool'],
  ['tool-return', 'tool'],
  ['retry-prompt', 'tool'],
]);

/** Names under which a message says whose it is. */
const ROLE_NAMES = ['role', 'from', 'message.role', 'messageType', '_role'];

/** Items of OpenAI's responses that have no role, by their type. */
const ROLELESS: ReadonlyMap<string, string> = new Map([
  ['function_call', 'assistant'],
  ['custom_tool_call', 'assistant'],
  ['reasoning', 'assistant'],
  ['function_call_output', 'tool'],
  ['custom_tool_call_output', 'tool'],
]);
const PART_TYPE = /^(input_)?(text|image|audio|video|file|document)(_url)?$/;

/**
 * The messages of a list, in any of the shapes that logs have them: of OpenAI, Anthropic, Gemini, Bedrock, LangChain
 * (also serialized, or as pairs of role and words), OpenTelemetry, OpenInference, LlamaIndex, Pydantic AI, Spring AI,
 * Haystack, Semantic Kernel, Google's ADK, or ShareGPT; nested lists and JSON texts of messages too. A bare text is the
 * user's, and so are parts without a message around them.
 */
function readMessages(list: readonly unknown[]): PlainMessage[] {
  const messages: PlainMessage[] = [];
  let loose: unknown[] = [];
  const takeLoose = (): void => {
    if (loose.length > 0) messages.push({ role: 'user', content: readContent(loose, 'user') });
    loose = [];
  };
  for (const item of list) {
    if (isPart(item)) {
      loose.push(item);
      continue;
    }
    takeLoose();
    for (const message of messagesOf(item)) messages.push(message);
  }
  takeLoose();
  return messages;
}

/** Whether an object is one message, and no holder of messages. */
function isMessage(value: LogDocument): boolean {
  if (roleOf(value) !== null || isObject(value.message)) return true;
  return isSerialized(value) || (typeof value.type === 'string' && isPart(value));
}

/** As LangChain writes its objects down: the class's path, and what it was made with. */
function isSerialized(value: LogDocument): boolean {
  return isObject(value.kwargs) && Array.isArray(value.id);
}

function messagesOf(item: unknown): PlainMessage[] {
  if (typeof item === 'string') {
    const parsed = jsonOf(item);
    if (isObject(parsed) && isMessage(parsed)) return messagesOf(parsed);
    return [{ role: 'user', content: item }];
  }
  if (Array.isArray(item)) return pairOf(item) ?? readMessages(item);
  if (!isObject(item)) return [];
  if (isOfPydantic(item)) return item.parts.flatMap((part) => messageOfPart(part, item.kind === 'response'));
  const inner = withinEnvelope(item);
  if (inner !== null) return messagesOf(inner);
  const content = firstOf(item, [
    'content',
    'parts',
    'contents',
    'blocks',
    'items',
    'message.content',
    'message.contents',
    '_content',
    'value',
  ]);
  const words = content ?? firstOf(item, ['text', 'output', 'message']);
  if (roleOf(item) === null && words === undefined) return [];
  const isItem = typeof item.type === 'string' && item.type !== 'message';
  const role = roleOf(item) ?? (isItem ? 'tool' : 'user');
  return [{ role, content: readContent(words, role) }];
}

interface PydanticMessage {
  readonly kind: 'request' | 'response';
  readonly parts: readonly LogDocument[];
}

/** Pydantic AI puts the instructions, the user's words and what tools gave into one request, each a part of a kind. */
function isOfPydantic(item: LogDocument): item is LogDocument & PydanticMessage {
  const { kind, parts } = item;
  if ((kind !== 'request' && kind !== 'response') || !Array.isArray(parts)) return false;
  return parts.every((part) => isObject(part) && typeof part.part_kind === 'string');
}

function messageOfPart({ content, part_kind }: LogDocument, isAnswer: boolean): PlainMessage {
  const role = isAnswer ? 'assistant' : plainRole(String(part_kind));
  return { role, content: readContent(content, role) };
}

/** LangChain's short form: `["human", "Hello"]`. */
function pairOf(list: readonly unknown[]): PlainMessage[] | null {
  const [who, words, ...others] = list;
  if (others.length > 0 || typeof who !== 'string' || typeof words !== 'string') return null;
  const role = plainRole(who);
  return ['user', 'assistant', 'system', 'tool', 'developer'].includes(role)
    ? [{ role, content: words }]
    : null;
}

/** The message inside what LangChain's serializer, its traces, or an event put around it. */
function withinEnvelope(item: LogDocument): LogDocument | null {
  // Events of Google's ADK name an author, and hold a whole message as content.
  if (isObject(item.content) && typeof item.content.role === 'string' && roleOf(item) === null)
    return item.content;
  if (item.content != null || item.parts != null) return null;
  const role = roleOf(item);
  const event = jsonOf(item['gen_ai.event.content']);
  const inner = [
    item.message,
    isSerialized(item) ? item.kwargs : null,
    role === null ? null : item.data,
    event,
  ].find(isObject);
  if (inner === undefined) return null;
  return role === null || roleOf(inner) === role ? inner : { ...inner, role };
}

function roleOf(item: LogDocument): string | null {
  const given = firstOf(item, ROLE_NAMES);
  const said = textOf(isObject(given) ? firstOf(given, ['label', 'value']) : given);
  if (said !== null) return plainRole(said);
  const type = textOf(item.type) ?? '';
  const roleless = ROLELESS.get(type);
  if (roleless !== undefined) return roleless;
  const named = plainRole(type === 'constructor' || type === '' ? String([item.id].flat().at(-1)) : type);
  return ['user', 'assistant', 'system', 'tool'].includes(named) && !isPart(item) ? named : null;
}

/** Also of the names of LangChain's classes, such as `HumanMessageChunk`, and of enumerations, such as `MessageRole.USER`. */
function plainRole(name: string): string {
  const role = name
    .replace(/Message(Chunk)?$/, '')
    .replace(/^.*\./, '')
    .toLowerCase();
  return ROLES.get(role) ?? role;
}

/** A part of a message that stands alone. */
function isPart(item: unknown): boolean {
  if (!isObject(item) || ROLE_NAMES.some((name) => name in item)) return false;
  if (typeof item.type === 'string') return PART_TYPE.test(item.type);
  return typeof item.text === 'string' || 'inlineData' in item || 'inline_data' in item || 'fileData' in item;
}

/** The content of a message: its words, or its parts where it has others too; null where it has none. */
function readContent(content: unknown, role: string): PlainMessage['content'] {
  if (content == null || typeof content === 'string') return content ?? null;
  if (typeof content !== 'object') return String(content);
  const parts = (Array.isArray(content) ? content : [content]).flatMap(partsOf);
  if (parts.length === 1 && parts[0].text !== undefined) return parts[0].text;
  if (Array.isArray(content) || role === 'user' || parts.some(({ text }) => text !== undefined)) return parts;
  // What a tool gave is context, in any form.
  return JSON.stringify(content);
}

function partsOf(value: unknown): PlainPart[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  if (Array.isArray(value)) return value.flatMap(partsOf);
  if (!isObject(value)) return [{ type: 'unknown' }];
  if (isObject(value.message_content)) return partsOf(value.message_content);
  if (Array.isArray(value.parts)) return value.parts.flatMap(partsOf);
  const type = textOf(firstOf(value, ['type', 'message_content.type']));
  const isText = type === null || type === 'text';
  const text = firstOf(value, ['text', 'message_content.text']) ?? (isText ? value.content : undefined);
  if (typeof text === 'string') return [{ type: 'text', text }];
  // OpenAI's assistants keep annotations beside the words.
  if (isObject(text) && typeof text.value === 'string') return [{ type: 'text', text: text.value }];
  return [{ type: type ?? kindOf(value) }];
}

/** The kind of a part that does not name it, as those of Gemini and Bedrock. */
function kindOf(part: LogDocument): string {
  const data = firstOf(part, ['inlineData', 'inline_data', 'fileData', 'file_data']);
  if (isObject(data)) {
    const kind = String(firstOf(data, ['mimeType', 'mime_type']) ?? '').split('/')[0];
    return ['image', 'audio', 'video'].includes(kind) ? kind : 'file';
  }
  return ['image', 'audio', 'video', 'document'].find((name) => isObject(part[name])) ?? 'unknown';
}

function firstOf(item: LogDocument, names: readonly string[]): unknown {
  return item[names.find((name) => item[name] != null) ?? ''];
}

/** What was asked, as the outcomes table has it: words alone where there is nothing else; empty where nothing was found. */
export type Conversation = { readonly text?: string; readonly messages?: readonly PlainMessage[] };

/** Names under which requests hold the prompt, the surest first. */
const REQUEST_HOLDERS = [
  'messages',
  'contents',
  'conversation',
  'conversations',
  'input',
  'inputs',
  'inputText',
  'prompt',
  'prompts',
  'message',
];

/** Those of any object. */
const HOLDERS = [...REQUEST_HOLDERS, 'text', 'query', 'question', 'content', 'request', 'body'];
const SYSTEM = [
  'system',
  'instructions',
  'systemInstruction',
  'system_instruction',
  'system_prompt',
  'preamble',
];

interface Found {
  readonly messages: readonly PlainMessage[];
  readonly system: unknown;
}

/**
 * Reads a prompt in any of the shapes that logs have it: a text, messages (see `readMessages`), an object that holds
 * either under a name of its own, or the arguments of a traced function. An object in which no words are found is no
 * prompt; neither is JSON that was cut off.
 * @param system instructions that the log keeps apart from the messages.
 */
export function readConversation(value: unknown, system: unknown = null): Conversation {
  const found = promptIn(value);
  return found === null ? {} : withSystem(found.messages, system ?? found.system);
}

/** The prompt of what was sent to a provider: messages, input or prompt, and the instructions beside them. */
export function readRequest(body: LogDocument | null): Conversation {
  const found = body === null ? null : heldIn(body, REQUEST_HOLDERS);
  return found === null ? {} : withSystem(found.messages, found.system);
}

function promptIn(value: unknown): Found | null {
  // Some programs write JSON down as JSON text once more.
  const prompt = jsonOf(jsonOf(value));
  if (typeof prompt === 'string') return isCutJson(prompt) || isPrinted(prompt) ? null : ofUser(prompt);
  if (Array.isArray(prompt)) {
    const messages = readMessages(prompt);
    return messages.length === 0 ? firstPromptIn(prompt) : { messages, system: null };
  }
  if (!isObject(prompt)) return null;
  const own = isMessage(prompt) && !Array.isArray(prompt.args) ? readMessages([prompt]) : [];
  if (own.length > 0) return { messages: own, system: null };
  return heldIn(prompt, HOLDERS) ?? inArguments(prompt) ?? onlyText(prompt);
}

function heldIn(holder: LogDocument, names: readonly string[]): Found | null {
  for (const name of names) {
    const found = holder[name] == null ? null : promptIn(holder[name]);
    if (found !== null) return { messages: found.messages, system: found.system ?? systemIn(holder) };
  }
  return null;
}

function ofUser(text: string): Found | null {
  return textOf(text.trim()) === null ? null : { messages: [{ role: 'user', content: text }], system: null };
}

/** `{ args, kwargs }`, as Langfuse's decorator notes a call: a conversation among them comes before bare texts. */
function inArguments({ args, kwargs }: LogDocument): Found | null {
  const positional = Array.isArray(args) ? args : [];
  const structured = positional.map(jsonOf).filter((each) => typeof each === 'object');
  const named = isObject(kwargs) ? [kwargs] : [];
  const bare = positional.filter((each) => typeof jsonOf(each) !== 'object' && !OBJECT.test(String(each)));
  return firstPromptIn([...structured, ...named, bare]);
}

/** An object as Python prints it, such as the one whose method was traced. */
const OBJECT = /^<.* object at 0x[0-9a-f]+>$/i;

function firstPromptIn(values: readonly unknown[]): Found | null {
  for (const each of values) {
    const found = isObject(each) || Array.isArray(each) ? promptIn(each) : null;
    if (found !== null) return found;
  }
  return null;
}

/** The text of an object that holds nothing else, as templates with one variable have it, by whatever name. */
function onlyText(holder: LogDocument): Found | null {
  const [[name, text] = ['', null], ...others] = Object.entries(holder);
  return others.length === 0 && typeof text === 'string' && !NAMES.test(name) ? ofUser(text) : null;
}

/** What such a text names or excuses. */
const NAMES =
  /^(model|id|name|type|role|user|url|path|method|error|system|instructions)$|(_id|_name|_message)$/i;

function systemIn(holder: LogDocument): unknown {
  const name = SYSTEM.find((each) => holder[each] != null);
  if (name !== undefined) return holder[name];
  // Gemini's libraries keep it among the settings.
  return isObject(holder.config) ? systemIn({ ...holder.config, config: null }) : null;
}

function withSystem(messages: readonly PlainMessage[], system: unknown): Conversation {
  const instructions = system == null ? null : readContent(jsonOf(system), 'system');
  if (instructions !== null && instructions.length > 0)
    return { messages: [{ role: 'system', content: instructions }, ...messages] };
  const [only, ...others] = messages;
  return others.length === 0 && only.role === 'user' && typeof only.content === 'string'
    ? { text: only.content }
    : { messages };
}

/** JSON, or what Python prints, that holds messages or does not end, since a program kept only its beginning. */
function isCutJson(text: string): boolean {
  const [, first] = /^\s*(?:\{|\[[\s[{(]*)\s*(["'])/.exec(text) ?? [];
  if (first === undefined) return false;
  if (/["'](role|messages|content|contents|parts|kwargs)["']\s*:/.test(text.slice(0, 400))) return true;
  let depth = 0;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (quote !== '') {
      if (c === '\\') at++;
      else if (c === quote) quote = '';
    } else if (c === '"' || c === first) quote = c;
    else if (c === '[' || c === '{') depth++;
    else if ((c === ']' || c === '}') && --depth === 0) return false;
  }
  return true;
}

/** Messages of LangChain as Python prints them, which is no form that can be read back. */
function isPrinted(text: string): boolean {
  return /^\s*(messages=)?\[?\s*(\w+\.)*(Human|AI|System|Chat|Tool)Message(Chunk)?\(/.test(text);
}
