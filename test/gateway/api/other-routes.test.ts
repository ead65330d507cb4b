import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import {
  ask,
  mockUpstream,
  post,
  resetBeforeEach,
  sendJson,
  testConfig,
  testGateway,
} from '../gateway-fixture.ts';

const { folder } = temporaryFolder();
const upstream = await mockUpstream();
const gateway = await testGateway(
  await testConfig(upstream, {
    upstreams: {
      mock: {
        baseUrl: `${upstream.url}/v1`,
        apiKey: '${MOCK_KEY}',
        protocol: ['openai-chat', 'anthropic', 'openai-responses'],
      },
    },
    log: { folder: join(folder, 'log') },
    embeddings: { embed: { upstream: 'mock', model: 'embed-1', inputPricePerMillionTokens: 2 } },
  }),
);
const get = (path: string) => gateway.fetch(new Request(`http://gateway${path}`));

resetBeforeEach(upstream);

describe('POST /v1/route', () => {
  it('decides alike for the same words in every protocol', async () => {
    const content = 'What is 17 * 23?';
    const messages = [{ role: 'user', content }];
    const bodies = [
      { text: content },
      { messages },
      { system: [], messages },
      { input: content },
      { input: [{ role: 'user', content: [{ type: 'input_text', text: content }] }] },
    ];
    const decisions = await Promise.all(
      bodies.map(async (body) => (await post(gateway, '/v1/route', body)).json()),
    );
    const [first] = decisions;
    expect(first.candidate).toMatch(/^m[012]$/);
    expect(decisions.map(({ candidate }) => candidate)).toEqual(bodies.map(() => first.candidate));
  });

  it('gives the whole decision, and calls nobody', async () => {
    const response = await post(gateway, '/v1/route', ask());
    const decision = await response.json();
    expect(decision).toMatchObject({
      id: expect.stringMatching(/^dec_/),
      router: 'support',
      confidence: expect.any(Number),
      plan: { kind: 'call' },
      fallback: expect.any(Array),
      reasons: expect.any(Array),
      changes: expect.any(Array),
    });
    expect(decision.predictions).toHaveLength(3);
    expect(upstream.got).toEqual([]);
    expect(await (await get(`/v1/decisions/${decision.id}`)).json()).toMatchObject({
      state: 'decided',
      decision: { id: decision.id },
    });
  });

  it('takes a text, and hints', async () => {
    const response = await post(
      gateway,
      '/v1/route',
      { text: 'Hi' },
      { 'x-pointsman-limits': '{"deny":["m0","m1"]}' },
    );
    expect((await response.json()).candidate).toBe('m2');
  });

  it('does not decide where a candidate is named', async () => {
    expect((await post(gateway, '/v1/route', ask({ model: 'm1' }))).status).toBe(400);
  });
});

describe('POST /v1/feedback', () => {
  it.each([
    [{ rating: 0.25 }, 0.25],
    [{ rating: true }, 1],
    [{ rating: 'down' }, 0],
    [{ rating: '👍', comment: 'Good.' }, 1],
    [{ rightAnswer: '391' }, undefined],
  ])('%j is in the log when it is acknowledged', async (given, quality) => {
    const id = (await post(gateway, '/v1/chat/completions', ask())).headers.get('x-pointsman-decision-id');
    const response = await post(gateway, '/v1/feedback', { decisionId: id, ...given });
    expect(response.status).toBe(201);
    const { rating: _, ...words } = given as Record<string, unknown>;
    const said = { ...(quality === undefined ? {} : { quality }), ...words, source: 'user' };
    const files = await readdir(join(folder, 'log'));
    const lines = (await readFile(join(folder, 'log', files[0]), 'utf8')).trimEnd().split('\n');
    const records = lines.map((line) => JSON.parse(line)).filter((record) => record.id === id);
    expect(records.map(({ kind }) => kind).sort()).toEqual(['decision', 'feedback', 'outcome']);
    expect(records.find(({ kind }) => kind === 'feedback')).toMatchObject(said);
    expect((await (await get(`/v1/decisions/${id}`)).json()).feedback).toMatchObject([said]);
  });

  it('goes to the last decision of a conversation', async () => {
    const headers = { 'x-pointsman-conversation-id': 'c1' };
    await post(gateway, '/v1/chat/completions', ask(), headers);
    const last = (await post(gateway, '/v1/chat/completions', ask(), headers)).headers.get(
      'x-pointsman-decision-id',
    );
    const response = await post(gateway, '/v1/feedback', { conversationId: 'c1', rating: 'up' });
    expect(await response.json()).toMatchObject({ decisionId: last, quality: 1 });
  });

  it.each([
    [{ rating: 1 }, 400],
    [{ decisionId: 'a', conversationId: 'b', rating: 1 }, 400],
    [{ decisionId: 'a' }, 400],
    [{ decisionId: 'a', rating: 2 }, 400],
    [{ decisionId: 'a', rating: 'great' }, 400],
    [{ decisionId: 'a', rating: 1, stars: 5 }, 400],
    [{ conversationId: 'unheard of', rating: 1 }, 404],
  ])('%j is refused', async (body, status) => {
    expect((await post(gateway, '/v1/feedback', body)).status).toBe(status);
  });
});

describe('POST /v1/feedback on a decision', () => {
  const withoutLog = async (recordsKept?: number) =>
    testGateway(await testConfig(upstream, recordsKept === undefined ? {} : { recordsKept }));
  const rate = (of: typeof gateway, decisionId: string | null) =>
    post(of, '/v1/feedback', { decisionId, rating: 1 });
  const decide = async (of: typeof gateway) => (await (await post(of, '/v1/route', ask())).json()).id;

  it('that nobody knows is refused where there is no log', async () => {
    const response = await rate(await withoutLog(), 'dec_unheard_of');
    expect([response.status, (await response.json()).error.code]).toEqual([404, 'decision_not_found']);
  });

  it('that is known is kept with it where there is no log, and says so', async () => {
    const own = await withoutLog();
    const id = await decide(own);
    const response = await rate(own, id);
    expect([response.status, await response.json()]).toEqual([
      201,
      { decisionId: id, quality: 1, source: 'user', known: true, logged: false },
    ]);
    const shown = await own.fetch(new Request(`http://gateway/v1/decisions/${id}`));
    expect((await shown.json()).feedback).toMatchObject([{ quality: 1 }]);
  });

  it('says whether it is known here where there is a log, which another gateway may share', async () => {
    const known = await (await rate(gateway, await decide(gateway))).json();
    expect(known).toMatchObject({ known: true, logged: true });
    const other = await rate(gateway, 'dec_of_another_gateway');
    expect([other.status, await other.json()]).toMatchObject([201, { known: false, logged: true }]);
  });

  it('that is remembered for ratings alone is known too', async () => {
    const own = await withoutLog(1);
    const [first] = [await decide(own), await decide(own)];
    expect((await own.fetch(new Request(`http://gateway/v1/decisions/${first}`))).status).toBe(404);
    expect((await rate(own, first)).status).toBe(201);
  });
});

describe('GET /v1/models', () => {
  it('lists what `model` may be', async () => {
    const { data } = await (await get('/v1/models')).json();
    expect(data.map(({ id }: { id: string }) => id)).toEqual([
      'auto',
      'router/support',
      'm0',
      'm1',
      'm2',
      'embed',
    ]);
  });
});

describe('GET /v1/models/:id', () => {
  it('gives one of them, whose name may hold a slash', async () => {
    for (const path of ['router/support', 'router%2Fsupport'])
      expect(await (await get(`/v1/models/${path}`)).json()).toMatchObject({
        id: 'router/support',
        object: 'model',
      });
    expect((await get('/v1/models/gpt-9')).status).toBe(404);
  });
});

describe('POST /v1/embeddings', () => {
  const vectors = { object: 'list', data: [{ embedding: [0.5] }], usage: { prompt_tokens: 7 }, own: 1 };

  it('passes the body on to the model that is named, and what comes back', async () => {
    upstream.answer = (_, response) => sendJson(response, vectors);
    const response = await post(gateway, '/v1/embeddings', { model: 'embed', input: ['a'], dimensions: 1 });
    expect(await response.json()).toEqual(vectors);
    expect(upstream.got).toMatchObject([
      { url: '/v1/embeddings', body: { model: 'embed-1', input: ['a'], dimensions: 1 } },
    ]);
  });

  it('is tried again where that may help, and says what was wrong', async () => {
    upstream.answer = (_, response) => {
      if (upstream.got.length < 3) response.destroy();
      else sendJson(response, { error: { message: 'No such dimensions.' } }, 400);
    };
    const response = await post(gateway, '/v1/embeddings', { model: 'auto', input: 'a' });
    expect([response.status, (await response.json()).error.message]).toEqual([400, 'No such dimensions.']);
    expect((await post(gateway, '/v1/embeddings', { model: 'm1', input: 'a' })).status).toBe(404);
  });

  it('says when to ask again, as the upstream does', async () => {
    upstream.answer = (_, response) =>
      response
        .writeHead(429, { 'content-type': 'application/json', 'retry-after': '70' })
        .end(JSON.stringify({ error: { message: 'Too many.' } }));
    const response = await post(gateway, '/v1/embeddings', { model: 'embed', input: 'a' });
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '70']);
    expect((await response.json()).error.message).toBe('Too many.');
  });

  it('is waited for no longer than `timeoutMs` of the model', async () => {
    const embeddings = { hasty: { upstream: 'mock', timeoutMs: 30 }, patient: { upstream: 'mock' } };
    const timed = await testGateway(
      await testConfig(upstream, { embeddings, execution: { retries: 0, timeoutMs: 30_000 } }),
    );
    upstream.answer = (_, response) => setTimeout(() => sendJson(response, vectors), 300).unref();
    const response = await post(timed, '/v1/embeddings', { model: 'hasty', input: 'a' });
    expect(response.status).toBe(502);
    expect((await response.json()).error.message).toMatch(/30 ms/);
    expect((await post(timed, '/v1/embeddings', { model: 'patient', input: 'a' })).status).toBe(200);
  });

  it('of what is no list of vectors makes an error', async () => {
    upstream.answer = (_, response) => sendJson(response, { fine: true });
    expect((await post(gateway, '/v1/embeddings', { model: 'embed', input: 'a' })).status).toBe(502);
  });

  it.each([
    ['a', 1],
    [['a', 'b'], 2],
    [[1, 2, 3], 1],
    [[[1], [2], [3]], 3],
  ])('of %j is %i vectors, and an error where there are fewer', async (input, count) => {
    let left = 0;
    upstream.answer = (_, response) =>
      sendJson(response, { ...vectors, data: Array(count - left).fill({ embedding: [0.5] }) });
    expect((await post(gateway, '/v1/embeddings', { model: 'embed', input })).status).toBe(200);
    left = 1;
    const response = await post(gateway, '/v1/embeddings', { model: 'embed', input });
    expect(response.status).toBe(502);
    expect((await response.json()).error.message).toContain(
      `gave ${count - 1} embeddings for ${count} texts`,
    );
  });

  it('keeps the deadline of a request, refuses hints that are none, and sends on what else its metadata holds', async () => {
    upstream.answer = (_, response) => setTimeout(() => sendJson(response, vectors), 300).unref();
    const late = await post(
      gateway,
      '/v1/embeddings',
      { model: 'embed', input: 'a' },
      { 'x-pointsman-deadline-ms': '30' },
    );
    expect([late.status, (await late.json()).error.code]).toEqual([504, 'deadline']);
    const metadata = { pointsman_deadlin_ms: '30' };
    const unknown = await post(gateway, '/v1/embeddings', { model: 'embed', input: 'a', metadata });
    expect([unknown.status, (await unknown.json()).error.code]).toEqual([400, 'unknown_hint']);
    upstream.answer = (_, response) => sendJson(response, vectors);
    const kept = { pointsman_deadline_ms: '5000', own: 'b' };
    await post(gateway, '/v1/embeddings', { model: 'embed', input: 'a', metadata: kept });
    expect(upstream.got.at(-1)?.body).toEqual({ model: 'embed-1', input: 'a', metadata: { own: 'b' } });
  });

  it('has the breaker of the configuration', async () => {
    upstream.answer = (_, response) => response.destroy();
    const tries = async (breaker: false | { failures: number }) => {
      const config = { embeddings: { embed: { upstream: 'mock' } }, execution: { retries: 0, breaker } };
      const own = await testGateway(await testConfig(upstream, config));
      upstream.got.length = 0;
      for (let i = 0; i < 8; i++) await post(own, '/v1/embeddings', { model: 'embed', input: 'a' });
      return upstream.got.length;
    };
    expect([await tries(false), await tries({ failures: 2 })]).toEqual([8, 2]);
  });
});

describe('what operators ask for', () => {
  it('is alive, and ready with the versions of its routers', async () => {
    expect(await (await get('/health')).json()).toEqual({ status: 'ok' });
    expect(await (await get('/ready')).json()).toEqual({
      status: 'ready',
      routers: { support: expect.any(String) },
    });
  });

  it('counts requests, tokens, costs and the log, with labels of the configuration alone', async () => {
    await post(gateway, '/v1/chat/completions', ask({ model: 'm1' }));
    await post(gateway, '/v1/chat/completions', ask({ model: 'unknown-model-1' }));
    const text = await (await get('/metrics')).text();
    expect(text).toMatch(
      /pointsman_requests_total\{route="\/v1\/chat\/completions",router="none",candidate="m1",status="200"\} \d/,
    );
    expect(text).toMatch(/pointsman_cost_usd_total\{router="none",candidate="m1"\} 0\.000\d/);
    expect(text).toMatch(/pointsman_tokens_total\{candidate="m1",direction="input"\} 100/);
    expect(text).toMatch(/pointsman_log_records\{state="written"\} \d/);
    expect(text).toContain('pointsman_requests_in_flight 0');
    expect(text).not.toContain('unknown-model-1');
  });

  it('is told what is not there', async () => {
    const response = await get('/v1/nothing');
    expect([response.status, (await response.json()).error.code]).toEqual([404, 'not_found']);
    expect((await get('/v1/decisions/dec_none')).status).toBe(404);
  });
});
