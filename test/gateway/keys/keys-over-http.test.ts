import { describe, expect, it } from 'vitest';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import {
  ask,
  completion,
  mockUpstream,
  post,
  resetBeforeEach,
  routerFolder,
  sendJson,
  testConfig,
  testGateway,
} from '../gateway-fixture.ts';

const { path } = temporaryFolder();
const upstream = await mockUpstream();
const folder = await routerFolder();
const gateway = await testGateway(
  await testConfig(upstream, {
    keys: { state: path('gateway.db') },
    routers: { support: { folder }, other: { folder } },
  }),
);
const CHAT = '/v1/chat/completions';

resetBeforeEach(upstream);

const HERE = { host: '127.0.0.1:8800' };

async function admin(method: string, where: string, body?: unknown, from = gateway) {
  const request = new Request(`http://127.0.0.1:8800${where}`, {
    method,
    headers: HERE,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const response = await from.fetch(request);
  return { status: response.status, body: await response.json().catch(() => null) };
}

async function newKey(settings: Record<string, unknown> = {}): Promise<{ id: string; secret: string }> {
  const { body } = await admin('POST', '/admin/keys', { name: 'a', ...settings });
  return { id: body.key.id, secret: body.secret };
}

const usedBy = async (id: string) => (await admin('GET', `/admin/keys/${id}/usage`)).body.days[0];
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const chat = (secret: string, more = {}) => post(gateway, CHAT, ask(more), bearer(secret));

/** Settled a moment after the answer has been read. */
async function settled(id: string) {
  for (let tries = 0; ; tries++) {
    const use = await usedBy(id);
    if (use?.heldUsd === 0 && use.requests > 0) return use;
    if (tries > 200) throw new Error('It was never settled.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('a key', () => {
  it.each([
    ['authorization', (secret: string) => `Bearer ${secret}`],
    ['authorization', (secret: string) => `bearer   ${secret} `],
    ['x-api-key', (secret: string) => secret],
    ['api-key', (secret: string) => secret],
    ['x-goog-api-key', (secret: string) => secret],
  ])('is read from %s, however its SDK writes it', async (header, written) => {
    const { secret } = await newKey();
    expect((await post(gateway, CHAT, ask(), { [header]: written(secret) })).status).toBe(200);
    // A placeholder beside it does not hide it.
    const others = { authorization: 'Bearer sk-none', [header]: written(secret) };
    expect((await post(gateway, CHAT, ask(), others)).status).toBe(200);
    expect((await post(gateway, CHAT, ask(), { [header]: written(`${secret}x`) })).status).toBe(401);
    expect(JSON.stringify(upstream.got.map(({ headers }) => headers))).not.toContain(secret);
  });

  it.each([
    ['POST', CHAT],
    ['POST', '/v1/embeddings'],
    ['POST', '/v1/route'],
    ['POST', '/v1/feedback'],
    ['GET', '/v1/models'],
    ['GET', '/v1/decisions/dec_0'],
  ])('is needed for %s %s, and nothing is sent without it', async (method, where) => {
    const body =
      method === 'GET' ? {} : { body: JSON.stringify(ask({ input: 'a', decisionId: 'dec_0', rating: 1 })) };
    for (const headers of [
      {},
      { authorization: 'Basic cG06cG0=' },
      bearer('pm-aaaaaaaaaaaa-'.padEnd(59, 'x')),
    ]) {
      const response = await gateway.fetch(
        new Request(`http://gateway${where}`, { method, headers, ...body }),
      );
      expect(response.status).toBe(401);
      expect((await response.json()).error).toMatchObject({ code: 'invalid_api_key' });
    }
    expect(upstream.got).toEqual([]);
  });

  it('is not needed to see whether the gateway lives', async () => {
    for (const where of ['/health', '/ready'])
      expect((await gateway.fetch(new Request(`http://gateway${where}`))).status).toBe(200);
  });
});

describe('what a request took', () => {
  it.each([false, true])('is counted by what the upstream says (stream: %s)', async (stream) => {
    const { id, secret } = await newKey({ budgetUsdPerDay: 1, requestsPerMinute: 10 });
    const response = await chat(secret, { model: 'm1', stream });
    await response.text();
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-ratelimit-limit-requests': '10',
      'x-ratelimit-remaining-requests': '9',
      'x-pointsman-budget-day-usd': '1',
    });
    // 100 tokens at $2 a million, and 10 at $20.
    expect(await settled(id)).toMatchObject({ usd: 0.0004, requests: 1, inputTokens: 100, outputTokens: 10 });
  });

  it('is nothing for one that nothing was sent for, and that is taken back', async () => {
    const { id, secret } = await newKey({ budgetUsdPerDay: 1 });
    expect((await chat(secret, { model: 'nobody' })).status).toBe(404);
    upstream.answer = (_, response) => response.writeHead(400).end('{}');
    expect((await chat(secret, { model: 'm0' })).status).toBe(400);
    expect(await settled(id)).toMatchObject({ heldUsd: 0 });
  });
});

describe('a limit', () => {
  it('of requests a minute is 429, says which and when', async () => {
    const { secret } = await newKey({ requestsPerMinute: 2 });
    for (let i = 0; i < 2; i++) expect((await chat(secret)).status).toBe(200);
    const response = await chat(secret);
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(20);
    expect(response.headers.get('x-pointsman-limit')).toBe('requests-per-minute');
    expect((await response.json()).error).toMatchObject({
      code: 'rate_limit_exceeded',
      message: expect.stringContaining('2 requests a minute'),
    });
    expect(upstream.got.length).toBe(2);
  });

  it('of money is 402, and sends nothing', async () => {
    const { id, secret } = await newKey({ budgetUsdPerDay: 0.0000001 });
    const response = await chat(secret);
    expect(response.status).toBe(402);
    expect(response.headers.get('x-pointsman-limit')).toBe('budget-per-day');
    expect((await response.json()).error).toMatchObject({ code: 'budget_exceeded' });
    expect(upstream.got).toEqual([]);
    expect(await usedBy(id)).toBe(undefined);
  });

  it('of money lets the cheapest candidate answer, where the key says so and the budget covers it', async () => {
    interface Prediction {
      readonly candidate: string;
      readonly expectedCostUsd: number;
    }
    const open = await newKey();
    const asking = (text: string) => ask({ messages: [{ role: 'user', content: text }] });
    /** Of a prompt for which the router chooses another than the cheapest. */
    const find = async () => {
      for (let i = 0; i < 200; i++) {
        const body = asking(`Prompt ${i}: ${'ab cd '.repeat(i % 7)}`);
        const response = await post(gateway, '/v1/route', body, bearer(open.secret));
        const { candidate, predictions } = (await response.json()) as {
          candidate: string;
          predictions: Prediction[];
        };
        const [cheapest, next] = [...predictions].sort((a, b) => a.expectedCostUsd - b.expectedCostUsd);
        if (cheapest.candidate !== candidate) return { body, candidate, cheapest, next };
      }
      throw new Error('It always chooses the cheapest.');
    };
    const { body, candidate, cheapest, next } = await find();
    const budgetUsdPerDay = (cheapest.expectedCostUsd + next.expectedCostUsd) / 2;
    const [refused, degraded] = [
      await newKey({ budgetUsdPerDay }),
      await newKey({ budgetUsdPerDay, onBudget: 'degrade' }),
    ];
    expect((await post(gateway, CHAT, body, bearer(open.secret))).headers.get('x-pointsman-candidate')).toBe(
      candidate,
    );
    expect((await post(gateway, CHAT, body, bearer(refused.secret))).status).toBe(402);
    upstream.answer = (got, response) => {
      // Dearer than was expected: nothing is left after it.
      const usage = { prompt_tokens: 100_000, completion_tokens: 0, total_tokens: 100_000 };
      sendJson(response, completion(`from ${got.body.model}`, { usage }));
    };
    const answer = await post(gateway, CHAT, body, bearer(degraded.secret));
    expect([answer.status, answer.headers.get('x-pointsman-candidate')]).toEqual([200, cheapest.candidate]);
    await settled(degraded.id);
    expect((await post(gateway, CHAT, body, bearer(degraded.secret))).status).toBe(402);
  });

  it('of money covers what is free, and what only the configuration knows the price of', async () => {
    const config = await testConfig(upstream, { keys: { state: ':memory:' } });
    const prices = (price: number) => ({
      inputPricePerMillionTokens: price,
      outputPricePerMillionTokens: price,
    });
    const candidates = {
      ...config.candidates,
      free: { upstream: 'mock', ...prices(0) },
      priced: { upstream: 'mock', ...prices(10) },
      unpriced: { upstream: 'mock' },
    };
    const own = await testGateway({ ...config, candidates });
    const { body } = await admin('POST', '/admin/keys', { name: 'a', budgetUsdPerDay: 0.001 }, own);
    const status = async (model: string, more = {}) =>
      (await post(own, CHAT, ask({ model, ...more }), bearer(body.secret))).status;
    expect(await status('free')).toBe(200);
    expect(await status('priced')).toBe(402);
    expect(await status('priced', { max_tokens: 10 })).toBe(200);
    expect(await status('unpriced')).toBe(402);
  });

  it('of routers and candidates is 403', async () => {
    const { secret } = await newKey({ candidates: ['m0'] });
    const response = await chat(secret);
    expect([response.status, response.headers.get('x-pointsman-candidate')]).toEqual([200, 'm0']);
    expect((await chat(secret, { model: 'm1' })).status).toBe(403);
  });

  it.each([
    [{}, ['auto', 'router/support', 'router/other', 'm0', 'm1', 'm2']],
    [{ candidates: ['m0'] }, ['auto', 'router/support', 'router/other', 'm0']],
    [{ routers: ['support'] }, ['auto', 'router/support']],
    [{ routers: ['other'], candidates: ['m1'] }, ['router/other', 'm1']],
  ])('of routers and candidates, %j, is what GET /v1/models goes by', async (settings, names) => {
    const { secret } = await newKey(settings);
    const models = await gateway.fetch(new Request('http://gateway/v1/models', { headers: bearer(secret) }));
    const { data } = await models.json();
    expect(data.map(({ id }: { id: string }) => id)).toEqual(names);
    for (const name of ['auto', 'router/support', 'router/other', 'm0', 'm1', 'm2']) {
      const { status } = await chat(secret, { model: name });
      expect([name, status]).toEqual([name, names.includes(name) ? 200 : 403]);
    }
  });
});

describe('a configuration', () => {
  it('keeps its state beside itself, and has one gateway at a time', async () => {
    const config = await testConfig(upstream, { keys: { state: 'gateway.db' } });
    await expect(createGateway(config, { env: { MOCK_KEY: 'x' }, folder: path('') })).rejects.toThrow(
      'in use by another gateway',
    );
  });

  it('may name the address of a Redis, and holds no password', async () => {
    const config = await testConfig(upstream);
    const open = (state: string) => createGateway({ ...config, keys: { state } }, { env: { MOCK_KEY: 'x' } });
    await expect(open('redis://:hunter2@localhost:6379')).rejects.toThrow(
      'a secret itself must not stand here',
    );
    await expect(open('redis://:hunter2@localhost:6379')).rejects.not.toThrow('hunter2');
    await expect(open('${REDIS_URL}')).rejects.toThrow('REDIS_URL');
  });

  it('has an admin API on this machine, and elsewhere with a token alone', async () => {
    const keys = { state: ':memory:' };
    const listen = { host: '0.0.0.0', port: 0 };
    const config = await testConfig(upstream, { keys });
    expect((await admin('GET', '/admin/keys')).status).toBe(200);
    const open = await testGateway({ ...config, listen });
    expect((await admin('GET', '/admin/keys', undefined, open)).status).toBe(404);
    await expect(createGateway({ ...config, listen, admin: {} }, { env: { MOCK_KEY: 'x' } })).rejects.toThrow(
      'must have a token',
    );
    const env = { MOCK_KEY: 'x', ADMIN: 'a-token-that-is-long-enough' };
    const guarded = await testGateway({ ...config, listen, admin: { token: '${ADMIN}' } }, { env });
    expect((await admin('GET', '/admin/keys', undefined, guarded)).status).toBe(401);
    const request = new Request('http://gateway/admin/keys', { headers: bearer(env.ADMIN) });
    expect((await guarded.fetch(request)).status).toBe(200);
    expect(
      (await guarded.fetch(new Request('http://gateway/admin/x', { headers: bearer(env.ADMIN) }))).status,
    ).toBe(404);
  });

  it('says so where there are no keys to look after', async () => {
    const gateway = await testGateway(await testConfig(upstream));
    for (const path of ['/admin/keys', '/admin/keys/x', '/admin/usage']) {
      const response = await gateway.fetch(new Request(`http://127.0.0.1${path}`));
      expect([response.status, (await response.json()).error.message]).toEqual([
        404,
        'This gateway has no keys. Give `keys` in its configuration.',
      ]);
    }
  });
});

it('names Redis and the field when it cannot be reached at the start, and lets nobody in', async () => {
  const errors: unknown[] = [];
  const cut = await testGateway(await testConfig(upstream, { keys: { state: '${STATE}', timeoutMs: 200 } }), {
    env: { MOCK_KEY: 'a', STATE: 'redis://127.0.0.1:1' },
    onError: (error) => errors.push(error),
  });
  expect(String(errors[0])).toMatch(/Redis does not answer: .*`keys\.state`/);
  const token = `pm-aaaaaaaaaaaa-${'x'.repeat(43)}`;
  expect((await post(cut, CHAT, ask(), bearer(token))).status).toBe(503);
  const misnamed = { env: { MOCK_KEY: 'a', STATE: 'nonsense' } };
  const config = await testConfig(upstream, { keys: { state: '${STATE}' } });
  await expect(createGateway(config, misnamed)).rejects.toThrow('`keys.state` must come to');
});

describe('a key that may not use everything', async () => {
  const codeAndWords = async (secret: string, body: object, path = CHAT) => {
    const { error } = await (await post(own, path, body, bearer(secret))).json();
    return [error.code, error.message];
  };
  const { upstreams, ...rest } = await testConfig(upstream);
  const own = await testGateway({
    ...rest,
    upstreams: { ...upstreams, other: { baseUrl: `${upstream.url}/v1`, protocol: 'anthropic' } },
    candidates: { ...rest.candidates, m3: { upstream: 'other' }, m4: { upstream: 'other' } },
    embeddings: { vectors: { upstream: 'mock' }, secret: { upstream: 'mock' } },
    routers: { support: { folder }, other: { folder } },
    keys: { state: path('scoped.db') },
  });
  const keyOf = async (settings: object) => {
    const { body } = await admin('POST', '/admin/keys', { name: 'a', ...settings }, own);
    return body.secret as string;
  };

  it.each([
    [{ routers: ['support'] }, 'auto, router/support'],
    [{ candidates: ['m0', 'm3'] }, 'auto, router/support, router/other, m0, m3'],
    [{ routers: ['other'], candidates: ['m1'] }, 'auto, router/other, m1'],
    [{}, 'auto, router/support, router/other, m0, m1, m2, m3, m4'],
  ])('is told of no other name than its own: %j', async (settings, names) => {
    const secret = await keyOf(settings);
    expect(await codeAndWords(secret, ask({ model: 'gpt-9' }))).toEqual([
      'model_not_found',
      `The model "gpt-9" is not known. Ask for one of: ${names}.`,
    ]);
    const [code, words] = await codeAndWords(secret, ask({ model: 'router/none' }));
    expect([code, words]).toEqual(['model_not_found', expect.stringContaining(names)]);
  });

  it('is told of none of the others where nobody speaks its protocol, limits are wrong or no vectors are there', async () => {
    const secret = await keyOf({ candidates: ['m0', 'm3', 'vectors'] });
    const [code, words] = await codeAndWords(secret, ask({ model: 'm0', max_tokens: 5 }), '/v1/messages');
    expect([code, words]).toEqual(['protocol_not_spoken', expect.stringContaining('Those that do: m3.')]);
    const limits = { 'x-pointsman-limits': '{"deny":["m9"]}' };
    const denied = await (await post(own, CHAT, ask(), { ...bearer(secret), ...limits })).json();
    expect(denied.error.message).toContain('which are m0. Got "m9"');
    const [, vectors] = await codeAndWords(secret, { model: 'none', input: 'a' }, '/v1/embeddings');
    expect(vectors).toContain('Known are: vectors.');
  });
});
