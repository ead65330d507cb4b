import Anthropic from '@anthropic-ai/sdk';
import fc from 'fast-check';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { createGateway, PROTOCOLS } from '../../../gateway/create-gateway.ts';
import { Problem } from '../../../gateway/problem.ts';
import { readCall } from '../../../gateway/translation/call.ts';
import { READERS } from '../../../gateway/translation/open-translation.ts';
import { asSpecification } from '../../../gateway/translation/specification.ts';
import {
  MOCK_KEY,
  mockUpstream,
  post,
  readToEnd,
  recordOf,
  resetBeforeEach,
  routerFolder,
  sendJson,
  testConfig,
  testGateway,
} from '../gateway-fixture.ts';
import { cutByWire, everyProvider, type Said, sayByWire, USAGE } from './wire-upstreams.ts';

const upstream = await mockUpstream();
const { candidates, upstreams } = everyProvider(upstream.url);
const gateway = await testGateway({
  upstreams,
  candidates: {
    ...candidates,
    set: {
      upstream: 'google',
      model: 'gemini-2.5-pro',
      settings: {
        temperature: 0,
        max_tokens: 50,
        reasoning_effort: 'low',
        providerOptions: { google: { serviceTier: 'flex' } },
      },
      defaults: { top_p: 0.5 },
      promptPrefix: 'Be short.',
    },
  },
  execution: { retryDelayMs: 0, retries: 0, breaker: false },
});
const fetch = (url: unknown, init?: RequestInit) => gateway.fetch(new Request(String(url), init));
const openai = new OpenAI({ apiKey: 'none', baseURL: 'http://gateway/v1', fetch, maxRetries: 0 });
const anthropic = new Anthropic({ apiKey: 'none', baseURL: 'http://gateway', fetch, maxRetries: 0 });

resetBeforeEach(upstream, sayByWire({ text: 'Good morning.' }));

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
const schema = { type: 'object' as const, properties: { a: { type: 'number' } }, required: ['a'] };
const chat = (model: string, more: object = {}) => ({
  model,
  messages: [{ role: 'user', content: 'Hi' }],
  ...more,
});

describe('what a request asks for goes to the upstream in its own words', () => {
  it('a conversation of Claude Code, to Gemini', async () => {
    const response = await post(gateway, '/v1/messages', {
      model: 'google',
      max_tokens: 3000,
      temperature: 0.5,
      top_k: 5,
      stop_sequences: ['END'],
      system: [{ type: 'text', text: 'You add.', cache_control: { type: 'ephemeral' } }],
      thinking: { type: 'enabled', budget_tokens: 2048 },
      metadata: { user_id: 'u1' },
      tools: [
        { name: 'add', description: 'Adds', input_schema: schema, cache_control: { type: 'ephemeral' } },
      ],
      tool_choice: { type: 'any' },
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Add what is here.' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Hm.', signature: 'of-somebody-else' },
            { type: 'text', text: 'I add.' },
            { type: 'tool_use', id: 't1', name: 'add', input: { a: 1 } },
          ],
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 't1',
              content: [{ type: 'text', text: 'It broke.' }],
              is_error: true,
            },
            { type: 'text', text: 'Again?' },
          ],
        },
      ],
    });
    expect([response.status, (await response.json()).content]).toEqual([
      200,
      [expect.objectContaining({ text: 'Good morning.' })],
    ]);
    expect(response.headers.get('x-pointsman-not-carried')).toBe('user');
    const { body } = upstream.got[0];
    expect(body).toMatchObject({
      systemInstruction: { parts: [{ text: 'You add.' }] },
      generationConfig: {
        maxOutputTokens: 3000,
        temperature: 0.5,
        topK: 5,
        stopSequences: ['END'],
        thinkingConfig: { thinkingBudget: 2048, includeThoughts: true },
      },
      tools: [{ functionDeclarations: [{ name: 'add', description: 'Adds' }] }],
      toolConfig: { functionCallingConfig: { mode: 'ANY' } },
      contents: [
        {
          role: 'user',
          parts: [{ text: 'Add what is here.' }, { inlineData: { mimeType: 'image/png', data: PIXEL } }],
        },
        { role: 'model', parts: [{ text: 'I add.' }, { functionCall: { name: 'add', args: { a: 1 } } }] },
        { role: 'user', parts: [{ functionResponse: { name: 'add' } }] },
        { role: 'user', parts: [{ text: 'Again?' }] },
      ],
    });
    expect(JSON.stringify(body)).toContain('It broke.');
    expect(JSON.stringify(body)).not.toContain('of-somebody-else');
  });

  it('a chat with its form of answer, its bounds and its wishes, to Claude', async () => {
    const response = await post(
      gateway,
      '/v1/chat/completions',
      chat('anthropic', {
        max_completion_tokens: 500,
        stop: 'END',
        reasoning_effort: 'high',
        parallel_tool_calls: false,
        user: 'u1',
        tools: [{ type: 'function', function: { name: 'add', parameters: schema } }],
        tool_choice: { type: 'function', function: { name: 'add' } },
      }),
    );
    const { body, headers, url } = upstream.got[0];
    expect([url, headers['x-api-key']]).toEqual(['/v1/messages', MOCK_KEY]);
    expect(body).toMatchObject({
      model: 'claude-sonnet-4-5',
      stop_sequences: ['END'],
      thinking: { type: 'enabled', budget_tokens: 1024 },
      // What is thought is counted beside there.
      max_tokens: 1524,
      metadata: { user_id: 'u1' },
      tools: [{ name: 'add', input_schema: schema }],
      // Claude cannot be made to call while it thinks; its provider says so.
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    });
    expect(response.headers.get('x-pointsman-not-carried')).toMatch(/tool/i);
    const json = {
      type: 'json_schema',
      json_schema: { name: 'sum', schema: { ...schema, additionalProperties: false } },
    };
    await post(gateway, '/v1/chat/completions', chat('anthropic', { response_format: json }));
    expect(JSON.stringify(upstream.got[1].body)).toContain('"additionalProperties":false');
  });

  it('settings of the candidate go before, and of two bounds the smaller holds', async () => {
    await post(gateway, '/v1/messages', {
      model: 'set',
      max_tokens: 3000,
      temperature: 1,
      messages: [{ role: 'user', content: 'Hi' }],
    });
    await post(gateway, '/v1/responses', { model: 'set', max_output_tokens: 20, top_p: 0.9, input: 'Hi' });
    expect(upstream.got.map(({ body }) => body)).toMatchObject([
      {
        generationConfig: {
          temperature: 0,
          maxOutputTokens: 50,
          topP: 0.5,
          thinkingConfig: { thinkingBudget: 1024 },
        },
        systemInstruction: { parts: [{ text: 'Be short.' }] },
        serviceTier: 'flex',
      },
      { generationConfig: { maxOutputTokens: 20, topP: 0.9 } },
    ]);
  });

  it('a field that nobody knows goes on where the upstream is compatible, and is named elsewhere', async () => {
    const body = {
      model: 'compatible',
      max_tokens: 9,
      messages: [{ role: 'user', content: 'Hi' }],
      min_p: 0.1,
      service_tier: 'auto',
    };
    const carried = await post(gateway, '/v1/messages', body);
    expect(upstream.got[0].body).toMatchObject({ min_p: 0.1, max_tokens: 9 });
    expect(carried.headers.get('x-pointsman-not-carried')).toBe('service_tier');
    for (const stream of [false, true]) {
      const named = await post(gateway, '/v1/messages', { ...body, model: 'bedrock', stream });
      expect(named.headers.get('x-pointsman-not-carried')).toBe('service_tier, min_p');
    }
  });
});

describe('what a provider signed', () => {
  const calls = [{ id: 'call1abcd', name: 'add', input: { a: 1 } }];
  const tools = [{ name: 'add', input_schema: schema }];
  const signature = Buffer.from('thought of add').toString('base64');

  it.each([false, true])(
    'comes back to Gemini in messages, and goes to nobody else (stream: %s)',
    async (stream) => {
      upstream.answer = sayByWire({ reasoning: 'Hm.', text: 'I add.', calls, finish: 'calls' });
      const question = { role: 'user' as const, content: 'Add.' };
      const asked = { model: 'google', max_tokens: 2000, tools, messages: [question] };
      const { content } = stream
        ? await anthropic.messages.stream(asked).finalMessage()
        : await anthropic.messages.create(asked);
      const id = content.find((block) => block.type === 'tool_use')!.id;
      const result = {
        role: 'user' as const,
        content: [{ type: 'tool_result' as const, tool_use_id: id, content: '2' }],
      };
      const next = { ...asked, messages: [question, { role: 'assistant' as const, content }, result] };
      for (const model of ['google', 'openai', 'anthropic'])
        await anthropic.messages.create({ ...next, model });
      const [, toGoogle, toOpenAi, toAnthropic] = upstream.got.map(({ body }) => JSON.stringify(body));
      expect(toGoogle).toContain(`"thoughtSignature":"${signature}"`);
      for (const body of [toOpenAi, toAnthropic]) {
        expect(body).toContain('"add"');
        expect(body).not.toMatch(/pm1\.|redacted_thinking|thoughtSignature/);
      }
    },
  );

  it('comes back to Claude in chat and in responses', async () => {
    upstream.answer = sayByWire({ reasoning: 'Hm.', calls, finish: 'calls' });
    const asked = {
      model: 'anthropic',
      reasoning_effort: 'low' as const,
      tools: [{ type: 'function' as const, function: { name: 'add', parameters: schema } }],
      messages: [{ role: 'user' as const, content: 'Add.' }],
    };
    const { choices } = await openai.chat.completions.create(asked);
    const answered = { role: 'tool' as const, tool_call_id: 'call1abcd', content: '2' };
    await openai.chat.completions.create({
      ...asked,
      messages: [...asked.messages, choices[0].message, answered],
    });
    const { output } = await openai.responses.create({
      model: 'anthropic',
      input: 'Add.',
      reasoning: { effort: 'low' },
    });
    const said = { type: 'function_call_output' as const, call_id: 'call1abcd', output: '2' };
    await openai.responses.create({
      model: 'anthropic',
      input: [{ role: 'user', content: 'Add.' }, ...(output as never[]), said],
      reasoning: { effort: 'low' },
    });
    const thought = { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' };
    for (const { body } of [upstream.got[1], upstream.got[3]])
      expect((body.messages as { content: unknown[] }[])[1].content[0]).toEqual(thought);
  });
});

describe('several answers', () => {
  /** Each answer its own; the ones that `fails` names fail when they are asked for. */
  const counting = (fails: (asked: number) => boolean = () => false) => {
    let asked = 0;
    upstream.answer = (got, response) => {
      asked++;
      if (fails(asked)) return sendJson(response, { error: { message: 'Busy.' } }, 500);
      return sayByWire({ text: `Answer ${asked}.`, finish: asked === 2 ? 'length' : 'stop' })(got, response);
    };
  };
  const one = USAGE.input - USAGE.cached + 0.5 * USAGE.cached + 10 * USAGE.output;

  it.each(['google', 'bedrock', 'anthropic'])(
    'are asked for at once, whole, and all are paid for (%s)',
    async (model) => {
      counting();
      const response = await post(gateway, '/v1/chat/completions', chat(model, { n: 3 }));
      const { choices, usage } = await response.json();
      type Choice = OpenAI.ChatCompletion.Choice;
      expect(choices.map(({ index }: Choice) => index)).toEqual([0, 1, 2]);
      expect(choices.map(({ message }: Choice) => message.content).sort()).toEqual(
        [1, 2, 3].map((i) => `Answer ${i}.`),
      );
      for (const { finish_reason, message } of choices)
        expect(finish_reason).toBe(message.content === 'Answer 2.' ? 'length' : 'stop');
      expect(usage).toMatchObject({ prompt_tokens: 3 * USAGE.input, completion_tokens: 3 * USAGE.output });
      const { attempts, costUsd } = await recordOf(gateway, response);
      expect(attempts.length).toBe(1);
      expect(costUsd).toBeCloseTo((3 * one) / 1e6, 12);
      // Reserved as often as it is read.
      const single = await post(gateway, '/v1/chat/completions', chat(model, { max_tokens: 10 }));
      const triple = await post(gateway, '/v1/chat/completions', chat(model, { max_tokens: 10, n: 3 }));
      const [expected, expectedOfThree] = [single, triple].map(({ headers }) =>
        Number(headers.get('x-pointsman-expected-cost')),
      );
      expect(expectedOfThree).toBeCloseTo(3 * expected, 8);
    },
  );

  it('come as events of each, and the usage of all', async () => {
    counting();
    const stream = await openai.chat.completions.create({
      ...(chat('google', { n: 2 }) as OpenAI.ChatCompletionCreateParamsStreaming),
      stream: true,
      stream_options: { include_usage: true },
    });
    const said = ['', ''];
    const ends: unknown[] = [];
    let tokens = 0;
    for await (const { choices, usage } of stream) {
      for (const { delta, finish_reason, index } of choices) {
        said[index] += delta.content ?? '';
        if (finish_reason !== null) ends.push([index, finish_reason]);
      }
      tokens += usage?.total_tokens ?? 0;
    }
    expect(said.toSorted()).toEqual(['Answer 1.', 'Answer 2.']);
    expect(ends.length).toBe(2);
    expect(tokens).toBe(2 * (USAGE.input + USAGE.output));
  });

  it('of which one fails are not asked for again, and are paid for once', async () => {
    const config = {
      upstreams,
      candidates,
      execution: { retryDelayMs: 0, retries: 2, breaker: false as const },
    };
    const retrying = await testGateway(config);
    counting((asked) => asked === 2 || asked === 4);
    const response = await post(retrying, '/v1/chat/completions', chat('google', { n: 3 }));
    const { choices, usage } = await response.json();
    expect([choices.length, usage.prompt_tokens, upstream.got.length]).toEqual([3, 3 * USAGE.input, 5]);
    counting(() => true);
    expect((await post(retrying, '/v1/chat/completions', chat('google', { n: 2 }))).status).toBe(502);
  });

  it.each([0, 1.5, 'two'])('are refused where it is no number of them (%s)', async (n) => {
    const response = await post(gateway, '/v1/chat/completions', chat('google', { n }));
    expect([response.status, (await response.json()).error.param]).toEqual([400, 'n']);
    expect(upstream.got).toEqual([]);
  });
});

describe('what cannot be translated', () => {
  it.each([
    ['/v1/chat/completions', chat('google', { n: 17 }), 'n'],
    ['/v1/chat/completions', chat('google', { logprobs: true }), 'logprobs'],
    ['/v1/chat/completions', chat('google', { tools: [{ type: 'custom', custom: { name: 'a' } }] }), 'tools'],
    [
      '/v1/messages',
      { ...chat('google'), tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
      'tools',
    ],
    ['/v1/messages', { ...chat('google'), mcp_servers: [{}] }, 'mcp_servers'],
    ['/v1/responses', { model: 'google', input: 'Hi', previous_response_id: 'r' }, 'previous_response_id'],
    ['/v1/responses', { model: 'google', input: [{ type: 'item_reference', id: 'a' }] }, 'input.0.type'],
  ])('is refused by %s in its own words, and no upstream is asked (%#)', async (path, body, param) => {
    const response = await post(gateway, path, body);
    const { error } = await response.json();
    expect([response.status, error.code, error.param]).toEqual([400, 'not_translatable', param]);
    expect(error.message).toContain(`\`${param}\` cannot be translated`);
    expect(upstream.got).toEqual([]);
  });

  it('goes to a candidate whose upstream speaks the protocol, where a router chooses; `/v1/route` says the same', async () => {
    const config = await testConfig(upstream, {
      upstreams: { mock: upstreams.openai as never, google: upstreams.google as never },
      routers: { support: { folder: await routerFolder() } },
    });
    Object.assign(config.candidates!.m0, { upstream: 'google' });
    Object.assign(config.candidates!.m1, { upstream: 'google' });
    const routed = await testGateway(config);
    const messages = [{ role: 'user', content: 'What is 17 * 23?' }];
    const chosen = async (body: object) => {
      const response = await post(routed, '/v1/chat/completions', { model: 'auto', messages, ...body });
      const decision = await (await post(routed, '/v1/route', { messages, ...body })).json();
      return [response.headers.get('x-pointsman-candidate'), decision.candidate];
    };
    expect(await chosen({ n: 17 })).toEqual(['m2', 'm2']);
    const [anybody, same] = await chosen({});
    expect(anybody).toBe(same);
  });

  it('an address that a provider does not fetch is fetched by nobody', async () => {
    const image = { type: 'image_url', image_url: { url: 'http://127.0.0.1:1/a.png' } };
    const response = await post(gateway, '/v1/chat/completions', {
      model: 'bedrock',
      messages: [{ role: 'user', content: [image] }],
    });
    expect([response.status, (await response.json()).error.message]).toEqual([
      400,
      expect.stringContaining('does not fetch'),
    ]);
    expect(upstream.got).toEqual([]);
  });
});

it.each(PROTOCOLS.map(({ name, route }) => ({ name, route })))(
  'a judge reads the answers of others behind what was asked in $name',
  async ({ name, route }) => {
    const policy = { kind: 'ensemble', members: ['m0', 'm1'], combine: { kind: 'judge', judge: 'm2' } };
    const config = await testConfig(upstream, {
      upstreams: { mock: upstreams.google as never },
      routers: { support: { folder: await routerFolder(), policy } },
    });
    const judged = await testGateway(config);
    upstream.answer = sayByWire(({ model }) => ({ text: `from ${model}` }));
    const asked = name === 'openai-responses' ? { input: 'Which?' } : { ...chat('auto'), max_tokens: 9 };
    for (const stream of [false, true]) {
      upstream.got.length = 0;
      const text = await (await post(judged, route, { model: 'auto', ...asked, stream })).text();
      // A stream gives it in two pieces.
      expect(text).toContain(stream ? 'odel-2' : 'from model-2');
      const { body } = upstream.got.find(({ url }) => url.includes('model-2'))!;
      const contents = JSON.stringify(body.contents);
      expect(contents).toContain(name === 'openai-responses' ? 'Which?' : 'Hi');
      expect(contents).toContain('from model-0');
      expect(contents).toContain('from model-1');
    }
  },
);

describe('errors', () => {
  const errorOf = (message: string): Readonly<Record<string, object>> => ({
    openai: { error: { message, type: 'invalid_request_error' } },
    anthropic: { type: 'error', error: { type: 'invalid_request_error', message } },
    google: { error: { code: 400, message, status: 'INVALID_ARGUMENT' } },
    bedrock: { message },
  });

  it.each(['openai', 'anthropic', 'google', 'bedrock'])(
    'of %s come in the protocol of the request, and hide its key',
    async (model) => {
      const path = model === 'anthropic' ? '/v1/chat/completions' : '/v1/messages';
      upstream.answer = (_, response) =>
        sendJson(response, errorOf(`The key ${MOCK_KEY} may not.`)[model], 400);
      const refused = await post(gateway, path, { ...chat(model), max_tokens: 9 });
      const body = await refused.json();
      expect([refused.status, body.error.code, body.error.message]).toEqual([
        400,
        'upstream_refused',
        'The key *** may not.',
      ]);
      expect(body.type).toBe(path === '/v1/messages' ? 'error' : undefined);
      upstream.answer = (_, response) => {
        response.setHeader('retry-after', '7');
        sendJson(response, errorOf('Slow down.')[model], 429);
      };
      const busy = await post(gateway, path, { ...chat(model), max_tokens: 9, stream: true });
      expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '7']);
    },
  );

  const SAID: Said = {
    text: 'A text that is long enough to be cut.',
    calls: [{ id: 'call1abcd', name: 'add', input: { a: 1 } }],
    finish: 'calls',
  };

  it.each(Object.keys(candidates))(
    'a stream of %s that is cut never ends as if it were whole',
    async (model) => {
      for (const { name, route } of PROTOCOLS)
        for (const share of [0, 0.3, 0.6]) {
          upstream.answer = cutByWire(SAID, share);
          const body =
            name === 'openai-responses' ? { model, input: 'Hi' } : { ...chat(model), max_tokens: 9 };
          const response = await post(gateway, route, { ...body, stream: true });
          const { isCut, text } = await readToEnd(response);
          expect(text).not.toMatch(/\[DONE\]|message_stop|response\.completed/);
          if (response.status === 200)
            expect([isCut, text]).toEqual([true, expect.stringMatching(/broken_stream/)]);
          else expect(JSON.parse(text).error.message).toEqual(expect.any(String));
        }
    },
  );

  it('a client that leaves aborts the upstream', async () => {
    upstream.answer = (_, response) =>
      void response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    const leaving = new AbortController();
    const asked = post(
      gateway,
      '/v1/messages',
      { ...chat('google'), max_tokens: 9, stream: true },
      {},
      leaving.signal,
    );
    while (upstream.got.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    leaving.abort();
    await upstream.got[0].closed;
    expect((await asked).status).toBe(499);
  });
});

describe('a configuration', () => {
  const opened = (provider: object) =>
    createGateway(
      { upstreams: { up: provider } as never, candidates: { a: { upstream: 'up' } } },
      { env: { MOCK_KEY } },
    );

  it.each([
    [
      { provider: 'ai-sdk-of-nobody' },
      'The upstream "up" needs the package "ai-sdk-of-nobody". Install it: npm install ai-sdk-of-nobody',
    ],
    [{ provider: 'yaml' }, '`upstreams.up.provider` must be a provider package of the AI SDK'],
    [{ provider: '../../evil' }, '`upstreams.up.provider`: must be one of openai'],
    [{ provider: 'openai-compatible' }, '`upstreams.up.baseUrl`: must be an address'],
    [{ provider: 'google', protocol: 'openai-chat' }, '`upstreams.up.protocol`: must stand beside `baseUrl`'],
    [
      { provider: 'bedrock', options: { secretAccessKey: 'AKIA' } },
      '`upstreams.up.options.secretAccessKey`: must be "${NAME}"',
    ],
    [
      { provider: 'bedrock', options: { apiKey: '${NOT_THERE}' } },
      '`upstreams.up.options.apiKey` needs the environment variable NOT_THERE',
    ],
    [{ provider: 'openai', method: 'paint' }, '`upstreams.up.method`: the provider openai has no paint'],
    [
      { baseUrl: 'http://127.0.0.1:1', options: { a: 1 } },
      '`upstreams.up.options`: must stand beside `provider`',
    ],
  ])('that is wrong is told so (%#)', async (provider, message) => {
    await expect(opened(provider)).rejects.toThrow(message);
  });
});

describe('property: whatever is asked', () => {
  const words = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((text) => text.trim() === text && text !== '');
  const value = fc.jsonValue({ maxDepth: 3 });
  const body = fc.dictionary(
    fc.constantFrom(...PROTOCOLS.flatMap(({ name }) => Object.keys(READERS[name].fields)), 'other'),
    value,
  );
  const message = fc.record({
    role: fc.constantFrom('user', 'assistant', 'system', 'tool'),
    content: fc.oneof(
      words,
      fc.array(
        fc.record(
          {
            type: fc.constantFrom(
              'text',
              'image',
              'tool_use',
              'tool_result',
              'thinking',
              'file',
              'image_url',
              'input_text',
            ),
            text: value,
            source: value,
            image_url: value,
            id: value,
            data: value,
            signature: value,
          },
          { requiredKeys: ['type'] },
        ),
        { maxLength: 3 },
      ),
    ),
  });

  it.each(PROTOCOLS.map(({ name }) => name))('a body of %s is read, or refused in words', (protocol) => {
    fc.assert(
      fc.property(body, fc.array(fc.oneof(message, value), { maxLength: 4 }), (fields, messages) => {
        try {
          readCall(READERS[protocol], { ...fields, messages, input: messages });
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
          expect((error as Problem).status).toBe(400);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('text and calls come through every pair, streamed as whole', async () => {
    const said = fc.record({
      text: words,
      calls: fc.array(
        fc.record({
          name: fc.constantFrom('add', 'look_up'),
          input: fc.dictionary(fc.constantFrom('a', 'b'), fc.oneof(words, fc.integer())),
        }),
        { maxLength: 2 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(said, fc.constantFrom(...Object.keys(candidates)), async ({ calls, text }, model) => {
        const named = calls.map((call, i) => ({ id: `call${i}abcd`, ...call }));
        upstream.answer = sayByWire({ text, calls: named, finish: named.length > 0 ? 'calls' : 'stop' });
        const asked = { model, max_tokens: 99, messages: [{ role: 'user' as const, content: 'Hi' }] };
        const whole = await anthropic.messages.create(asked);
        const streamed = await anthropic.messages.stream(asked).finalMessage();
        const shown = ({ content }: Anthropic.Message) =>
          content.flatMap((block) =>
            block.type === 'text' ? [block.text] : block.type === 'tool_use' ? [block.name, block.input] : [],
          );
        expect(shown(whole)).toEqual([text, ...named.flatMap(({ input, name }) => [name, input])]);
        expect(shown(streamed)).toEqual(shown(whole));
        expect([streamed.stop_reason, streamed.usage.output_tokens]).toEqual([
          whole.stop_reason,
          whole.usage.output_tokens,
        ]);
      }),
      { numRuns: 40 },
    );
  });
});

it('files are told by their kind from specification v4 on', () => {
  const url = new URL('https://host/a.png');
  const file = { type: 'file' as const, mediaType: 'image/png', data: PIXEL };
  const output = {
    type: 'content' as const,
    value: [{ type: 'image-data' as const, data: PIXEL, mediaType: 'image/png' }],
  };
  const prompt = [
    { role: 'system' as const, content: 'Be short.' },
    { role: 'user' as const, content: [file, { ...file, data: url }] },
    {
      role: 'tool' as const,
      content: [{ type: 'tool-result' as const, toolCallId: 'a', toolName: 'b', output }],
    },
  ];
  expect(asSpecification('v3', prompt)).toBe(prompt);
  expect(asSpecification('v4', prompt)).toEqual([
    prompt[0],
    {
      role: 'user',
      content: [
        { ...file, data: { type: 'data', data: PIXEL } },
        { ...file, data: { type: 'url', url } },
      ],
    },
    {
      role: 'tool',
      content: [
        {
          type: 'tool-result',
          toolCallId: 'a',
          toolName: 'b',
          output: {
            type: 'content',
            value: [{ type: 'file', mediaType: 'image/png', data: { type: 'data', data: PIXEL } }],
          },
        },
      ],
    },
  ]);
});

describe('POST /v1/messages/count_tokens', () => {
  const asked = {
    messages: [{ role: 'user' as const, content: 'x'.repeat(400) }],
    tools: [{ name: 'add', input_schema: schema }],
  };

  it('is counted by an upstream of Anthropic, and estimated for others and where it does not count', async () => {
    upstream.answer = (_, response) => sendJson(response, { input_tokens: 14 });
    const count = (model: string) => anthropic.messages.countTokens({ model, ...asked });
    expect(await count('anthropic')).toEqual({ input_tokens: 14 });
    expect(upstream.got.map(({ body, url }) => [url, Object.keys(body).sort()])).toEqual([
      ['/v1/messages/count_tokens', ['messages', 'model', 'tools']],
    ]);
    const { input_tokens: estimated } = await count('google');
    expect(estimated).toBeGreaterThanOrEqual(100);
    expect(estimated).toBeLessThan(150);
    upstream.answer = (_, response) => sendJson(response, { error: { message: 'Not here.' } }, 404);
    expect(await count('anthropic')).toEqual({ input_tokens: estimated });
    upstream.answer = (_, response) =>
      sendJson(response, { type: 'error', error: { type: 'x', message: 'No.' } }, 400);
    await expect(count('anthropic')).rejects.toThrow('No.');
    await expect(count('nobody')).rejects.toThrow('is not known');
  });
});
