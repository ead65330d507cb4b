import { describe, expect, it } from 'vitest';
import {
  ask,
  chunk,
  completion,
  event,
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
  usageEvent,
} from '../gateway-fixture.ts';

const upstream = await mockUpstream();
const errors: unknown[] = [];
const gateway = await testGateway(await testConfig(upstream), { onError: (error) => errors.push(error) });
const CHAT = '/v1/chat/completions';
const chat = (more = {}, headers = {}, signal?: AbortSignal) =>
  post(gateway, CHAT, ask(more), headers, signal);

resetBeforeEach(upstream);

describe('a whole answer', () => {
  it("is the upstream's own body, byte for byte, with what the gateway knows in headers", async () => {
    const body =
      '{ "choices": [{"message": {"content": "391"}, "finish_reason": "stop"}], "own": 1.50,\n "model": "x-1" }';
    upstream.answer = (_, response) => sendJson(response, body);
    const response = await chat();
    expect(await response.text()).toBe(body);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json',
      'x-pointsman-decision-id': expect.stringMatching(/^dec_[0-9a-f]{32}$/),
      'x-pointsman-router': 'support',
      'x-pointsman-candidate': expect.stringMatching(/^m[012]$/),
      'x-pointsman-confidence': expect.stringMatching(/^[01]\.\d{4}$/),
      'x-pointsman-expected-cost': expect.stringMatching(/^\d/),
      'x-pointsman-attempts': '1',
      'x-pointsman-overhead-ms': expect.stringMatching(/^\d+\.\d{3}$/),
    });
  });

  it('takes everything along that was asked, known or not, to the model of the candidate', async () => {
    const body = {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'See' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } },
          ],
        },
      ],
      tools: [{ type: 'function', function: { name: 'add', parameters: { type: 'object' } } }],
      tool_choice: 'auto',
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } },
      n: 2,
      seed: 3,
      of_next_year: { a: [1] },
      metadata: { team: 'a', pointsman_tier: 'gold' },
    };
    await chat({ ...body, model: 'm1' });
    const [{ body: got, headers, url }] = upstream.got;
    expect(got).toEqual({ ...body, model: 'model-1', stream: false, metadata: { team: 'a' } });
    expect(url).toBe('/v1/chat/completions');
    expect(headers.authorization).toBe(`Bearer ${MOCK_KEY}`);
  });

  it('is taken down with its decision, attempts, cost and the model that answered', async () => {
    const record = await recordOf(gateway, await chat({ model: 'm1' }));
    expect(record).toMatchObject({
      state: 'answered',
      status: 200,
      asked: 'm1',
      router: null,
      candidate: 'm1',
      servedModel: 'served-1',
      inputTokens: 100,
      outputTokens: 10,
      decision: { candidate: 'm1', policyPath: ['named'], reasons: ['The request names m1.'] },
    });
    expect(record.costUsd).toBeCloseTo((100 * 2 + 10 * 20) / 1e6, 12);
    expect(record.attempts).toMatchObject([{ candidate: 'm1', state: 'answered', costSource: 'computed' }]);
  });

  it('of an upstream that streams though nobody asked is put together', async () => {
    upstream.answer = ({ body }, response) =>
      plainAnswer({ body: { ...body, stream: true } } as never, response);
    const body = await (await chat({ model: 'm0' })).json();
    expect(body).toMatchObject({
      object: 'chat.completion',
      model: 'served-1',
      choices: [{ message: { role: 'assistant', content: 'from model-0' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 100, total_tokens: 110 },
    });
  });
});

describe('a streamed answer', () => {
  const all =
    chunk({ role: 'assistant', content: '' }) +
    chunk({ content: 'Two' }) +
    chunk({ content: 'b' }, null, 1) +
    chunk({}, 'stop') +
    usageEvent +
    event('[DONE]');

  it("is the upstream's own events, byte for byte", async () => {
    upstream.answer = (_, response) => sendEvents(response, all);
    const response = await chat({ stream: true, stream_options: { include_usage: true, own: 1 } });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('x-pointsman-candidate')).toMatch(/^m[012]$/);
    expect(await response.text()).toBe(all);
    expect(upstream.got[0].body.stream_options).toEqual({ include_usage: true, own: 1 });
  });

  it('has each call of a tool once, though one event holds several', async () => {
    const call = (index: number) => ({ index, id: `c${index}`, function: { name: 'add', arguments: '{}' } });
    const events =
      chunk({ content: 'Now', tool_calls: [call(0), call(1)] }) + chunk({}, 'tool_calls') + event('[DONE]');
    upstream.answer = (_, response) => sendEvents(response, events);
    expect(await (await chat({ stream: true })).text()).toBe(events);
  });

  it('has no event of usage for a client that did not ask for it, and its cost is known all the same', async () => {
    upstream.answer = (_, response) => sendEvents(response, all);
    const response = await chat({ stream: true, model: 'm0' });
    expect(await response.text()).toBe(all.replace(usageEvent, ''));
    expect((await recordOf(gateway, response)).costUsd).toBeCloseTo((100 + 10 * 10) / 1e6, 12);
  });

  it('ends with [DONE] though the upstream left it out', async () => {
    upstream.answer = (_, response) => sendEvents(response, chunk({ content: 'a' }), chunk({}, 'stop'));
    expect(await (await chat({ stream: true })).text()).toBe(
      chunk({ content: 'a' }) + chunk({}, 'stop') + event('[DONE]'),
    );
  });

  it('of an upstream that does not stream is made into events, with all choices and calls', async () => {
    const call = { id: 'c1', type: 'function', function: { name: 'add', arguments: '{}' } };
    const body = completion('', {
      own: 1,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: null, tool_calls: [call] },
          finish_reason: 'tool_calls',
        },
        { index: 1, message: { role: 'assistant', content: 'b' }, finish_reason: 'stop' },
      ],
    });
    upstream.answer = (_, response) => sendJson(response, body);
    const text = await (await chat({ stream: true, stream_options: { include_usage: true } })).text();
    const events = text
      .trimEnd()
      .split('\n\n')
      .map((line) => line.replace('data: ', ''));
    expect(events.pop()).toBe('[DONE]');
    expect(events.map((data) => JSON.parse(data))).toMatchObject([
      {
        object: 'chat.completion.chunk',
        own: 1,
        choices: [{ index: 0, delta: { tool_calls: [{ index: 0, ...call }] } }],
      },
      { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
      { choices: [{ index: 1, delta: { content: 'b' } }] },
      { choices: [{ index: 1, finish_reason: 'stop' }] },
      { choices: [], usage: { total_tokens: 110 } },
    ]);
  });

  it('that breaks after its beginning ends in an error event and an aborted stream, never in a clean end', async () => {
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ content: 'Two' }), () => response.destroy());
    };
    const response = await chat({ stream: true });
    const pieces: string[] = [];
    const reading = (async () => {
      for await (const piece of response.body as never as AsyncIterable<Uint8Array>)
        pieces.push(Buffer.from(piece).toString());
    })();
    await expect(reading).rejects.toThrow();
    expect(pieces).toHaveLength(2);
    expect(JSON.parse(pieces[1].replace('data: ', ''))).toMatchObject({
      error: { type: 'server_error', code: 'broken_stream', message: expect.stringContaining('broke') },
    });
    expect(await recordOf(gateway, response)).toMatchObject({
      state: 'failed',
      status: 502,
      error: { code: 'broken_stream' },
    });
  });

  it('that breaks before its beginning comes from another candidate, and the headers say from whom', async () => {
    const [, , failing] = ['m0', 'm1', (await (await chat()).headers.get('x-pointsman-candidate'))!];
    upstream.got.length = 0;
    upstream.answer = (got, response) => {
      if (got.body.model === `model-${failing.slice(1)}`) response.destroy();
      else plainAnswer(got, response);
    };
    const response = await chat({ stream: true });
    const by = response.headers.get('x-pointsman-candidate')!;
    expect(by).not.toBe(failing);
    expect(response.headers.get('x-pointsman-attempts')).toBe('4');
    expect(await response.text()).toContain(`model-${by.slice(1)}`);
  });
});

describe('an answer of several candidates', () => {
  it.each([false, true])(
    'is the one that was taken, and the header says whose it is (stream: %s)',
    async (stream) => {
      upstream.answer = (got, response) => {
        // The first to be asked is the last to answer.
        const wait = got.body.model === 'model-0' ? 60 : 0;
        setTimeout(() => plainAnswer(got, response), wait);
      };
      const policy = { kind: 'ensemble', members: ['m0', 'm1', 'm2'], combine: { kind: 'majority' } };
      const { support } = (await testConfig(upstream)).routers as Record<string, { folder: string }>;
      const panel = await testGateway(
        await testConfig(upstream, { routers: { support: { ...support, policy } } }),
      );
      const response = await post(panel, CHAT, ask({ stream }));
      const by = response.headers.get('x-pointsman-candidate')!;
      const text = await response.text();
      expect(text).toContain(`from model-${by.slice(1)}`);
      expect(['m0', 'm1', 'm2'].filter((name) => text.includes(`from model-${name.slice(1)}`))).toEqual([by]);
      expect(response.headers.get('x-pointsman-attempts')).toBe('3');
      expect(upstream.got.map(({ body }) => body.stream)).toEqual([false, false, false]);
      if (stream) expect(text).toMatch(/^data: .*"chat.completion.chunk"[\s\S]*data: \[DONE\]\n\n$/);
    },
  );
});

describe('a client that leaves', () => {
  it('before the answer aborts what is asked upstream', async () => {
    const leaving = new AbortController();
    upstream.answer = () => leaving.abort();
    const response = await chat({}, {}, leaving.signal);
    expect(response.status).toBe(499);
    await upstream.got[0].closed;
  });

  it('amid a stream aborts upstream, and is taken down as left, with a cost', async () => {
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ content: 'Two' }));
    };
    const response = await chat({ stream: true, model: 'm0' });
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await upstream.got[0].closed;
    const record = await recordOf(gateway, response);
    expect(record).toMatchObject({ state: 'left', status: 499, attempts: [{ state: 'aborted' }] });
    expect(record.costUsd).toBeGreaterThan(0);
  });

  it('slowly reads slowly from upstream: no more is taken than is asked for', async () => {
    let written = 0;
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = chunk({ content: 'x'.repeat(65_536) });
      const more = () => {
        while (written < 400) {
          written++;
          if (!response.write(event)) return void response.once('drain', more);
        }
        response.end(chunk({}, 'stop'));
      };
      more();
    };
    const response = await chat({ stream: true, model: 'm0' }, { 'x-pointsman-deadline-ms': '20000' });
    const reader = response.body!.getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 100));
    // 26 MB would be there; sockets and streams on the way hold a few.
    expect(written).toBeLessThan(200);
    await reader.cancel();
  });
});

describe('what goes wrong', () => {
  it.each([
    ['no JSON', '{', 400, 'invalid_json'],
    ['a list', '[]', 400, 'invalid_json'],
    ['no messages', { model: 'auto' }, 400, 'invalid_request'],
    ['messages that are none', ask({ messages: ['a'] }), 400, 'invalid_request'],
    ['messages without words', ask({ messages: [{ role: 'user', content: '' }] }), 400, 'invalid_request'],
    ['a model that is not known', ask({ model: 'gpt-9' }), 404, 'model_not_found'],
    ['a router that is not known', ask({ model: 'router/x' }), 404, 'model_not_found'],
    ['a hint that is not known', ask({ metadata: { pointsman_speed: '1' } }), 400, 'unknown_hint'],
    ['a hint that cannot be', ask({ metadata: { pointsman_weights: 'fast' } }), 400, 'invalid_hint'],
  ])('%s is said in the shape of OpenAI', async (_, body, status, code) => {
    const response = await post(gateway, CHAT, body);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      error: {
        message: expect.any(String),
        type: 'invalid_request_error',
        param: expect.toSatisfy((v) => v === null || typeof v === 'string'),
        code,
      },
    });
    expect(upstream.got).toEqual([]);
  });

  it("a refusal of the request itself is told in the upstream's own words, without its key", async () => {
    upstream.answer = (_, response) =>
      sendJson(response, { error: { message: `Too long for ${MOCK_KEY}.` } }, 400);
    const response = await chat();
    expect(response.status).toBe(400);
    expect((await response.json()).error).toMatchObject({
      message: 'Too long for ***.',
      code: 'upstream_refused',
    });
  });

  it('a key that the upstream refuses is no fault of the client, who sees nothing of it', async () => {
    upstream.answer = (_, response) => sendJson(response, { error: { message: `Wrong ${MOCK_KEY}` } }, 401);
    const response = await chat({ model: 'm0' });
    const text = await response.text();
    expect(response.status).toBe(502);
    expect(text).not.toContain(MOCK_KEY);
    expect(text).toContain('upstreams.mock.apiKey');
  });

  it('a busy upstream says when to come again', async () => {
    upstream.answer = (_, response) => {
      response.setHeader('retry-after', '7');
      sendJson(response, { error: { message: 'Slow down.' } }, 429);
    };
    const response = await chat({ model: 'm1' });
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7']);
  });

  it('a body that is too long is not read', async () => {
    const small = await testGateway(await testConfig(upstream, { maxBodyBytes: 1000 }));
    const response = await post(small, CHAT, ask({ user: 'x'.repeat(2000) }));
    expect([response.status, (await response.json()).error.code]).toEqual([413, 'body_too_long']);
  });

  it('a deadline that passes is said so', async () => {
    upstream.answer = () => {};
    const response = await chat({ model: 'm2' }, { 'x-pointsman-deadline-ms': '30' });
    expect([response.status, (await response.json()).error.code]).toEqual([504, 'deadline']);
  });

  it('nothing of it was a mistake of the gateway', () => {
    expect(errors).toEqual([]);
  });
});

describe('hints', () => {
  it.each([
    ['headers', {}, { 'x-pointsman-limits': '{"allow":["m2"]}', 'x-pointsman-tier': 'gold' }],
    ['metadata', { metadata: { pointsman_limits: '{"allow":["m2"]}', pointsman_tier: 'gold' } }, {}],
    [
      'metadata as objects',
      { metadata: { pointsman_limits: { allow: ['m2'] }, pointsman_tier: 'gold' } },
      {},
    ],
  ])('are taken as %s', async (_, body, headers) => {
    const response = await chat(body, headers);
    expect(response.headers.get('x-pointsman-candidate')).toBe('m2');
    expect((await recordOf(gateway, response)).decision.signals).toMatchObject({ tier: 'gold' });
  });

  it('choose among routers, and a conversation is known by its id', async () => {
    const response = await chat({}, { 'x-pointsman-router': 'support', 'x-pointsman-conversation-id': 'c1' });
    expect(await recordOf(gateway, response)).toMatchObject({ router: 'support', conversationId: 'c1' });
    expect((await chat({}, { 'x-pointsman-router': 'other' })).status).toBe(404);
  });

  it('bound what is spent', async () => {
    const response = await chat({}, { 'x-pointsman-cost-budget-usd': '0' });
    expect([response.status, (await response.json()).error.code]).toEqual([402, 'cost_budget']);
    expect(upstream.got).toEqual([]);
  });
});

describe('the trace context', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  it('goes on to the upstream, and other headers only where they are allowed', async () => {
    const open = await testGateway(await testConfig(upstream, { forwardHeaders: ['X-Request-Id'] }));
    await post(open, CHAT, ask(), {
      traceparent,
      tracestate: 'a=1',
      'x-request-id': 'r1',
      'x-other': '1',
      cookie: 'c',
    });
    const [{ headers }] = upstream.got;
    expect(headers).toMatchObject({ traceparent, tracestate: 'a=1', 'x-request-id': 'r1' });
    expect([headers['x-other'], headers.cookie]).toEqual([undefined, undefined]);
  });

  it('that is none does not', async () => {
    await chat({}, { traceparent: 'nonsense\u00ff' });
    expect(upstream.got[0].headers.traceparent).toBe(undefined);
  });
});
