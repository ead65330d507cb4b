import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { withoutAddresses } from '../../../gateway/problem.ts';
import { inputOf } from '../../../gateway/translation/call.ts';
import { createReopenings } from '../../../gateway/upstreams/clients.ts';
import {
  ask,
  mockUpstream,
  post,
  recordOf,
  resetBeforeEach,
  sendJson,
  testConfig,
  testGateway,
} from '../gateway-fixture.ts';

const upstream = await mockUpstream();
const config = await testConfig(upstream, {
  upstreams: {
    mock: {
      baseUrl: `${upstream.url}/v1`,
      apiKey: '${MOCK_KEY}',
      protocol: ['openai-chat', 'anthropic', 'openai-responses'],
    },
  },
  embeddings: { embed: { upstream: 'mock', model: 'embed-1' } },
  execution: { retryDelayMs: 0, breaker: false },
});
const gateway = await testGateway(config);

resetBeforeEach(upstream);

const words = 'What is 17 * 23?';
const questions = [{ type: 'predicate', instructions: 'm2 answers well' }];
const BODIES: readonly (readonly [path: string, body: object])[] = [
  ['/v1/chat/completions', ask()],
  ['/v1/chat/completions', ask({ stream: true })],
  ['/v1/messages', ask({ max_tokens: 5 })],
  ['/v1/messages/count_tokens', ask()],
  ['/v1/responses', { model: 'auto', input: words }],
  ['/v1/embeddings', { model: 'embed', input: words }],
  ['/v1/route', { text: words }],
  ['/v1/decisions', { model: 'auto', input: words, questions }],
  ['/v1/feedback', { decisionId: 'dec_1', rating: 1 }],
];

/** A list in a list in a list. */
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const withField = (body: object, value: string) => `${JSON.stringify(body).slice(0, -1)},"x":${value}}`;

describe('a body whose lists and objects lie too deep in each other', () => {
  it.each(BODIES)('is refused by %s as a wrong request (%j)', async (path, body) => {
    for (const value of [nested(100_000), nested(200), `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`]) {
      const response = await post(gateway, path, withField(body, value));
      const said = await response.text();
      expect([response.status, said]).toEqual([400, expect.stringContaining('at most 200 levels')]);
      expect(said).toMatch(/invalid_request/);
    }
    expect(upstream.got).toEqual([]);
  });

  it('goes on to the upstream where it has as many levels as it may', async () => {
    expect((await post(gateway, '/v1/chat/completions', withField(ask(), nested(199)))).status).toBe(200);
  });

  it('is refused in the arguments of a call, which are JSON in a text', () => {
    expect(() => inputOf(nested(100_000), 'arguments')).toThrow('at most 200 levels');
    expect(inputOf(nested(200), 'arguments')).toEqual(JSON.parse(nested(200)));
  });
});

describe('a request that no upstream answers', () => {
  const asked: typeof BODIES = BODIES.filter(([path]) =>
    ['/v1/chat/completions', '/v1/messages', '/v1/responses', '/v1/embeddings'].includes(path),
  );
  const host = new URL(upstream.url).host;

  it.each(asked)('of %s is told by which decision, and no address (%j)', async (path, body) => {
    upstream.answer = (_, response) => response.destroy();
    const response = await post(gateway, path, body);
    const text = await response.text();
    expect(response.status).toBe(502);
    expect(text).not.toContain('127.0.0.1');
    expect(text).not.toContain('`attempts`');
    expect(text).toContain('The last one: The upstream could not be reached.');
    const id = response.headers.get('x-pointsman-decision-id');
    if (path === '/v1/embeddings') return expect(id).toBe(null);
    expect(text).toContain(`GET /v1/decisions/${id}`);
    const record = await recordOf(gateway, response);
    expect(record).toMatchObject({ id, state: 'failed', status: 502 });
    expect(record.attempts[0].error.message).toMatch(/could not be reached/);
    expect(JSON.stringify(record)).not.toContain(host);
  });

  it.each([
    ['500 with words', 502, (response) => sendJson(response, { error: { message: 'Broken.' } }, 500)],
    ['400 without words', 400, (response) => sendJson(response, {}, 400)],
    ['a redirect', 502, (response) => response.writeHead(302, { location: 'http://10.1.2.3/x' }).end()],
    ['no answer', 502, (response) => sendJson(response, { nothing: 1 })],
  ] as readonly (readonly [string, number, (response: ServerResponse) => void])[])(
    'because of %s is told no address',
    async (_, status, answer) => {
      const config = await testConfig(upstream, { execution: { retryDelayMs: 0, breaker: false } });
      const without = await testGateway(config);
      upstream.answer = (_, response) => answer(response);
      const response = await post(without, '/v1/chat/completions', ask());
      expect(response.status).toBe(status);
      expect(await response.text()).not.toMatch(/127\.0\.0\.1|10\.1\.2\.3|http:/);
      expect(response.headers.get('x-pointsman-decision-id')).toMatch(/^dec_/);
    },
  );

  it('has the decision too where its time or its budget ran out', async () => {
    const late = await post(gateway, '/v1/chat/completions', ask(), { 'x-pointsman-deadline-ms': '0.001' });
    const dear = await post(gateway, '/v1/chat/completions', ask(), { 'x-pointsman-cost-budget-usd': '0' });
    for (const response of [late, dear])
      expect([response.status, response.headers.get('x-pointsman-decision-id')]).toEqual([
        expect.toSatisfy((status) => [402, 504].includes(status)),
        expect.stringMatching(/^dec_/),
      ]);
  });

  it.each([
    'connect ECONNREFUSED 10.0.0.7:443',
    'getaddrinfo ENOTFOUND models.internal',
    'connect ECONNREFUSED ::1:8080',
    'https://models.internal/v1/chat/completions answered 500.',
  ])('hides where it is: %s', (words) => {
    expect(withoutAddresses(words)).not.toMatch(/10\.0|internal|::1|8080|443/);
  });
  it('leaves times and words as they are', () => {
    expect(withoutAddresses('Until 10:15:30, said `m1`: no.')).toBe('Until 10:15:30, said `m1`: no.');
  });

  it('says when the first breaker lets a request try again', async () => {
    const execution = { retryDelayMs: 0, retries: 0, breaker: { failures: 1, halfOpenAfterMs: 7500 } };
    const guarded = await testGateway(await testConfig(upstream, { execution }));
    upstream.answer = (_, response) => response.destroy();
    await post(guarded, '/v1/chat/completions', ask({ model: 'm1' }));
    const response = await post(guarded, '/v1/chat/completions', ask({ model: 'm1' }));
    expect([response.status, (await response.json()).error.code]).toEqual([503, 'unavailable']);
    expect(Number(response.headers.get('retry-after'))).toBeOneOf([6, 7, 8]);
    const short = createReopenings({ failures: 1, halfOpenAfterMs: 1 });
    expect(short.inMs('m1')).toBe(0);
    short.changed('m1', 'open');
    expect(short.inMs('m1')).toBeGreaterThan(0);
    short.changed('m1', 'closed');
    expect(short.inMs('m1')).toBe(0);
  });
});

describe('a hint', () => {
  const chat = (headers: Record<string, string>, more = {}) =>
    post(gateway, '/v1/chat/completions', ask(more), headers);
  const codeOf = async (response: Response) => [response.status, (await response.json()).error?.code];

  it.each(['nope', 'weight', 'tier2', 'decision'])(
    'that is not known is refused as a header and in metadata alike: %s',
    async (name) => {
      const response = await chat({ [`x-pointsman-${name}`]: '1' });
      const { error } = await response.json();
      expect([response.status, error.code, error.param]).toEqual([
        400,
        'unknown_hint',
        `x-pointsman-${name}`,
      ]);
      expect(error.message).toContain('x-pointsman-cost-budget-usd');
      expect(await codeOf(await chat({}, { metadata: { [`pointsman_${name}`]: '1' } }))).toEqual([
        400,
        'unknown_hint',
      ]);
      const route = await post(gateway, '/v1/route', { text: words }, { [`x-pointsman-${name}`]: '1' });
      expect(await codeOf(route)).toEqual([400, 'unknown_hint']);
    },
  );

  it('may be any header of an answer, sent back', async () => {
    const answer = await chat({});
    const failed = await chat({}, { model: 'none' });
    const own = [...answer.headers, ...failed.headers].filter(([name]) => name.startsWith('x-pointsman-'));
    expect(own.length).toBeGreaterThan(7);
    expect((await chat(Object.fromEntries(own))).status).toBe(200);
  });

  it.each([
    ['allow', 'of a header', { 'x-pointsman-limits': '{"allow":["zzz"]}' }, {}],
    ['deny', 'of a header', { 'x-pointsman-limits': '{"deny":["m0","zzz"]}' }, {}],
    ['deny', 'of metadata', {}, { metadata: { pointsman_limits: { deny: ['zzz'] } } }],
  ])('whose %s %s names no candidate says what must hold', async (list, _, headers, more) => {
    const response = await chat(headers as Record<string, string>, more);
    const { error } = await response.json();
    expect([response.status, error.code]).toEqual([400, 'invalid_hint']);
    expect(error.message).toContain(
      `(at ${list}): it must name candidates of the router "support", which are m0, m1, m2. Got "zzz".`,
    );
    const bounded = await post(gateway, '/v1/route', { text: words, ...more }, headers as never);
    expect(await codeOf(bounded)).toEqual([400, 'invalid_hint']);
  });

  it('whose weights are all 0 is a wrong hint too, or taken, and never a mistake of the gateway', async () => {
    const weights = '{"quality":0,"cost":0,"latency":0}';
    expect((await chat({ 'x-pointsman-weights': weights })).status).toBeLessThan(500);
  });
});
