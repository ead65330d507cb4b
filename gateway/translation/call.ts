import type {
  LanguageModelV3CallOptions,
  LanguageModelV3FilePart,
  LanguageModelV3Prompt,
  LanguageModelV3ToolResultOutput,
} from '@ai-sdk/provider';
import { Problem } from '../problem.ts';
import { type Signed, unsealed } from '../upstreams/raw-answer.ts';
import { DEEPEST, type Fields, fieldsOf, isFields, isTooDeep, textOf } from '../upstreams/wire.ts';

/** What every language model of the AI SDK is asked with, whichever its provider. */
export type CallOptions = Omit<
  LanguageModelV3CallOptions,
  'prompt' | 'abortSignal' | 'headers' | 'includeRawChunks' | 'providerOptions'
>;

/** What providers have words of their own for, or none. */
export interface Wishes {
  /** How much the model is to think: `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`. */
  readonly effort?: string;
  /** At most so many tokens of thoughts. */
  readonly thinkingTokens?: number;
  /** Whether thoughts are to be shown, in short. */
  readonly summary?: string;
  readonly parallelToolCalls?: boolean;
  /** Who asks, for the provider to tell its users' users apart. */
  readonly user?: string;
  readonly verbosity?: string;
}

/** A request of any protocol, as a language model of the AI SDK is asked. */
export interface TranslatedCall {
  readonly prompt: LanguageModelV3Prompt;
  readonly options: CallOptions;
  readonly wishes: Wishes;
  /** Fields that no protocol knows; providers may. */
  readonly unknown: Fields;
  /** Options in the provider's own words, which `settings` of a candidate may hold. */
  readonly providerOptions: Fields;
  /** Fields that change nothing of what is answered, and that nobody has a word for. */
  readonly notCarried: readonly string[];
}

/** What becomes of a field of a body when it is translated. */
export interface FieldRule {
  /** `refused` where the client would not get what it asked for; `named` where it gets an answer all the same. */
  readonly kind: 'carried' | 'named' | 'refused';
  /** What it becomes, or why it cannot; for docs/gateway-protocols.md. */
  readonly words: string;
  /** Values that ask for nothing. */
  readonly unless?: (value: unknown) => boolean;
}

/** How the requests of one protocol are read. */
export interface RequestReader {
  readonly fields: Readonly<Record<string, FieldRule>>;
  /** @param named is told of what cannot be carried, and need not be. */
  prompt(body: Fields, named: (field: string) => void): LanguageModelV3Prompt;
  options(body: Fields): { readonly options: CallOptions; readonly wishes: Wishes };
}

/** In `settings` and `defaults` of a candidate alone: no client says what a provider is told. */
const PROVIDER_OPTIONS = 'providerOptions';

/**
 * Reads a body, which its protocol has looked at already.
 *
 * @throws Problem naming what cannot be translated.
 */
export function readCall(reader: RequestReader, body: Fields): TranslatedCall {
  const named = new Set<string>();
  return {
    ...readOptions(reader, body, named),
    prompt: reader.prompt(body, (field) => named.add(field)),
    notCarried: [...named],
  };
}

/** The same of what a candidate sets, which is no request of its own. */
export function readSettings(reader: RequestReader, settings: Fields) {
  const { [PROVIDER_OPTIONS]: own, ...fields } = settings;
  return { ...readOptions(reader, fields, new Set()), providerOptions: fieldsOf(own) };
}

function readOptions(
  reader: RequestReader,
  body: Fields,
  named: Set<string>,
): Omit<TranslatedCall, 'prompt' | 'notCarried'> {
  const unknown: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(body)) {
    if (value === undefined || value === null) continue;
    const rule = Object.hasOwn(reader.fields, field) ? reader.fields[field] : undefined;
    if (rule === undefined) unknown[field] = value;
    else if (rule.kind === 'carried' || rule.unless?.(value) === true) continue;
    else if (rule.kind === 'named') named.add(field);
    else throw notTranslatable(field, rule.words);
  }
  return { ...reader.options(body), unknown, providerOptions: {} };
}

/** An upstream that speaks the protocol of the request might do it. */
export function notTranslatable(field: string, why: string): Problem {
  return new Problem(
    400,
    'not_translatable',
    `\`${field}\` cannot be translated into another protocol: ${why}. Leave it out, or ask for a candidate whose upstream speaks the protocol of the request.`,
    { param: field },
  );
}

export function mistaken(field: string, expected: string): Problem {
  return new Problem(
    400,
    'invalid_request',
    `\`${field}\` must be ${expected}. Mend the body of the request.`,
    { param: field },
  );
}

/** Fields that are there; null is the same as left out. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], null | undefined> } {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  ) as never;
}

export function numberOf(body: Fields, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = body[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number') throw mistaken(name, 'a number');
    return value;
  }
  return undefined;
}

export function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Texts that end an answer. */
export function stopsOf(value: unknown, field: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const stops = Array.isArray(value) ? value : [value];
  if (!stops.every((stop) => typeof stop === 'string')) throw mistaken(field, 'a text or a list of texts');
  return stops.length === 0 ? undefined : stops;
}

/** A function that the model may call. */
export function functionTool(tool: Fields, schema: unknown) {
  const name = wordOf(tool.name);
  if (name === undefined) throw mistaken('tools', 'a list of tools, each with its name');
  return {
    type: 'function' as const,
    name,
    ...given({ description: wordOf(tool.description) }),
    inputSchema: isFields(schema) ? schema : { type: 'object' as const, properties: {} },
    ...(typeof tool.strict === 'boolean' ? { strict: tool.strict } : {}),
  };
}

/** A form of JSON that the answer must have. */
export function jsonFormat({ description, name, schema }: Fields): CallOptions['responseFormat'] {
  return {
    type: 'json',
    ...given({ name: wordOf(name), description: wordOf(description) }),
    ...(isFields(schema) ? { schema } : {}),
  };
}

/** A file by its bytes, in base64 or as a `data:` address; or by another address, which only the provider may fetch. */
export function fileOf(
  source: unknown,
  field: string,
  mediaType: string,
  filename?: unknown,
): LanguageModelV3FilePart {
  if (typeof source !== 'string' || source === '') throw mistaken(field, 'an address, or bytes in base64');
  const named = given({ filename: wordOf(filename) });
  const inline = /^data:([^;,]*)(;[^,]*)?,/.exec(source.slice(0, 1000));
  if (inline !== null) {
    if (!/;base64$/i.test(inline[2] ?? '')) throw mistaken(field, 'in base64');
    return {
      type: 'file',
      data: source.slice(inline[0].length),
      mediaType: inline[1] || mediaType,
      ...named,
    };
  }
  const isAddress = /^https?:\/\//i.test(source) && URL.canParse(source);
  return { type: 'file', data: isAddress ? new URL(source) : source, mediaType, ...named };
}

/** The arguments of a call, which go into prompts as what they are. */
export function inputOf(written: unknown, field: string): unknown {
  if (typeof written !== 'string') return written ?? {};
  if (written.trim() === '') return {};
  let input: unknown;
  try {
    input = JSON.parse(written);
  } catch {
    throw mistaken(field, 'JSON');
  }
  if (isTooDeep(input)) throw mistaken(field, `JSON of at most ${DEEPEST} levels`);
  return input;
}

/** What a tool said: words as words, and else its parts. */
export function outputOf(
  parts: readonly ({ readonly type: 'text'; readonly text: string } | LanguageModelV3FilePart)[],
  isError = false,
): LanguageModelV3ToolResultOutput {
  if (parts.every((part) => part.type === 'text')) {
    const value = parts.map(({ text }) => text).join('\n');
    return { type: isError ? 'error-text' : 'text', value };
  }
  return {
    type: 'content',
    value: parts.map((part) => {
      if (part.type === 'text') return { type: 'text' as const, text: part.text };
      const { data, mediaType } = part;
      const isImage = mediaType.startsWith('image/');
      if (data instanceof URL)
        return isImage
          ? { type: 'image-url' as const, url: data.href }
          : { type: 'file-url' as const, url: data.href };
      const bytes = { data: String(data), mediaType };
      return isImage ? { type: 'image-data' as const, ...bytes } : { type: 'file-data' as const, ...bytes };
    }),
  };
}

/** What was signed of a turn of the model: thoughts in their place, and of calls by their ids. */
export function readSigned(texts: readonly unknown[]): ReadonlyMap<string, Signed['metadata']> {
  const calls = new Map<string, Signed['metadata']>();
  for (const text of texts) {
    const { id, metadata, of } = unsealed(text) ?? {};
    if (of === 'call' && id !== undefined && metadata !== undefined) calls.set(id, metadata);
  }
  return calls;
}

/** Thoughts with what their provider signed of them; undefined for what another upstream signed, which nobody else reads. */
export function thoughtOf(text: unknown, signature: unknown) {
  const signed = unsealed(signature);
  if (signed?.of !== 'reasoning') return undefined;
  return { type: 'reasoning' as const, text: textOf(text), providerOptions: signed.metadata as never };
}

/** Names of tools by the ids of their calls: results do not say it in every protocol. */
export interface CallNames {
  set(id: string, name: string): void;
  /** @throws Problem where nothing was called under this id. */
  of(id: unknown, field: string): { readonly toolCallId: string; readonly toolName: string };
}

export function createCallNames(): CallNames {
  const names = new Map<string, string>();
  return {
    set: (id, name) => void names.set(id, name),
    of(id, field) {
      const toolName = typeof id === 'string' ? names.get(id) : undefined;
      if (typeof id === 'string' && toolName !== undefined) return { toolCallId: id, toolName };
      throw mistaken(field, 'the id of a call that an earlier message makes');
    },
  };
}

/** Turns that follow each other are one: providers want users and models to take turns. */
export function inTurns(prompt: LanguageModelV3Prompt): LanguageModelV3Prompt {
  const turns: LanguageModelV3Prompt = [];
  for (const message of prompt) {
    const last = turns.at(-1);
    if (message.content.length === 0) continue;
    if (message.role === 'system' || message.role !== last?.role) turns.push(message);
    else
      turns[turns.length - 1] = {
        ...last,
        content: [...(last.content as never[]), ...(message.content as never[])],
      } as never;
  }
  return turns;
}
