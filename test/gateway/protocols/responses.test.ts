import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import type { GatewayConfig } from '../../../gateway/config/schema.ts';
import {
  type Answering,
  MOCK_KEY,
  mockUpstream,
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
  input_tokens_details: { cached_tokens: 60 },
  output_tokens: 10,
  output_tokens_details: { reasoning_tokens: 4 },
  total_tokens: 110,
};
const words = (text: string) => ({ type: 'output_text', text, annotations: [] });
const spoken = (...content: unknown[]) => ({
  id: 'msg_1',
  type: 'message',
  status: 'completed',
  role: 'assistant',
  content,
});
const call = { id: 'fc_1', type: 'function_call', call_id: 'call_1', name: 'add', status: 'completed' };
const responseOf = (output: unknown, more = {}) => ({
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  error: null,
  incomplete_details: null,
  model: 'served-1',
  output,
  usage,
  ...more,
});

/** Named and numbered, as OpenAI sends them. */
const numbered = (...events: readonly (readonly [type: string, more: object])[]) =>
  events
    .map(([type, more], i) => {
      const data = { type: `response.${type}`, ...more, sequence_number: i };
      return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
    })
    .join('');
const at = { item_id: 'msg_1', output_index: 0, content_index: 0 };
const begun = responseOf([], { status: 'in_progress', usage: undefined });
const streamOf = (...pieces: readonly string[]) => {
  const text = pieces.join('');
  return numbered(
    ['created', { response: begun }],
    ['in_progress', { response: begun }],
    ['output_item.added', { output_index: 0, item: { ...spoken(), status: 'in_progress' } }],
    ['content_part.added', { ...at, part: words('') }],
    ...pieces.map((delta) => ['output_text.delta', { ...at, delta }] as const),
    ['output_text.done', { ...at, text }],
    ['content_part.done', { ...at, part: words(text) }],
    ['output_item.done', { output_index: 0, item: spoken(words(text)) }],
    ['completed', { response: responseOf([spoken(words(text))]) }],
  );
};

/** Says which model it is. */
const answering: Answering = ({ body: { model, stream } }, response) => {
  if (stream === true) sendEvents(response, streamOf('from ', String(model)));
  else sendJson(response, responseOf([spoken(words(`from ${model}`))]));
};

const upstream = await mockUpstream();
const config: GatewayConfig = await testConfig(upstream, {
  execution: { retryDelayMs: 0, breaker: false },
  upstreams: {
    mock: { baseUrl: `${upstream.url}/v1`, apiKey: '${MOCK_KEY}', protocol: 'openai-responses' },
  },
});
Object.assign(config.candidates!.m1, {
  cachedInputPricePerMillionTokens: 0.5,
  reasoningPricePerMillionTokens: 30,
});
Object.assign(config.candidates!.m2, { promptPrefix: 'Be short.', settings: { max_output_tokens: 50 } });
const gateway = await testGateway(config);
const { url } = await testServer(config);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'pm-1', maxRetries: 0 });
const asked = { model: 'm1', input: 'What is 17 * 23?' };
const send = (more = {}, headers = {}) => post(gateway, '/v1/responses', { ...asked, ...more }, headers);

resetBeforeEach(upstream, answering);

describe("OpenAI's published SDK", () => {
  it('gets a whole response', async () => {
    const { data, response } = await client.responses.create(asked).withResponse();
    expect([data.output_text, data.model, data.usage?.total_tokens]).toEqual([
      'from model-1',
      'served-1',
      110,
    ]);
    expect(response.headers.get('x-pointsman-candidate')).toBe('m1');
    expect(upstream.got[0].headers.authorization).toBe(`Bearer ${MOCK_KEY}`);
  });

  it('gets a stream, and its final response', async () => {
    const stream = client.responses.stream({ ...asked, model: 'auto' });
    let text = '';
    stream.on('response.output_text.delta', ({ delta }) => {
      text += delta;
    });
    const final = await stream.finalResponse();
    expect(text).toMatch(/^from model-[012]$/);
    expect([final.output_text, final.status]).toEqual([text, 'completed']);
  });

  it('gets errors as it knows them', async () => {
    await expect(client.responses.create({ ...asked, model: 'gpt-9' })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    upstream.answer = (_, response) => sendJson(response, { error: { message: 'Too long.' } }, 400);
    await expect(client.responses.create(asked)).rejects.toMatchObject({
      status: 400,
      code: 'upstream_refused',
      message: '400 Too long.',
    });
  });

  it('gets an error event, and no end, from a stream that breaks', async () => {
    const all = streamOf('Two', ' and');
    const first = all.slice(0, all.indexOf('event: response.output_text.done'));
    const failed = numbered([
      'failed',
      { response: responseOf([], { status: 'failed', error: { code: 'server_error', message: 'No.' } }) },
    ]);
    const wrong =
      'event: error\ndata: {"type":"error","code":"server_error","message":"No.","param":null,"sequence_number":6}\n\n';
    for (const rest of [null, '', failed, wrong]) {
      upstream.answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(first, () => (rest === null ? response.destroy() : response.end(rest)));
      };
      const events: { type: string; code?: string | null; sequence_number?: number }[] = [];
      const reading = (async () => {
        for await (const event of await client.responses.create({ ...asked, stream: true }))
          events.push(event);
      })();
      await expect(reading).rejects.toThrow();
      expect(events.map(({ type }) => type)).not.toContain('response.completed');
      expect(events.at(-1)).toMatchObject({ type: 'error', code: 'broken_stream', sequence_number: 6 });
    }
  });

  it('aborts upstream when it aborts', async () => {
    upstream.answer = () => leaving.abort();
    const leaving = new AbortController();
    await expect(client.responses.create(asked, { signal: leaving.signal })).rejects.toBeInstanceOf(
      OpenAI.APIUserAbortError,
    );
    await upstream.got[0].closed;
  });
});

describe('a response that comes in its own protocol', () => {
  it('reaches the upstream with every field, and its bytes come back', async () => {
    const body = {
      instructions: 'You add.',
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'See' },
            { type: 'input_image', image_url: 'data:image/png;base64,AA' },
          ],
        },
        { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'c2ln' },
        { ...call, arguments: '{}' },
        { type: 'function_call_output', call_id: 'call_1', output: '40' },
      ],
      tools: [{ type: 'function', name: 'add', parameters: { type: 'object' } }, { type: 'web_search' }],
      text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' } } },
      reasoning: { effort: 'high' },
      of_next_year: { a: [1] },
      metadata: { team: 'a', pointsman_tier: 'gold' },
    };
    const answer = JSON.stringify(responseOf([spoken(words('391'))], { own: 1 }), null, 1);
    upstream.answer = (_, response) => sendJson(response, answer);
    const response = await send(body);
    expect(await response.text()).toBe(answer);
    const [{ body: got, url: path }] = upstream.got;
    expect(got).toEqual({ ...body, model: 'model-1', stream: false, metadata: { team: 'a' } });
    expect(path).toBe('/v1/responses');
  });

  it('is streamed event by event as the upstream sent it', async () => {
    const all = streamOf('Two', ' and').replace(
      'event: response.completed',
      'event: response.of_next_year\ndata: {"type":"response.of_next_year"}\n\nevent: response.completed',
    );
    upstream.answer = (_, response) => sendEvents(response, all);
    expect(await (await send({ stream: true })).text()).toBe(all);
  });

  it.each([false, true])('is billed with what was cached and thought (stream: %s)', async (stream) => {
    const response = await send({ stream });
    await response.text();
    const record = await recordOf(gateway, response);
    expect(record).toMatchObject({ state: 'answered', servedModel: 'served-1', route: '/v1/responses' });
    expect(record.costUsd).toBeCloseTo((40 * 2 + 60 * 0.5 + 6 * 20 + 4 * 30) / 1e6, 12);
  });

  it('gets what the candidate has: settings, the smaller bound, a prefix before the instructions', async () => {
    await send({ model: 'm2', instructions: 'You add.' });
    await send({ model: 'm2', max_output_tokens: 20 });
    expect(upstream.got.map(({ body }) => [body.max_output_tokens, body.instructions, body.input])).toEqual([
      [50, 'Be short.\n\nYou add.', asked.input],
      [20, 'Be short.', asked.input],
    ]);
  });

  it('has its calls of tools in the pieces that came', async () => {
    const all = numbered(
      ['created', { response: begun }],
      ['output_item.added', { output_index: 0, item: { ...call, arguments: '', status: 'in_progress' } }],
      ['function_call_arguments.delta', { item_id: 'fc_1', output_index: 0, delta: '{"a":' }],
      ['function_call_arguments.delta', { item_id: 'fc_1', output_index: 0, delta: '1}' }],
      ['function_call_arguments.done', { item_id: 'fc_1', output_index: 0, arguments: '{"a":1}' }],
      ['output_item.done', { output_index: 0, item: { ...call, arguments: '{"a":1}' } }],
      ['completed', { response: responseOf([{ ...call, arguments: '{"a":1}' }]) }],
    );
    upstream.answer = (_, response) => sendEvents(response, all);
    expect(await (await send({ stream: true })).text()).toBe(all);
    // Put together for a client that did not ask for a stream.
    expect((await client.responses.create(asked)).output).toMatchObject([
      { type: 'function_call', call_id: 'call_1', name: 'add', arguments: '{"a":1}' },
    ]);
  });

  it('is made into events where the upstream does not stream, each part once and in order', async () => {
    const output = [
      { id: 'rs_1', type: 'reasoning', summary: [], encrypted_content: 'c2ln' },
      spoken(words('Now')),
      { ...call, arguments: '{"a":1}' },
    ];
    upstream.answer = (_, response) => sendJson(response, responseOf(output));
    const types: string[] = [];
    const stream = client.responses.stream(asked);
    stream.on('event', ({ type, sequence_number }) => {
      expect(sequence_number).toBe(types.length);
      types.push(type.replace('response.', ''));
    });
    const final = await stream.finalResponse();
    expect(final.output).toMatchObject(output);
    expect(types).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ]);
  });

  it('that was cut at its bound is an answer; one that is under way or failed is none', async () => {
    const cut = { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
    upstream.answer = (_, response) => sendJson(response, responseOf([spoken(words('Two'))], cut));
    expect((await send()).status).toBe(200);
    const failures = [
      { status: 'failed', error: { code: 'server_error', message: 'No.' } },
      { status: 'in_progress' },
      { status: 'queued' },
    ];
    for (const more of failures) {
      upstream.answer = (_, response) => sendJson(response, responseOf([spoken(words('Two'))], more));
      expect((await send()).status).toBe(502);
    }
  });

  it.each([
    [{ input: [] }, 'input'],
    [{ input: 1 }, 'input'],
    [{ input: undefined }, 'input'],
    [{ background: true }, 'background'],
    [{ tools: {} }, 'tools'],
  ])('is refused where it cannot be: %j', async (more, param) => {
    const response = await send(more);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { type: 'invalid_request_error', code: 'invalid_request', param } },
    ]);
  });

  it('may have its input in a prompt that the upstream keeps', async () => {
    expect((await send({ input: undefined, prompt: { id: 'pmpt_1' } })).status).toBe(200);
    expect(upstream.got[0].body).toEqual({ prompt: { id: 'pmpt_1' }, model: 'model-1', stream: false });
  });
});
