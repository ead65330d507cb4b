import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Answer, AnswerChunk } from 'pointsman/execution';
import { describe, expect, it } from 'vitest';
import { PROTOCOLS } from '../../../gateway/create-gateway.ts';
import { Problem } from '../../../gateway/problem.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Of each interface that an SDK declares, the fields that must be there. */
function shapesOf(sdk: string, path: string): ReadonlyMap<string, readonly string[]> {
  const folder = dirname(createRequire(import.meta.url).resolve(sdk));
  const text = readFileSync(join(folder, 'resources', path), 'utf8');
  const found = [...text.matchAll(/^export interface (\w+) \{\n([\s\S]*?)^\}/gm)];
  return new Map(
    found.map(([, name, body]) => [name, [...body.matchAll(/^ {4}(\w+):/gm)].map(([, field]) => field)]),
  );
}

const shapes = {
  'openai-chat': shapesOf('openai', 'chat/completions/completions.d.ts'),
  anthropic: shapesOf('@anthropic-ai/sdk', 'messages/messages.d.ts'),
  'openai-responses': shapesOf('openai', 'responses/responses.d.ts'),
};

const typeName = (type: unknown) =>
  String(type)
    .split(/[._]/)
    .map((word) => word[0].toUpperCase() + word.slice(1))
    .join('');

/** What an object is called in the SDK, by where it stands and what it says of itself. */
const NAMES: { readonly [P in keyof typeof shapes]: (field: string, value: Fields) => string | undefined } = {
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
    if (field === 'part' || field === 'content') return `Response${typeName(type)}`;
    return { body: 'Response', response: 'Response', usage: 'ResponseUsage' }[field];
  },
};

/** What the SDK itself adds. */
const OF_THE_SDK = ['Response.output_text'];

/** Fields that the SDK says are there and that are not, of an object and all within; and the interfaces that were looked at. */
function compare(protocol: keyof typeof shapes, field: string, value: unknown) {
  const seen = new Set<string>();
  const missing: string[] = [];
  const visit = (at: string, inner: unknown): void => {
    if (Array.isArray(inner)) for (const each of inner) visit(at, each);
    else if (typeof inner === 'object' && inner !== null) {
      const name = NAMES[protocol](at, inner as Fields);
      const expected = name === undefined ? undefined : shapes[protocol].get(name);
      if (name !== undefined && expected === undefined) missing.push(`${at}: there is no ${name}`);
      if (name !== undefined) seen.add(name);
      for (const key of expected ?? [])
        if (!(key in inner) && !OF_THE_SDK.includes(`${name}.${key}`)) missing.push(`${name}.${key}`);
      for (const [key, deeper] of Object.entries(inner)) if (key !== 'input') visit(key, deeper);
    }
  };
  visit(field, value);
  return { seen, missing };
}

const facts = { id: 'dec_1', candidate: 'm1', created: 1 };
const answer: Answer = {
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
const pieces: readonly AnswerChunk[] = [
  { reasoning },
  { text },
  { toolCall: { index: 0, ...toolCalls[0] } },
  { finish: { reason: 'tool-calls', usage: usage! } },
];

const EVENTS = {
  'openai-chat': ['chat.completion.chunk', 'chat.completion.chunk', 'chat.completion.chunk', '[DONE]'],
  anthropic: [
    'message_start',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ],
  'openai-responses': [
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.output_item.done',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.output_item.added',
    'response.function_call_arguments.delta',
    'response.function_call_arguments.done',
    'response.output_item.done',
    'response.completed',
  ],
};

describe.each(PROTOCOLS)('what the gateway itself writes in $name', (protocol) => {
  const { name } = protocol;
  const body = { stream_options: { include_usage: true } };

  it('is a whole answer with every field that the SDK declares', () => {
    const whole = JSON.parse(protocol.writer(body).whole(answer, facts));
    const { missing, seen } = compare(name, 'body', whole);
    expect(missing).toEqual([]);
    expect(seen.size).toBeGreaterThan(2);
    expect(JSON.stringify(whole)).toContain('"m1"');
  });

  it('is a stream with its events in order, each with every field that the SDK declares', () => {
    const writer = protocol.writer(body);
    const sent = pieces.map((piece) => writer.piece(piece, facts)).join('') + writer.end();
    expect(writer.end()).toBe('');
    const events = sent
      .trimEnd()
      .split('\n\n')
      .map((lines) => {
        const [, named, data] = /^(?:event: (.*)\n)?data: (.*)$/.exec(lines)!;
        const said = data === '[DONE]' ? { type: data } : JSON.parse(data);
        expect(named).toBe(name === 'openai-chat' ? undefined : said.type);
        return said;
      });
    expect(events.map(({ object, type }) => type ?? object)).toEqual(EVENTS[name]);
    const compared = events
      .filter(({ type }) => type !== '[DONE]')
      .map((said) => compare(name, 'event', said));
    expect(compared.flatMap(({ missing }) => missing)).toEqual([]);
    expect(compared.every(({ seen }) => seen.size > 0)).toBe(true);
  });

  it.each([
    [400, 'invalid_request_error', 'invalid_request_error'],
    [401, 'authentication_error', 'authentication_error'],
    [402, 'insufficient_quota', 'billing_error'],
    [403, 'permission_error', 'permission_error'],
    [404, 'invalid_request_error', 'not_found_error'],
    [413, 'invalid_request_error', 'request_too_large'],
    [429, 'rate_limit_error', 'rate_limit_error'],
    [502, 'server_error', 'api_error'],
    [503, 'server_error', 'overloaded_error'],
    [504, 'server_error', 'timeout_error'],
  ])('is an error of status %i with its own name', (status, openai, anthropic) => {
    const written = protocol.problem(new Problem(status, 'a_code', 'No.', { param: 'model' }));
    const error = {
      type: name === 'anthropic' ? anthropic : openai,
      message: 'No.',
      param: 'model',
      code: 'a_code',
    };
    expect(written).toEqual(name === 'anthropic' ? { type: 'error', error, request_id: null } : { error });
  });
});

it('notices a field that is missing', () => {
  const { missing } = compare('anthropic', 'event', { type: 'content_block_stop' });
  expect(missing).toEqual(['RawContentBlockStopEvent.index']);
});
