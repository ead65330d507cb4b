import type { LogDocument } from '../ingest/record/format.ts';
import { isMessage, type PlainMessage, readContent, readMessages } from '../ingest/record/messages.ts';
import { isObject, jsonOf, textOf } from '../ingest/record/values.ts';

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
