import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readLoggedAnswer, readResponse } from '../../../../training/ingest/record/response.ts';
import {
  jsonOf,
  NestedTooDeepError,
  pythonLiteral,
  readLogUsage,
} from '../../../../training/ingest/record/values.ts';

const completion = (content: unknown) => ({
  id: 'chatcmpl-1',
  model: 'mini-1',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 2 },
});
const delta = (content: string, more: object = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  model: 'mini-1',
  choices: [{ index: 0, delta: { content }, finish_reason: null, ...more }],
});
const usageChunk = {
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  choices: [],
  usage: completion('').usage,
};
const stream = [delta('Two '), delta('moons'), delta('', { finish_reason: 'stop' }), usageChunk];
const sse = (events: readonly object[]) => events.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('');
const anthropicEvents = [
  {
    type: 'message_start',
    message: { id: 'msg_1', model: 'claude', usage: { input_tokens: 9, output_tokens: 1 } },
  },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Two moons' } },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
  { type: 'message_stop' },
];
const responsesEvents = [
  { type: 'response.created', response: { id: 'resp_1', status: 'in_progress', model: 'mini-1' } },
  { type: 'response.output_text.delta', delta: 'Two moons' },
  {
    type: 'response.completed',
    response: { id: 'resp_1', status: 'completed', usage: { input_tokens: 9, output_tokens: 2 } },
  },
];

/** Ways in which an answered call's "Two moons", 9 and 2 tokens, is kept. */
const ANSWERED: Readonly<Record<string, unknown>> = {
  'a response': completion('Two moons'),
  'JSON text of it': JSON.stringify(completion('Two moons')),
  'a response with its status': { status_code: 200, body: completion('Two moons') },
  'a body as JSON text with its status': { statusCode: 200, body: JSON.stringify(completion('Two moons')) },
  'a list of chunks': stream,
  'chunks as JSON text': JSON.stringify(stream),
  'a chunk a line': stream.map((chunk) => JSON.stringify(chunk)).join('\n'),
  'server-sent events': `${sse(stream)}data: [DONE]\n\n`,
  'server-sent events with comments': `: OPENROUTER PROCESSING\n\n${sse(stream)}`,
  "Anthropic's events": anthropicEvents.map((each) => `event: ${each.type}\n${sse([each])}`).join(''),
  "Anthropic's events as a list": anthropicEvents,
  "events of OpenAI's responses": sse(responsesEvents),
};

test.each(Object.entries(ANSWERED))('%s is an answer with its tokens', (_, value) => {
  const { answer, body, error, given } = readResponse(value);
  expect({ answer, error, given }).toEqual({ answer: 'Two moons', error: null, given: true });
  expect(readLogUsage(body?.usage)).toEqual({ inputTokens: 9, outputTokens: 2 });
});

test.each([
  ['a bare text', 'Two moons, Phobos and Deimos.', 'Two moons, Phobos and Deimos.'],
  ['a message', { role: 'assistant', content: [{ type: 'text', text: 'Two' }] }, 'Two'],
  ["Gemini's candidates", { candidates: [{ content: { parts: [{ text: 'Two' }] } }] }, 'Two'],
  ["Bedrock's message", { output: { message: { content: [{ text: 'Two' }] } } }, 'Two'],
  ['an answer in JSON', completion('{"moons":2}'), '{"moons":2}'],
  ['JSON that was cut off', '{"id":"chatcmpl-1","choices":[{"message":{"content":"Two moons, Pho', null],
  ['a stream that was cut off', sse(stream.slice(0, 2)), null],
  ['chunks without an end', stream.slice(0, 2), null],
  ['a call of a tool', completion(null), null],
  ['an object of no known kind', { result: 'ok' }, null],
  ['a response that is incomplete', { status: 'incomplete', output: [], error: null }, null],
  ['an error that is empty', { ...completion('Two'), error: {} }, 'Two'],
  ['an error that says none', { ...completion('Two'), error: 'None' }, 'Two'],
])('%s is an answered call', (_, value, answer) => {
  expect(readResponse(value)).toMatchObject({ given: true, answer, error: null });
});

test.each([
  ['an error of OpenAI', { error: { code: 'rate_limit_exceeded', message: 'No' } }, 'rate_limit_exceeded'],
  ['an error as text', { error: 'overloaded' }, 'error'],
  ['an error of Anthropic', { type: 'error', error: { type: 'overloaded_error' } }, 'overloaded_error'],
  [
    'an error with its status',
    { status_code: 500, body: { error: { type: 'server_error' } } },
    'server_error',
  ],
  ['an error in JSON text', '{"error":{"code":"timeout"}}', 'timeout'],
  ['an error that was cut off', '{"error": {"message": "The server had an er', 'error'],
  ['an error within a stream', sse([delta('Two'), { error: { code: 'server_error' } }]), 'server_error'],
  ['a response that failed', { status: 'failed', error: { code: 'server_error' } }, 'server_error'],
  ['a response that failed without saying why', { status: 'failed', error: null }, 'error'],
])('%s says that the call failed', (_, value, error) => {
  expect(readResponse(value)).toMatchObject({ given: true, error });
});

test.each([null, undefined, ''])('%j is no response', (value) => {
  expect(readResponse(value)).toMatchObject({ given: false, answer: null, error: null });
});

test.each([
  [
    'OpenAI',
    { prompt_tokens: 24, prompt_tokens_details: { cached_tokens: 16 }, completion_tokens: 5 },
    24,
    5,
  ],
  [
    'OpenAI with reasoning',
    {
      prompt_tokens: 9,
      completion_tokens: 30,
      completion_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 39,
    },
    9,
    30,
  ],
  [
    'xAI, which counts reasoning beside',
    {
      prompt_tokens: 9,
      completion_tokens: 10,
      completion_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 39,
    },
    9,
    30,
  ],
  [
    "OpenAI's responses",
    { input_tokens: 9, input_tokens_details: { cached_tokens: 4 }, output_tokens: 2 },
    9,
    2,
  ],
  [
    'Anthropic, which counts the cache beside',
    { input_tokens: 5, cache_read_input_tokens: 2000, cache_creation_input_tokens: 10, output_tokens: 3 },
    2015,
    3,
  ],
  [
    'LiteLLM of Anthropic',
    { prompt_tokens: 2005, cache_read_input_tokens: 2000, completion_tokens: 3 },
    2005,
    3,
  ],
  ['LiteLLM of old', { prompt_tokens: 5, cache_read_input_tokens: 2000, completion_tokens: 3 }, 2005, 3],
  ['Bedrock', { inputTokens: 5, cacheReadInputTokens: 2000, outputTokens: 3 }, 2005, 3],
  [
    'Gemini, which counts thoughts beside',
    {
      promptTokenCount: 2005,
      cachedContentTokenCount: 2000,
      candidatesTokenCount: 3,
      thoughtsTokenCount: 40,
      totalTokenCount: 2048,
    },
    2005,
    43,
  ],
  ['Ollama', { prompt_eval_count: 5, eval_count: 3 }, 5, 3],
  ['numbers as text', { prompt_tokens: '24', completion_tokens: '5' }, 24, 5],
  ['nobody', {}, null, null],
])('tokens of %s', (_, usage, inputTokens, outputTokens) => {
  expect(readLogUsage(usage)).toEqual({ inputTokens, outputTokens });
});

test('JSON that holds no message is an answer in JSON; a response without words is none', () => {
  expect(readLoggedAnswer('{"moons": 2}')).toBe('{"moons": 2}');
  expect(readLoggedAnswer('{"choices": []}')).toBeNull();
  expect(readLoggedAnswer('{"role": "assistant", "content": null, "tool_calls": []}')).toBeNull();
});

test('what Python prints is read as it was', () => {
  expect(
    jsonOf(`{'a': None, 'b': [True, False], 'c': "it's", 'd': 'say "x"\\n', 'e': -1.5e3, 'f': (1, 2,)}`),
  ).toEqual({
    a: null,
    b: [true, false],
    c: "it's",
    d: 'say "x"\n',
    e: -1500,
    f: [1, 2],
  });
  expect(pythonLiteral("{'a': datetime(1)}")).toBeUndefined();
  const printed = (text: string) => `['${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}']`;
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom("'", '\\', ', ]', '\\x41', '"'));
  fc.assert(
    fc.property(text, (each) => {
      expect(pythonLiteral(printed(each))).toEqual([each]);
    }),
  );
});

test('JSON that is nested deeper than logs nest is refused before it is followed', () => {
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  expect(jsonOf(nested(100))).toEqual(JSON.parse(nested(100)));
  expect(() => jsonOf(nested(5000))).toThrow(NestedTooDeepError);
});

const responses = (status: string, more: object = {}) => ({
  object: 'response',
  status,
  output: [],
  ...more,
});
const choice = (message: object, reason: string | null = null) => ({
  choices: [{ message, finish_reason: reason }],
});

test.each([
  ['OpenAI', completion('Two'), 'stop'],
  ['OpenAI, at its limit of tokens', choice({ content: 'Tw' }, 'length'), 'length'],
  [
    'OpenAI, calling a tool',
    choice({ content: null, tool_calls: [{ id: 'c' }] }, 'tool_calls'),
    'tool-calls',
  ],
  [
    'a log that says only what was called',
    choice({ content: null, tool_calls: [{ id: 'c' }] }),
    'tool-calls',
  ],
  ['OpenAI, filtered', choice({ content: '' }, 'content_filter'), 'content-filter'],
  ['Responses', responses('completed'), 'stop'],
  [
    'Responses, calling a tool',
    responses('completed', { output: [{ type: 'function_call' }] }),
    'tool-calls',
  ],
  [
    'Responses, cut',
    responses('incomplete', { incomplete_details: { reason: 'max_output_tokens' } }),
    'length',
  ],
  ['Responses, not done', responses('in_progress'), null],
  ['Anthropic', { type: 'message', role: 'assistant', content: [], stop_reason: 'end_turn' }, 'stop'],
  ['Gemini', { candidates: [{ content: { parts: [] }, finishReason: 'MAX_TOKENS' }] }, 'length'],
  ['Gemini, filtered', { candidates: [{ finishReason: 'SAFETY' }] }, 'content-filter'],
  [
    'Converse',
    { output: { message: { content: [] } }, stopReason: 'guardrail_intervened' },
    'content-filter',
  ],
  ['Ollama', { message: { content: 'Two' }, done: true, done_reason: 'length' }, 'length'],
  ['chunks', stream, 'stop'],
  ["Anthropic's events", anthropicEvents, 'stop'],
  [
    'events of Responses',
    responsesEvents.with(2, { type: 'response.completed', response: responses('completed') } as never),
    'stop',
  ],
  ['a word that is no end', choice({ content: 'Two' }, 'network_error'), null],
  ['a text', 'Two', null],
])('how it ended is read of a response of %s', (_, response, finishReason) => {
  expect(readResponse(response)).toMatchObject({ finishReason });
});

test('the parts of an answer follow each other as its reader saw them, without thoughts; messages stand apart', () => {
  const parts = [
    { type: 'thinking', thinking: 'Hm.' },
    { type: 'text', text: 'Two ' },
    { type: 'tool_use', name: 'look', input: {} },
    { type: 'text', text: 'moons' },
  ];
  expect(readLoggedAnswer({ role: 'assistant', content: parts })).toBe('Two moons');
  const items = ['Two ', 'moons'].map((text) => ({ type: 'output_text', text }));
  expect(
    readLoggedAnswer({
      output: [
        { type: 'reasoning', summary: [] },
        { role: 'assistant', content: items },
      ],
    }),
  ).toBe('Two moons');
  expect(
    readLoggedAnswer([
      { role: 'assistant', content: 'Two' },
      { role: 'assistant', content: 'moons' },
    ]),
  ).toBe('Two\nmoons');
});
