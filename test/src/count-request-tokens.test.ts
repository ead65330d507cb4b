import fc from 'fast-check';
import type { Request } from 'pointsman';
import { countRequestTokens, estimateTokens } from 'pointsman/internal';
import { expect, test, vi } from 'vitest';

const WORDS = 'plain words '.repeat(500);
const BYTES = 'QUJDREVGR0hJSktM'.repeat(500);

const message = (content: unknown, more: object = {}): Request =>
  ({
    messages: [
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content, ...more },
    ],
  }) as Request;
const part = (value: object) => message([value]);
const tool = (definition: object): Request => ({ text: 'Hello', tools: [definition] });

test.each<[string, Request]>([
  ['a text', { text: WORDS }],
  ['a message', message(WORDS)],
  ['a system prompt', { messages: [{ role: 'system', content: WORDS }] }],
  ['a part of text', part({ type: 'text', text: WORDS })],
  ['a part of text of the Responses API', part({ type: 'input_text', text: WORDS })],
  ['a part without a type', part({ text: WORDS })],
  ['a part that is a string', message([WORDS])],
  [
    'arguments of a tool call, as text',
    message(null, {
      tool_calls: [
        { id: 'c', type: 'function', function: { name: 'f', arguments: JSON.stringify({ q: WORDS }) } },
      ],
    }),
  ],
  [
    'arguments of a tool call, as an object',
    message(null, { tool_calls: [{ function: { name: 'f', arguments: { q: [WORDS] } } }] }),
  ],
  [
    'input of a custom tool',
    message(null, { tool_calls: [{ type: 'custom', custom: { name: 'f', input: WORDS } }] }),
  ],
  ['a call of the older kind', message(null, { function_call: { name: 'f', arguments: WORDS } })],
  ['input of a tool use', part({ type: 'tool_use', id: 't', name: 'f', input: { q: WORDS } })],
  ['a result of a tool', { messages: [{ role: 'tool', content: WORDS }] }],
  ['a tool result, as text', part({ type: 'tool_result', tool_use_id: 't', content: WORDS })],
  ['a tool result, in parts', part({ type: 'tool_result', content: [{ type: 'text', text: WORDS }] })],
  ['a tool call of the AI SDK', part({ type: 'tool-call', toolName: 'f', input: { q: WORDS } })],
  [
    'a tool result of the AI SDK',
    part({ type: 'tool-result', toolName: 'f', output: { type: 'json', value: { a: WORDS } } }),
  ],
  [
    'output of a call of the Responses API',
    { messages: [{ type: 'function_call_output', output: WORDS } as never] },
  ],
  [
    'a document in plain text',
    part({ type: 'document', source: { type: 'text', media_type: 'text/plain', data: WORDS } }),
  ],
  [
    'a document in parts',
    part({ type: 'document', source: { type: 'content', content: [{ type: 'text', text: WORDS }] } }),
  ],
  [
    'what a document is about',
    part({ type: 'document', title: 'A', context: WORDS, source: { type: 'url', url: 'x' } }),
  ],
  [
    'a search result',
    part({ type: 'search_result', title: 'A', source: 'x', content: [{ type: 'text', text: WORDS }] }),
  ],
  ['thinking that is sent back', part({ type: 'thinking', thinking: WORDS, signature: BYTES })],
  ['reasoning that is sent back', message('', { reasoning_content: WORDS })],
  ['a refusal', part({ type: 'refusal', refusal: WORDS })],
  ['the description of a tool', tool({ type: 'function', function: { name: 'f', description: WORDS } })],
  [
    'the parameters of a tool',
    tool({
      type: 'function',
      function: { name: 'f', parameters: { properties: { q: { description: WORDS } } } },
    }),
  ],
  ['a tool of Anthropic', tool({ name: 'f', input_schema: { description: WORDS } })],
  [
    'the schema asked for',
    {
      text: 'Hello',
      responseFormat: { type: 'json_schema', json_schema: { schema: { description: WORDS } } },
    } as Request,
  ],
])('counted: %s', (_, request) => {
  const tokens = countRequestTokens(request);
  expect(tokens).toBeGreaterThanOrEqual(950);
  expect(tokens).toBeLessThan(1150);
});

test.each<[string, Request]>([
  ['an image by address', part({ type: 'image_url', image_url: { url: `data:image/png;base64,${BYTES}` } })],
  [
    'an image in bytes',
    part({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: BYTES } }),
  ],
  ['a sound', part({ type: 'input_audio', input_audio: { format: 'wav', data: BYTES } })],
  [
    'a PDF',
    part({ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: BYTES } }),
  ],
  ['a file', part({ type: 'file', file: { filename: 'a.pdf', file_data: BYTES } })],
  ['a file of the AI SDK', part({ type: 'file', mediaType: 'image/png', data: BYTES })],
  ['a signature', part({ type: 'thinking', thinking: 'Hm.', signature: BYTES })],
  ['an id', message('Hi', { tool_calls: [{ id: BYTES, function: { name: 'f', arguments: '{}' } }] })],
  [
    'a text beside messages, which count instead of it',
    { text: WORDS, messages: [{ role: 'user', content: 'Hello' }] },
  ],
])('not counted: %s', (_, request) => {
  expect(countRequestTokens(request)).toBeLessThan(20);
});

test('nothing is no tokens, and whatever stands in a request, counting gives a whole number', () => {
  expect(countRequestTokens({ text: '' })).toBe(0);
  expect(countRequestTokens({ messages: [] })).toBe(0);
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (value) => {
      for (const request of [
        value ?? {},
        { messages: [value] },
        part({ input: value }),
        { text: 'a', tools: [value] },
      ]) {
        expect(countRequestTokens(request as Request)).toSatisfy(
          (tokens: number) => Number.isSafeInteger(tokens) && tokens >= 0,
        );
      }
    }),
  );
});

test('deep nesting and circles do not end the process', () => {
  let deep: unknown = 'x';
  for (let i = 0; i < 100_000; i++) deep = [deep];
  const circle: Record<string, unknown> = {};
  circle.content = circle;
  for (const value of [deep, circle]) {
    expect(countRequestTokens(message(value))).toBeLessThan(10);
    expect(countRequestTokens(tool({ parameters: value }))).toBeLessThan(10);
    expect(countRequestTokens(part({ input: value }))).toBeLessThan(10);
  }
});

test('a counter is given no more than 131,072 characters of a request, spread over all of it', () => {
  const count = vi.fn((text: string) => text.length / 5);
  const long: Request = {
    messages: Array.from({ length: 100 }, () => ({ role: 'user', content: 'abcd '.repeat(2_000) })),
  };
  expect(countRequestTokens(long, count) / 200_000).toBeCloseTo(1, 2);
  const given = count.mock.calls.reduce((sum, [text]) => sum + text.length, 0);
  expect(given).toBeLessThanOrEqual(131_072);
  expect(countRequestTokens({ text: 'abcd '.repeat(20_000) }, count)).toBe(20_000);
});

test('an estimate of a request grows with it, from 10 to a million tokens', () => {
  const sizes = [10, 100, 1_000, 10_000, 100_000, 1_000_000];
  const tokens = sizes.map((size) => countRequestTokens({ text: ' word'.repeat(size) }));
  tokens.forEach((count, i) => {
    expect(count / sizes[i]).toBeGreaterThan(0.8);
    expect(count / sizes[i]).toBeLessThan(1.25);
  });
  expect(estimateTokens('')).toBe(0);
});
