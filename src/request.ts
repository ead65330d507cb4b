/** A part of a message, as any chat API has it: see `readContent`. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: unknown }
  | { readonly type: 'input_audio'; readonly input_audio: unknown }
  | { readonly type: string; readonly [field: string]: unknown };

/** One OpenAI-style chat message. */
export interface Message {
  readonly role: string;
  readonly content?: string | readonly ContentPart[] | null;
  readonly name?: string;
  readonly tool_calls?: readonly unknown[];
}

/** What is to be answered: a text, or a conversation with what it offers. */
export interface Request {
  /** The prompt, when there is no conversation. */
  readonly text?: string;
  /** The conversation, oldest message first. Takes precedence over `text`. */
  readonly messages?: readonly Message[];
  /** Tool definitions offered to the model; their number and their length in tokens are looked at. */
  readonly tools?: readonly unknown[];
  /** The response format asked for, as in the OpenAI API (`{ type: 'json_schema', ... }`). */
  readonly responseFormat?: { readonly type: string };
  /** Who asks. Nothing is decided by it; a decision log keeps it as a keyed hash, so that what a person asked can be found and forgotten. */
  readonly user?: string;
}

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
    ...(media.video > 0 && { videos: media.video }),
    ...(media.document > 0 && { documents: media.document }),
    ...surroundings,
    ...(isEmpty && Object.values(media).every((count) => count === 0) ? { isEmpty } : {}),
  };
}

/** What is in a message. */
interface Seen {
  /** Texts of its author, in order; of documents too, where they are text. */
  readonly words: string[];
  /** UTF-16 units of what is in it beside: results of tools. */
  contextCharacters: number;
  /** Parts of each kind. Of several messages, when they share it. */
  readonly media: Record<Modality, number>;
  /** Calls of tools, and parts of which nothing is known. */
  others: number;
}

export function noMedia(): Seen['media'] {
  return { text: 0, image: 0, audio: 0, video: 0, document: 0 };
}

type Fields = Readonly<Record<string, unknown>>;

/** Parts within parts: a document in the result of a tool. Nothing that a provider takes is nested deeper. */
const DEEPEST = 8;

/**
 * Reads a message of any chat API: OpenAI's (Chat and Responses), Anthropic's, Gemini's, Bedrock's, Mistral's, vLLM's,
 * Ollama's, and those of the AI SDK and LangChain. They name the same things in many ways, so that a part is known by its
 * media type where it has one, else by its type's name, else by the names of its fields. Of other parts the text is read.
 */
export function readContent(message: unknown, seen: Seen): void {
  if (!isFields(message)) return;
  const { content, parts, type, images, tool_calls: calls } = message;
  if (typeof content === 'string') seen.words.push(content);
  else if (content !== undefined && content !== null) readParts(content, seen, 0);
  else if (parts !== undefined) readParts(parts, seen, 0);
  // An item of the Responses API is no message: a call's output, say.
  else if (typeof type === 'string' && type !== 'message') readPart(message, seen, 0);
  if (Array.isArray(images)) seen.media.image += images.length;
  if (isFields(message.audio)) seen.media.audio++;
  if (Array.isArray(calls)) seen.others += calls.length;
  for (const attached of [message.attachments, message.experimental_attachments]) {
    if (Array.isArray(attached)) for (const part of attached) countMedia(part, seen);
  }
}

/** Names that logs and APIs give to whoever asks. */
const USERS = new Set(['user', 'human']);

/** Whether a message is of whoever asks; one without a role is, unless it is an item that a model or a tool gave. */
export function isOfUser(message: unknown): boolean {
  if (!isFields(message)) return false;
  const { role, type } = message;
  if (typeof role === 'string') return USERS.has(role) || USERS.has(role.toLowerCase());
  return typeof type !== 'string' || type === 'message' || type.startsWith('input_');
}

function readParts(value: unknown, seen: Seen, depth: number): void {
  if (typeof value === 'string') seen.words.push(value);
  else if (depth > DEEPEST) return;
  else if (Array.isArray(value)) for (const part of value) readParts(part, seen, depth + 1);
  else if (isFields(value)) readPart(value, seen, depth);
}

function readPart(part: Fields, seen: Seen, depth: number): void {
  const type = typeOf(part);
  const { text } = part;
  const isPlain = typeof text === 'string' && (type === 'text' || type === '');
  const result = isPlain ? undefined : resultOfTool(part, type);
  const written = isPlain ? undefined : textOfDocument(part, type);
  if (isPlain) seen.words.push(text);
  else if (result !== undefined) readResult(result, seen, depth);
  else if (CALL.test(type)) seen.others++;
  else if (written !== undefined) readParts(written, seen, depth + 1);
  else if (countMedia(part, seen)) return;
  else if (typeof text === 'string') seen.words.push(text);
  // Texts with annotations, or inside a guard.
  else if (isFields(text)) readParts(text.value ?? text.text, seen, depth + 1);
  else {
    seen.others++;
    readParts(part.guardContent ?? part.content, seen, depth + 1);
  }
}

/** What a tool gave is said by nobody, but it is there. */
function readResult(result: readonly unknown[], seen: Seen, depth: number): void {
  seen.others++;
  const inner: Seen = { words: [], contextCharacters: 0, media: seen.media, others: 0 };
  for (const value of result) readParts(value, inner, depth + 1);
  seen.contextCharacters += inner.words.reduce((sum, { length }) => sum + length, inner.contextCharacters);
}

/** A call of a tool: its length counts, but nobody says it. */
const CALL = /(^|[_-])(call|tool_use|tool-call)$|^tool-/;

/** What a tool gave, in parts or as text; undefined where the part is none of it. */
function resultOfTool(part: Fields, type: string): readonly unknown[] | undefined {
  for (const holder of [part.toolResult, part.functionResponse, part.function_response]) {
    if (isFields(holder)) return [holder.content, holder.parts, holder.response];
  }
  if (/tool[_-]result$|_output$|^tool-|^dynamic-tool$/.test(type) && type !== 'tool-call') {
    const given = part.output ?? part.content ?? part.result;
    return [isFields(given) && given.value !== undefined ? given.value : given];
  }
  return undefined;
}

/** A document that is text as it is, or made of parts. */
function textOfDocument(part: Fields, type: string): unknown {
  if (type !== 'document') return undefined;
  const source = isFields(part.source) ? part.source : isFields(part.document) ? part.document : {};
  if (source.type === 'content') return source.content;
  return source.type === 'text' || (source.type === undefined && !isNamed(source, MEDIA_TYPE_FIELDS))
    ? (source.text ?? source.data)
    : undefined;
}

/** @returns whether the part is of a kind that is no text. */
function countMedia(part: unknown, seen: Seen): boolean {
  const modality = mediaOf(part);
  if (modality === undefined) return false;
  seen.media[modality]++;
  return true;
}

const MEDIA_TYPE_FIELDS = ['mediaType', 'media_type', 'mimeType', 'mime_type', 'contentType'] as const;

/** Where parts keep what they hold, or where it is. */
const HOLDER =
  /^(source|data|url|file|input_?audio|inline_?data|(image|video|audio|file|document)(_?(url|uri|data|id|embeds|pil))?)$/i;

/** What kind of content a part is, other than text; undefined where it is none that is known. */
export function mediaOf(part: unknown): Modality | undefined {
  if (!isFields(part)) return undefined;
  const type = typeOf(part);
  const holders = Object.keys(part).filter((name) => HOLDER.test(name) && part[name] != null);
  const mediaType =
    mediaTypeIn(part) ?? holders.map((name) => mediaTypeIn(part[name])).find((found) => found !== undefined);
  if (mediaType !== undefined && (holders.length > 0 || namedModality(type) !== undefined)) {
    return modalityOf(mediaType);
  }
  const named = namedModality(type);
  if (named !== undefined || type === 'text') return named;
  for (const name of holders) {
    const modality = namedModality(name.toLowerCase());
    if (modality !== undefined) return modality;
  }
  return undefined;
}

/** Of fields, or of an address that is the data itself: `data:application/pdf;base64,...`. */
function mediaTypeIn(value: unknown): string | undefined {
  if (typeof value === 'string') return /^data:([a-z]+\/[^;,]*)/i.exec(value.slice(0, 200))?.[1];
  if (!isFields(value)) return undefined;
  for (const name of MEDIA_TYPE_FIELDS) if (typeof value[name] === 'string') return value[name];
  const inside = value.url ?? value.file_data ?? value.data;
  return typeof inside === 'string' ? mediaTypeIn(inside) : undefined;
}

function modalityOf(mediaType: string): Modality {
  const kind = mediaType.split('/', 1)[0].toLowerCase();
  return kind === 'image' || kind === 'audio' || kind === 'video' ? kind : 'document';
}

/** By the words in a name: `input_image`, `video_url`, `fileData`. */
function namedModality(name: string): Modality | undefined {
  if (/search|citation|reference/.test(name)) return undefined;
  if (/image|screenshot/.test(name)) return 'image';
  if (/video/.test(name)) return 'video';
  if (/audio/.test(name)) return 'audio';
  return /(^|[_-])(file|document|pdf|media|upload|inline)/.test(name) ? 'document' : undefined;
}

/** A part's type in small letters, with one name for all that is plain text; '' where there is none. */
function typeOf({ type }: Fields): string {
  if (typeof type !== 'string') return '';
  const name = type.toLowerCase();
  return name === 'input_text' || name === 'output_text' || name === 'text-plain' ? 'text' : name;
}

function isNamed(fields: Fields, names: readonly string[]): boolean {
  return names.some((name) => fields[name] !== undefined);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** What a request or an answer may be made of. Documents are files that are neither text nor one of the others: PDF, above all. */
export const MODALITIES = ['text', 'image', 'audio', 'video', 'document'] as const;
export type Modality = (typeof MODALITIES)[number];

/** What a candidate asks for its tokens, in US dollars per million. */
export interface TokenPrices {
  readonly inputPricePerMillionTokens?: number;
  readonly outputPricePerMillionTokens?: number;
  /** Of input tokens that the provider has in its cache. @default the input price */
  readonly cachedInputPricePerMillionTokens?: number;
  /** Of output tokens that were thought and not said. @default the output price */
  readonly reasoningPricePerMillionTokens?: number;
}

/** A model (or tool) that may be chosen. */
export interface Candidate extends TokenPrices {
  /** The name in the outcomes table, in decisions and in the client map. */
  readonly name: string;
  /** Longest input plus output, in tokens. */
  readonly contextWindowTokens?: number;
  /** Input modalities it reads. @default ['text'] */
  readonly modalities?: readonly Modality[];
  /** Whether it can call tools. @default true */
  readonly supportsTools?: boolean;
  /** It is known, but never chosen nor fallen back on. @default false */
  readonly retired?: boolean;
}
