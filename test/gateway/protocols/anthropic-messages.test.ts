import Anthropic from '@anthropic-ai/sdk';
import { describe, expect, it } from 'vitest';
import type { GatewayConfig } from '../../../gateway/config/schema.ts';
import {
  type Answering,
  MOCK_KEY,
  mockUpstream,
  plainAnswer,
  post,
  recordOf,
  resetBeforeEach,
  sendEvents,
  sendJson,
  testConfig,
  testGateway,
  testServer,
} from '../gateway-fixture.ts';

const usage = {
  input_tokens: 100,
  cache_creation_input_tokens: 40,
  cache_read_input_tokens: 60,
  cache_creation: { ephemeral_5m_input_tokens: 30, ephemeral_1h_input_tokens: 10 },
  output_tokens: 10,
  service_tier: 'standard',
};
const message = (content: unknown, more = {}) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'served-1',
  content,
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage,
  ...more,
});
const said = (type: string, more = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
const begin = said('message_start', {
  message: message([], { stop_reason: null, usage: { ...usage, output_tokens: 1 } }),
});
const block = (index: number, content_block: object, ...deltas: object[]) =>
  said('content_block_start', { index, content_block }) +
  deltas.map((delta) => said('content_block_delta', { index, delta })).join('') +
  said('content_block_stop', { index });
const end = (stop_reason = 'end_turn') =>
  said('message_delta', { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 10 } }) +
  said('message_stop');
const text = (...words: string[]) =>
  block(0, { type: 'text', text: '' }, ...words.map((word) => ({ type: 'text_delta', text: word })));

/** Says which model it is, as Anthropic does; others as they do. */
const answering: Answering = (got, response) => {
  if (got.url !== '/v1/messages') return plainAnswer(got, response);
  const { model, stream } = got.body;
  if (stream !== true) return sendJson(response, message([{ type: 'text', text: `from ${model}` }]));
  sendEvents(response, begin, said('ping'), text('from ', String(model)), end());
};

const upstream = await mockUpstream();
const baseUrl = `${upstream.url}/v1`;
const config: GatewayConfig = await testConfig(upstream, {
  execution: { retryDelayMs: 0, breaker: false },
  forwardHeaders: ['anthropic-beta'],
  upstreams: {
    mock: { baseUrl, apiKey: '${MOCK_KEY}' },
    claude: { baseUrl, apiKey: '${MOCK_KEY}', protocol: 'anthropic' },
  },
});
for (const name of ['m1', 'm2']) config.candidates![name].upstream = 'claude';
Object.assign(config.candidates!.m2, {
  promptPrefix: 'Be short.',
  settings: { temperature: 0, max_tokens: 50 },
});
const gateway = await testGateway(config);
const oneAttempt = await testGateway({ ...config, execution: { retries: 0, breaker: false } });
const { url } = await testServer(config);
const client = new Anthropic({ baseURL: url, apiKey: 'pm-1', maxRetries: 0 });
const messages = [{ role: 'user' as const, content: 'What is 17 * 23?' }];
const asked = { model: 'm1', max_tokens: 100, messages };
const send = (more = {}, headers = {}) => post(gateway, '/v1/messages', { ...asked, ...more }, headers);

resetBeforeEach(upstream, answering);

describe("Anthropic's published SDK", () => {
  it('gets a whole message', async () => {
    const { data, response } = await client.messages.create(asked).withResponse();
    expect(data.content).toEqual([{ type: 'text', text: 'from model-1' }]);
    expect([data.model, data.stop_reason, data.usage.cache_read_input_tokens]).toEqual([
      'served-1',
      'end_turn',
      60,
    ]);
    expect(response.headers.get('x-pointsman-candidate')).toBe('m1');
    expect(upstream.got[0].headers).toMatchObject({
      'x-api-key': MOCK_KEY,
      'anthropic-version': '2023-06-01',
    });
    expect(upstream.got[0].headers.authorization).toBeUndefined();
  });

  it('gets a stream, its text and its final message', async () => {
    const stream = client.messages.stream({ ...asked, model: 'auto' });
    let words = '';
    stream.on('text', (piece) => {
      words += piece;
    });
    const final = await stream.finalMessage();
    expect(words).toMatch(/^from model-[12]$/);
    expect(final).toMatchObject({ content: [{ type: 'text', text: words }], usage: { output_tokens: 10 } });
  });

  it('gets thoughts with their signature, and calls of tools in pieces', async () => {
    upstream.answer = (_, response) =>
      sendEvents(
        response,
        begin,
        block(
          0,
          { type: 'thinking', thinking: '', signature: '' },
          { type: 'thinking_delta', thinking: 'Add.' },
          { type: 'signature_delta', signature: 'c2ln' },
        ),
        block(
          1,
          { type: 'tool_use', id: 'toolu_1', name: 'add', input: {} },
          { type: 'input_json_delta', partial_json: '' },
          { type: 'input_json_delta', partial_json: '{"a":' },
          { type: 'input_json_delta', partial_json: '1}' },
        ),
        block(2, { type: 'tool_use', id: 'toolu_2', name: 'now', input: {} }),
        end('tool_use'),
      );
    const tools = [{ name: 'add', input_schema: { type: 'object' as const } }];
    const final = await client.messages.stream({ ...asked, tools }).finalMessage();
    expect(final.content).toMatchObject([
      { type: 'thinking', thinking: 'Add.', signature: 'c2ln' },
      { type: 'tool_use', id: 'toolu_1', name: 'add', input: { a: 1 } },
      { type: 'tool_use', id: 'toolu_2', name: 'now', input: {} },
    ]);
    expect(final.stop_reason).toBe('tool_use');
    expect(upstream.got[0].body.tools).toEqual(tools);
  });

  it('gets errors as it knows them', async () => {
    await expect(client.messages.create({ ...asked, model: 'gpt-9' })).rejects.toBeInstanceOf(
      Anthropic.NotFoundError,
    );
    const refuse = (status: number, type: string) => {
      upstream.answer = (_, response) =>
        sendJson(response, { type: 'error', error: { type, message: 'No.' } }, status);
      return expect(client.messages.create(asked)).rejects;
    };
    const shape = (type: string) => ({ error: { type: 'error', error: { type, message: 'No.' } } });
    await refuse(400, 'invalid_request_error').toMatchObject({
      status: 400,
      ...shape('invalid_request_error'),
    });
    await refuse(429, 'rate_limit_error').toMatchObject({ status: 429, ...shape('rate_limit_error') });
    await refuse(529, 'overloaded_error').toMatchObject({ status: 502 });
  });

  it('gets an error, and no end, from a stream that breaks', async () => {
    const broken = [
      (response: Parameters<Answering>[1]) => void response.destroy(),
      (response: Parameters<Answering>[1]) => void response.end(),
      (response: Parameters<Answering>[1]) =>
        void response.end(said('error', { error: { type: 'overloaded_error', message: 'Overloaded' } })),
    ];
    for (const breaks of broken) {
      upstream.answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(
          begin +
            said('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
            said('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Two' } }),
          () => breaks(response),
        );
      };
      const words: string[] = [];
      const reading = (async () => {
        const stream = await client.messages.create({ ...asked, stream: true });
        for await (const event of stream)
          if (event.type === 'content_block_delta' && event.delta.type === 'text_delta')
            words.push(event.delta.text);
      })();
      await expect(reading).rejects.toMatchObject({
        error: { type: 'error', error: { type: 'api_error', code: 'broken_stream' } },
      });
      expect(words).toEqual(['Two']);
    }
  });

  it('lists models, and asks for one', async () => {
    const ids: string[] = [];
    for await (const model of client.models.list()) {
      expect(model).toMatchObject({ type: 'model', display_name: model.id });
      ids.push(model.id);
    }
    expect(ids).toEqual(['auto', 'router/support', 'm0', 'm1', 'm2']);
    expect(await client.models.retrieve('m1')).toMatchObject({ id: 'm1', type: 'model' });
  });

  it('gets answers at the address of its betas', async () => {
    const { content } = await client.beta.messages.create({ ...asked, betas: ['context-1m-2025-08-07'] });
    expect(content).toMatchObject([{ type: 'text', text: 'from model-1' }]);
    expect(upstream.got[0].headers['anthropic-beta']).toBe('context-1m-2025-08-07');
  });

  it('aborts upstream when it aborts', async () => {
    upstream.answer = () => leaving.abort();
    const leaving = new AbortController();
    await expect(client.messages.create(asked, { signal: leaving.signal })).rejects.toBeInstanceOf(
      Anthropic.APIUserAbortError,
    );
    await upstream.got[0].closed;
  });
});

describe('a message that comes in its own protocol', () => {
  it('reaches the upstream with every field, and its bytes come back', async () => {
    const body = {
      max_tokens: 100,
      system: [{ type: 'text', text: 'You add.', cache_control: { type: 'ephemeral' } }],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } },
            { type: 'text', text: 'See' },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
            { type: 'tool_use', id: 't1', name: 'add', input: {} },
          ],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: '40' }] },
      ],
      thinking: { type: 'enabled', budget_tokens: 10 },
      of_next_year: { a: [1] },
      metadata: { user_id: 'u1', pointsman_tier: 'gold' },
    };
    const answer = JSON.stringify(message([{ type: 'text', text: '391' }], { own: 1 }), null, 1);
    upstream.answer = (_, response) => sendJson(response, answer);
    const response = await send(body, { 'anthropic-beta': 'context-1m', 'x-api-key': 'pm-1' });
    expect(await response.text()).toBe(answer);
    const [{ body: got, headers, url: path }] = upstream.got;
    expect(got).toEqual({ ...body, model: 'model-1', stream: false, metadata: { user_id: 'u1' } });
    expect([path, headers['anthropic-beta'], headers['x-api-key']]).toEqual([
      '/v1/messages',
      'context-1m',
      MOCK_KEY,
    ]);
  });

  it('is streamed event by event as the upstream sent it', async () => {
    const all =
      begin +
      said('ping') +
      text('Two', ' and') +
      block(1, { type: 'web_search_tool_result', tool_use_id: 's1', content: [] }) +
      said('of_next_year', { a: 1 }) +
      end();
    upstream.answer = (_, response) => sendEvents(response, all);
    const response = await send({ stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(await response.text()).toBe(all);
  });

  it.each([false, true])(
    'is billed with what was cached and what was put there (stream: %s)',
    async (stream) => {
      const response = await send({ stream });
      await response.text();
      const record = await recordOf(gateway, response);
      expect(record).toMatchObject({
        state: 'answered',
        servedModel: 'served-1',
        inputTokens: 200,
        outputTokens: 10,
        route: '/v1/messages',
      });
      // 2 US dollars per million read, from the cache too; 2.5 to put there for five minutes, 4 for an hour; 20 to write.
      expect(record.costUsd).toBeCloseTo((100 * 2 + 60 * 2 + 30 * 2.5 + 10 * 4 + 10 * 20) / 1e6, 12);
    },
  );

  it('gets what the candidate has: settings, the smaller bound, a prefix before the system', async () => {
    await send({ model: 'm2', temperature: 1, system: 'You add.' });
    await send({ model: 'm2', max_tokens: 20, system: [{ type: 'text', text: 'You add.' }] });
    expect(upstream.got.map(({ body }) => [body.temperature, body.max_tokens, body.system])).toEqual([
      [0, 50, 'Be short.\n\nYou add.'],
      [
        0,
        20,
        [
          { type: 'text', text: 'Be short.' },
          { type: 'text', text: 'You add.' },
        ],
      ],
    ]);
  });

  it('is made into events where the upstream does not stream, and put together where only it does', async () => {
    const content = [
      { type: 'thinking', thinking: 'Add.', signature: 'c2ln' },
      { type: 'text', text: 'Now' },
      { type: 'tool_use', id: 't1', name: 'add', input: { a: 1 } },
    ];
    upstream.answer = (_, response) => sendJson(response, message(content, { stop_reason: 'tool_use' }));
    const final = await client.messages.stream(asked).finalMessage();
    expect(final).toMatchObject({ content, stop_reason: 'tool_use', usage: { input_tokens: 100 } });
    upstream.answer = ({ body, ...got }, response) =>
      answering({ ...got, body: { ...body, stream: true } }, response);
    expect(await client.messages.create(asked)).toMatchObject({
      content: [{ type: 'text', text: 'from model-1' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 100, cache_read_input_tokens: 60, output_tokens: 10 },
    });
  });

  it('that says nothing of its end, or is no message, is no answer', async () => {
    for (const body of [message([{ type: 'text', text: 'a' }], { stop_reason: null }), { fine: true }, [1]]) {
      upstream.answer = (_, response) => sendJson(response, body);
      const response = await send();
      expect([response.status, (await response.json()).type]).toEqual([502, 'error']);
    }
    upstream.answer = (_, response) => sendEvents(response, begin, text('Two'), said('message_stop'));
    await expect((await send({ stream: true })).text()).rejects.toThrow();
  });

  it('that never says anything ends in an error, with memory bounded, and shows no key', async () => {
    const nothing = said('content_block_delta', { index: 0, delta: { type: 'text_delta', text: '' } });
    const many = nothing.repeat(1000);
    let written = 0;
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const more = () => {
        while (!response.destroyed && written < 64e6) {
          written += many.length;
          if (!response.write(many)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    };
    const response = await post(oneAttempt, '/v1/messages', { ...asked, stream: true });
    expect([response.status, (await response.json()).error.message]).toEqual([
      502,
      expect.stringContaining('gave more than'),
    ]);
    expect(written).toBeLessThan(32e6);
    upstream.answer = (_, got) =>
      sendJson(got, { type: 'error', error: { type: 'x', message: `Key ${MOCK_KEY} is bad.` } }, 400);
    const refused = await (await send()).text();
    expect(refused).toContain('is bad.');
    expect(refused).not.toContain(MOCK_KEY);
  });

  it('whose call is made to be deep is no mistake of the gateway', async () => {
    const deep = `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
    const call = { type: 'tool_use', id: 't1', name: 'add', input: 'DEEP' };
    const answer = JSON.stringify(message([call], { stop_reason: 'tool_use' })).replace('"DEEP"', deep);
    upstream.answer = (_, response) => sendJson(response, answer);
    for (const stream of [false, true]) expect([200, 502]).toContain((await send({ stream })).status);
  });

  it('that ended without its last event gets one', async () => {
    const all = begin + text('Two') + end();
    upstream.answer = (_, response) => sendEvents(response, all.replace(said('message_stop'), ''));
    expect(await (await send({ stream: true })).text()).toBe(all);
  });

  it.each([
    [{ messages: [] }, 'messages'],
    [{ system: 1 }, 'system'],
    [{ tools: {} }, 'tools'],
    [{ stream: 'yes' }, 'stream'],
    [{ metadata: 'u1' }, 'metadata'],
  ])('is refused where it cannot be: %j', async (more, param) => {
    const response = await send(more);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { type: 'error', error: { type: 'invalid_request_error', param } },
    ]);
  });
});

describe('a router whose candidates speak several protocols', () => {
  it('chooses among those that speak what the request came in', async () => {
    const chosen = new Map<string, Set<string | null>>();
    for (let i = 0; i < 12; i++) {
      const content = `Question ${i}: ${'why '.repeat(i)}?`;
      for (const route of ['/v1/messages', '/v1/chat/completions']) {
        const body = { ...asked, model: 'auto', messages: [{ role: 'user', content }] };
        const { headers, status } = await post(gateway, route, body);
        expect(status).toBe(200);
        chosen.set(route, (chosen.get(route) ?? new Set()).add(headers.get('x-pointsman-candidate')));
      }
    }
    expect([...chosen.get('/v1/chat/completions')!]).toEqual(['m0']);
    for (const name of chosen.get('/v1/messages')!) expect(['m1', 'm2']).toContain(name);
    for (const { body, url: path } of upstream.got)
      expect(path).toBe(body.model === 'model-0' ? '/v1/chat/completions' : '/v1/messages');
  });

  it('falls back on nobody who speaks another', async () => {
    upstream.answer = (_, response) => response.destroy();
    expect((await send({ model: 'auto' })).status).toBe(502);
    expect(new Set(upstream.got.map(({ url: path }) => path))).toEqual(new Set(['/v1/messages']));
    expect(upstream.got.length).toBeGreaterThan(1);
  });

  it('says who speaks it where the candidate that is named does not', async () => {
    const response = await send({ model: 'm0' });
    expect([response.status, (await response.json()).error]).toMatchObject([
      400,
      { code: 'protocol_not_spoken', message: expect.stringContaining('Those that do: m1, m2.') },
    ]);
    const other = await post(gateway, '/v1/chat/completions', { model: 'm1', messages });
    expect((await other.json()).error).toMatchObject({ code: 'protocol_not_spoken', param: 'model' });
    expect(upstream.got).toEqual([]);
  });

  it('has errors of its own shape for paths that are not there', async () => {
    const response = await post(gateway, '/v1/messages/batches', {});
    expect([response.status, (await response.json()).error.type]).toEqual([404, 'not_found_error']);
  });
});
