import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Answer, AnswerChunk } from 'pointsman/execution';

export type Fields = Readonly<Record<string, unknown>>;

/** What an interface of an SDK declares. */
export interface Shape {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

/** The declarations of one protocol in the SDK of whoever made it. */
function declarationsOf(sdk: string, path: string): string {
  const folder = dirname(createRequire(import.meta.url).resolve(sdk));
  return readFileSync(join(folder, 'resources', path), 'utf8');
}

export const DECLARATIONS = {
  'openai-chat': declarationsOf('openai', 'chat/completions/completions.d.ts'),
  anthropic: declarationsOf('@anthropic-ai/sdk', 'messages/messages.d.ts'),
  'openai-responses': declarationsOf('openai', 'responses/responses.d.ts'),
} as const;
export type Declared = keyof typeof DECLARATIONS;

/** Every interface at the top of a file, by its name. */
function shapesOf(text: string): ReadonlyMap<string, Shape> {
  const found = [...text.matchAll(/^export interface (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)];
  return new Map(
    found.map(([, name, body]) => {
      const fields = [...body.matchAll(/^ {4}(\w+)(\??):/gm)];
      const named = (mark: string) => fields.filter(([, , sign]) => sign === mark).map(([, field]) => field);
      return [name, { required: named(''), optional: named('?') }];
    }),
  );
}

export const SHAPES = {
  'openai-chat': shapesOf(DECLARATIONS['openai-chat']),
  anthropic: shapesOf(DECLARATIONS.anthropic),
  'openai-responses': shapesOf(DECLARATIONS['openai-responses']),
} as const;

/** The values of `type` of everything in a union that the SDK declares, such as `text` of a `TextBlockParam`. */
export function typesIn(protocol: Declared, union: string): readonly string[] {
  const text = DECLARATIONS[protocol];
  const members = new RegExp(`^export type ${union} = ([^;]+);`, 'm').exec(text)![1].split(' | ');
  return members.flatMap((member) => {
    const [outer, inner] = member.split('.');
    const space = inner === undefined ? '' : 'namespace';
    const start = text.search(new RegExp(`^export (declare )?${space || 'interface'} ${outer}\\b`, 'm'));
    const from = inner === undefined ? start : text.indexOf(`    interface ${inner} {`, start);
    const end = text.indexOf(inner === undefined ? '\n}' : '\n    }', from);
    const said = (field: string) =>
      new RegExp(`^ +${field}\\??: ((?:'[^']+'(?: \\| )?)+)`, 'm').exec(text.slice(from, end));
    const found = said('type') ?? said('role');
    // An interface without a type of its own is told by nothing.
    return found === null ? [] : [...found[1].matchAll(/'([^']+)'/g)].map(([, type]) => type);
  });
}

const typeName = (type: unknown) =>
  String(type)
    .split(/[._]/)
    .map((word) => word[0].toUpperCase() + word.slice(1))
    .join('');

/** What an object is called in the SDK, by where it stands and what it says of itself. */
const NAMES: { readonly [P in Declared]: (field: string, value: Fields) => string | undefined } = {
  'openai-chat': (field, value) =>
    ({ 'chat.completion': 'ChatCompletion', 'chat.completion.chunk': 'ChatCompletionChunk' })[
      String(value.object)
    ] ??
    {
      message: 'ChatCompletionMessage',
      tool_calls: value.index === undefined ? 'ChatCompletionMessageFunctionToolCall' : undefined,
    }[field],
  anthropic: (field, { type }) => {
    if (field === 'event') return `Raw${typeName(type)}Event`;
    if (field === 'content_block' || field === 'content') return `${typeName(type)}Block`;
    if (field === 'delta' && type !== undefined) return typeName(type).replace('Json', 'JSON');
    return { body: 'Message', message: 'Message', usage: 'Usage' }[field];
  },
  'openai-responses': (field, { type }) => {
    if (field === 'event') return `${typeName(type).replace('OutputText', 'Text')}Event`;
    if (field === 'item' || field === 'output')
      return {
        message: 'ResponseOutputMessage',
        function_call: 'ResponseFunctionToolCall',
        reasoning: 'ResponseReasoningItem',
      }[String(type)];
    // What a summary consists of has no name of its own.
    if (type === 'summary_text') return undefined;
    if (field === 'part' || field === 'content') return `Response${typeName(type)}`;
    return { body: 'Response', response: 'Response', usage: 'ResponseUsage' }[field];
  },
};

/** What the SDK itself adds. */
const OF_THE_SDK = ['Response.output_text'];

/** Fields that the SDK says are there and that are not, of an object and all within; and what is there, by its interface. */
export function compare(protocol: Declared, field: string, value: unknown) {
  const seen = new Map<string, Set<string>>();
  const missing: string[] = [];
  const visit = (at: string, inner: unknown): void => {
    if (Array.isArray(inner)) for (const each of inner) visit(at, each);
    else if (typeof inner === 'object' && inner !== null) {
      const name = NAMES[protocol](at, inner as Fields);
      const expected = name === undefined ? undefined : SHAPES[protocol].get(name);
      if (name !== undefined && expected === undefined) missing.push(`${at}: there is no ${name}`);
      if (name !== undefined) seen.set(name, new Set([...(seen.get(name) ?? []), ...Object.keys(inner)]));
      for (const key of expected?.required ?? [])
        if (!(key in inner) && !OF_THE_SDK.includes(`${name}.${key}`)) missing.push(`${name}.${key}`);
      for (const [key, deeper] of Object.entries(inner)) if (key !== 'input') visit(key, deeper);
    }
  };
  visit(field, value);
  return { seen, missing };
}

/** Of an answer that says something of every kind. */
export const facts = { id: 'dec_1', candidate: 'm1', created: 1 };
export const answer: Answer = {
  text: 'Now',
  reasoning: 'Add.',
  toolCalls: [{ id: 'c1', name: 'add', arguments: '{"a":1}' }],
  finishReason: 'tool-calls',
  usage: { inputTokens: 10, outputTokens: 5, cachedInputTokens: 4, reasoningTokens: 2 },
  costUsd: null,
  logprobs: null,
  model: null,
};
const { reasoning, text, toolCalls, usage } = answer;
export const pieces: readonly AnswerChunk[] = [
  { reasoning },
  { text },
  { toolCall: { index: 0, ...toolCalls[0] } },
  { finish: { reason: 'tool-calls', usage: usage! } },
];
