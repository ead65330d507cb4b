import { beforeEach, describe, expect, it } from 'vitest';
import {
  type Admission,
  createOpenGuard,
  type ExpectedUse,
  type Grant,
  type Guard,
  type Used,
} from '../../../gateway/keys/guard.ts';
import { RefusalError, type RefusalKind } from '../../../gateway/problem.ts';
import {
  ask,
  chunk,
  mockUpstream,
  post,
  resetBeforeEach,
  sendJson,
  testConfig,
  testGateway,
} from '../gateway-fixture.ts';

const asked: Admission[] = [];
const reserved: ExpectedUse[] = [];
const settled: Used[] = [];
let refusal: RefusalKind | null = null;
/** US dollars that a reservation may ask for. */
let most = Number.POSITIVE_INFINITY;
let grant: Partial<Grant> = {};

const guard: Guard = {
  ...createOpenGuard(),
  async admit(admission) {
    asked.push(admission);
    if (refusal !== null) throw new RefusalError(refusal, 'No.', 2500, { headers: { 'x-left': '0' } });
    return {
      keyId: 'k1',
      tier: null,
      tags: {},
      routers: null,
      candidates: null,
      mayName: () => true,
      onBudget: 'refuse',
      async reserve(expected) {
        reserved.push(expected);
        if ((expected.costUsd ?? 0) > most) throw new RefusalError('over-budget', 'Too dear.');
        return {
          headers: { 'x-left': '1' },
          settle: async (used) => {
            settled.push(used);
          },
        };
      },
      ...grant,
    };
  },
};

const upstream = await mockUpstream();
const gateway = await testGateway(
  await testConfig(upstream, { embeddings: { embed: { upstream: 'mock', inputPricePerMillionTokens: 1 } } }),
  { guard },
);
const chat = (more = {}, headers = {}) => post(gateway, '/v1/chat/completions', ask(more), headers);

resetBeforeEach(upstream);
beforeEach(() => {
  asked.length = reserved.length = settled.length = 0;
  refusal = null;
  most = Number.POSITIVE_INFINITY;
  grant = {};
});

describe('the guard', () => {
  it('is asked with the key, and settled with what it took, of every answer', async () => {
    const response = await chat({ model: 'm1' }, { authorization: 'Bearer pm-secret' });
    expect(asked).toEqual([
      {
        action: 'answer',
        token: 'pm-secret',
        router: null,
        candidate: 'm1',
        inputTokens: expect.any(Number),
      },
    ]);
    expect(asked[0].inputTokens).toBeGreaterThan(0);
    expect(reserved).toEqual([
      { candidate: 'm1', costUsd: expect.any(Number), inputTokens: asked[0].inputTokens },
    ]);
    expect(settled).toEqual([{ costUsd: (100 * 2 + 10 * 20) / 1e6, inputTokens: 100, outputTokens: 10 }]);
    expect(response.headers.get('x-left')).toBe('1');
    expect(upstream.got[0].headers.authorization).not.toContain('pm-secret');
  });

  it.each<[RefusalKind, number, string]>([
    ['unauthenticated', 401, 'invalid_api_key'],
    ['forbidden', 403, 'not_allowed'],
    ['rate-limited', 429, 'rate_limit_exceeded'],
    ['over-budget', 402, 'budget_exceeded'],
    ['unavailable', 503, 'state_unavailable'],
  ])('that refuses (%s) is obeyed on every route', async (kind, status, code) => {
    refusal = kind;
    const routes: [string, unknown][] = [
      ['/v1/chat/completions', ask()],
      ['/v1/embeddings', { model: 'embed', input: 'a' }],
      ['/v1/route', ask()],
      ['/v1/feedback', { decisionId: 'a', rating: 1 }],
    ];
    const responses = await Promise.all([
      ...routes.map(([path, body]) => post(gateway, path, body)),
      ...['/v1/models', '/v1/decisions/a'].map((path) => gateway.fetch(new Request(`http://gateway${path}`))),
    ]);
    for (const response of responses) {
      expect([response.status, (await response.json()).error.code]).toEqual([status, code]);
      expect([response.headers.get('retry-after'), response.headers.get('x-left')]).toEqual(['3', '0']);
    }
    expect(asked.map(({ action }) => action).sort()).toEqual([
      'answer',
      'answer',
      'decide',
      'feedback',
      'read',
      'read',
    ]);
    expect(upstream.got).toEqual([]);
    const metrics = await (await gateway.fetch(new Request('http://gateway/metrics'))).text();
    expect(metrics).toContain(`pointsman_refusals_total{kind="${kind}"} ${responses.length}\n`);
  });

  it('is settled with every attempt of what failed, and with nothing of what was never sent', async () => {
    upstream.answer = (_, response) => sendJson(response, { error: { message: 'Broken.' } }, 500);
    expect((await chat()).status).toBe(502);
    expect(settled).toEqual([{ costUsd: 0, inputTokens: 0, outputTokens: 0 }]);
    await chat({}, { 'x-pointsman-cost-budget-usd': '0' });
    expect(settled[1]).toEqual({ costUsd: 0, inputTokens: 0, outputTokens: 0 });
  });

  it('is settled once for a stream, also for one whose reader leaves', async () => {
    await (await chat({ model: 'm0', stream: true })).text();
    expect(settled).toEqual([{ costUsd: (100 + 100) / 1e6, inputTokens: 100, outputTokens: 10 }]);
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ content: 'Two' }));
    };
    const reader = (await chat({ model: 'm0', stream: true })).body!.getReader();
    await reader.read();
    await reader.cancel();
    await upstream.got[1].closed;
    expect(settled).toHaveLength(2);
    expect(settled[1].costUsd).toBeGreaterThan(0);
  });

  it('gets back what was set aside for a client that had left by then', async () => {
    let go = () => {};
    const asked = new Promise<void>((resolve) => {
      go = resolve;
    });
    let reserving = () => {};
    const isAsked = new Promise<void>((resolve) => {
      reserving = resolve;
    });
    grant = {
      async reserve() {
        reserving();
        await asked;
        return {
          headers: {},
          settle: async (used) => {
            settled.push(used);
          },
        };
      },
    };
    const leaving = new AbortController();
    const response = post(gateway, '/v1/chat/completions', ask(), {}, leaving.signal);
    await isAsked;
    leaving.abort();
    expect((await response).status).toBe(499);
    go();
    while (settled.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(settled).toEqual([{ costUsd: 0, inputTokens: 0, outputTokens: 0 }]);
    expect(upstream.got).toEqual([]);
  });

  it('counts embeddings', async () => {
    const data = [{ embedding: [0.5] }, { embedding: [0.25] }];
    upstream.answer = (_, response) => sendJson(response, { data, usage: { prompt_tokens: 7 } });
    await post(gateway, '/v1/embeddings', { model: 'embed', input: ['abcd', 'efgh'] });
    expect(reserved).toEqual([{ candidate: 'embed', costUsd: 2 / 1e6, inputTokens: 2 }]);
    expect(settled).toEqual([{ costUsd: 7 / 1e6, inputTokens: 7, outputTokens: 0 }]);
  });
});

describe('a grant', () => {
  it('bounds the candidates that a router chooses among, and says the tier', async () => {
    grant = { candidates: ['m2'], mayName: (name) => name === 'm2', tier: 'gold' };
    const response = await chat({}, { 'x-pointsman-tier': 'free' });
    expect(response.headers.get('x-pointsman-candidate')).toBe('m2');
    const id = response.headers.get('x-pointsman-decision-id');
    const record = await (await gateway.fetch(new Request(`http://gateway/v1/decisions/${id}`))).json();
    expect(record.decision.signals.tier).toBe('gold');
    const models = await (await gateway.fetch(new Request('http://gateway/v1/models'))).json();
    expect(models.data.map(({ id }: { id: string }) => id)).toEqual(['auto', 'router/support', 'm2']);
  });

  it.each(['/v1/chat/completions', '/v1/route'])(
    'learns of no other candidate when none is left, from %s',
    async (path) => {
      const body = ask({ metadata: { pointsman_limits: '{"deny":["m2"]}' } });
      for (const [own, told] of [
        ['m2', 'm2'],
        ['elsewhere', 'No candidate of this router'],
      ]) {
        grant = { candidates: [own], mayName: (name) => name === own };
        const response = await post(gateway, path, body);
        const { error } = await response.json();
        expect([response.status, error.code]).toEqual([400, 'no_candidate']);
        expect(error.message).toContain(told);
        expect(error.message).not.toMatch(/m0|m1/);
      }
    },
  );

  it('does not show the decisions of another key', async () => {
    const id = (await chat()).headers.get('x-pointsman-decision-id');
    grant = { keyId: 'k2' };
    expect((await gateway.fetch(new Request(`http://gateway/v1/decisions/${id}`))).status).toBe(404);
    expect((await post(gateway, '/v1/feedback', { decisionId: id, rating: 1 })).status).toBe(404);
  });

  it('whose budget does not cover the choice refuses, or takes the cheapest within the limits', async () => {
    // One for which the choice is not the cheapest already.
    const texts = Array.from({ length: 50 }, (_, i) => `Question ${i}`);
    let text = '';
    for (text of texts) {
      const { predictions } = await (await post(gateway, '/v1/route', { text })).json();
      const costs: number[] = predictions.map((each: { expectedCostUsd: number }) => each.expectedCostUsd);
      most = Math.min(...costs);
      if (costs[0] > most) break;
    }
    const messages = [{ role: 'user', content: text }];
    expect((await chat({ messages })).status).toBe(402);
    expect(upstream.got).toEqual([]);
    grant = { onBudget: 'degrade' };
    const response = await chat({ messages });
    expect(response.status).toBe(200);
    expect(Number(response.headers.get('x-pointsman-expected-cost'))).toBeCloseTo(most, 8);
    expect(settled).toHaveLength(1);
  });
});
