import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LiveRow, LiveRows } from '../../../gateway/admin/live-area.ts';
import type { Gateway } from '../../../gateway/create-gateway.ts';
import { formatPercent, formatTick, formatUsd, timeRange } from '../../../gateway/dashboard/parts/format.ts';
import { formatInterval, formatPoints } from '../../../gateway/dashboard/parts/intervals.ts';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import {
  ask,
  mockUpstream,
  post,
  recordOf,
  resetBeforeEach,
  testConfig,
  testGateway,
} from '../gateway-fixture.ts';

const { folder } = temporaryFolder();
const upstream = await mockUpstream();
resetBeforeEach(upstream);

const here = (gateway: Gateway, path: string, init?: RequestInit) =>
  gateway.fetch(new Request(`http://127.0.0.1${path}`, init));

/** Reads events until `isEnough`, and leaves. */
async function rowsUntil(gateway: Gateway, isEnough: (rows: Map<string, LiveRow>) => boolean) {
  const reader = (await here(gateway, '/admin/live')).body!.getReader();
  const decoder = new TextDecoder();
  const rows = new Map<string, LiveRow>();
  let text = '';
  let leftOut = 0;
  while (!isEnough(rows)) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() as string;
    for (const event of events) {
      if (!event.startsWith('data: ')) continue;
      const sent: LiveRows = JSON.parse(event.slice(6));
      leftOut += sent.leftOut;
      for (const row of sent.rows) rows.set(row.id, row);
    }
  }
  await reader.cancel();
  return { rows, leftOut };
}

describe('decisions as they come', () => {
  it('are those that are there, then those that are made, and what comes of them', async () => {
    const gateway = await testGateway(await testConfig(upstream));
    const before = await recordOf(gateway, await post(gateway, '/v1/chat/completions', ask()));
    const watching = rowsUntil(gateway, (rows) => [...rows.values()].some(({ quality }) => quality === 1));
    const after = await recordOf(gateway, await post(gateway, '/v1/chat/completions', ask({ model: 'm1' })));
    await post(gateway, '/v1/feedback', { decisionId: after.id, rating: 'up' });
    const { rows } = await watching;
    expect([...rows.keys()]).toEqual([before.id, after.id]);
    expect(rows.get(after.id)).toMatchObject({
      asked: 'm1',
      prompt: 'What is 17 * 23?',
      chosen: 'm1',
      candidate: 'm1',
      state: 'answered',
      attempts: 1,
      costUsd: after.costUsd,
      quality: 1,
    });
  });

  it('hold no words where the log is to hold none, and the whole decision is there by its id', async () => {
    const gateway = await testGateway(await testConfig(upstream, { log: { folder, content: 'hash' } }));
    await post(gateway, '/v1/route', { text: 'secret words' });
    const { rows } = await rowsUntil(gateway, ({ size }) => size === 1);
    const [row] = rows.values();
    expect(row).toMatchObject({ prompt: null, state: 'decided', route: '/v1/route' });
    const whole = await (await here(gateway, `/admin/decisions/${row.id}`)).json();
    expect(whole).toMatchObject({
      id: row.id,
      decision: { candidate: row.chosen, changes: expect.any(Array) },
    });
    expect(JSON.stringify(whole)).not.toContain('secret words');
    expect((await here(gateway, '/admin/decisions/none')).status).toBe(404);
  });

  it('are left out and counted where there are too many to show', async () => {
    const gateway = await testGateway(await testConfig(upstream));
    const watching = rowsUntil(gateway, ({ size }) => size >= 200);
    for (let i = 0; i < 300; i++) await post(gateway, '/v1/route', { text: `Question ${i}` });
    const { leftOut, rows } = await watching;
    expect(rows.size + leftOut).toBeLessThanOrEqual(300);
    expect(rows.size).toBeGreaterThanOrEqual(200);
  });

  it('end with the gateway', async () => {
    const gateway = await testGateway(await testConfig(upstream));
    const watching = rowsUntil(gateway, () => false);
    gateway.leave();
    expect((await watching).rows.size).toBe(0);
  });
});

describe('what is served', () => {
  it('is told with the candidates that can be called, and how their calls went', async () => {
    const gateway = await testGateway(await testConfig(upstream));
    await post(gateway, '/v1/chat/completions', ask({ model: 'm1' }));
    upstream.answer = (_, response) => response.writeHead(401).end('{"error": {"message": "no"}}');
    await post(gateway, '/v1/chat/completions', ask({ model: 'm1' }));
    const overview = await (await here(gateway, '/admin/overview')).json();
    expect(overview).toMatchObject({
      routers: [{ name: 'support', candidates: ['m0', 'm1', 'm2'], policy: 'utility' }],
      candidates: { m0: 'mock', m1: 'mock', m2: 'mock' },
      hasKeys: false,
      hasLog: false,
    });
    const { candidates, decisions } = await (await here(gateway, '/admin/upstreams')).json();
    expect(decisions).toBe(2);
    expect(candidates[1]).toMatchObject({
      candidate: 'm1',
      breaker: 'closed',
      inFlight: 0,
      attempts: 2,
      answered: 1,
      errors: { 'UPSTREAM 401': 1 },
      lastError: { code: 'UPSTREAM 401' },
    });
    expect(candidates[0]).toMatchObject({ attempts: 0, latencyMs: null, lastError: null });
  });

  it('counts what a budget did not cover apart from what a breaker held back', async () => {
    const execution = { retries: 0, breaker: { failures: 1 } };
    const gateway = await testGateway(await testConfig(upstream, { execution }));
    const only = ask({ model: 'm1' });
    await post(gateway, '/v1/chat/completions', ask(), { 'x-pointsman-cost-budget-usd': '0' });
    upstream.answer = (_, response) => response.destroy();
    for (let i = 0; i < 2; i++) await post(gateway, '/v1/chat/completions', only);
    const { candidates } = await (await here(gateway, '/admin/upstreams')).json();
    const sum = (field: string) =>
      candidates.reduce((total: number, each: Record<string, number>) => total + each[field]!, 0);
    expect([sum('overBudget') > 0, sum('refused'), candidates[1].refused]).toEqual([true, 1, 1]);
  });
});

describe('a chart', () => {
  it('of a single day goes over days, and not years', () => {
    const day = Date.parse('2026-03-04T00:00:00Z') / 1000;
    const [from, to] = timeRange([day]);
    expect([from < day, to > day, (to - from) / 86_400]).toEqual([true, true, 3]);
    expect(timeRange([day, day + 86_400])).toEqual([day, day + 86_400]);
    expect(timeRange([])[1] - timeRange([])[0]).toBeLessThan(4 * 86_400);
  });
});

it('an interval says its unit once', () => {
  const of = { value: 0.81, low: -0.02, high: 0.87 };
  expect([formatPercent, formatPoints, formatUsd].map((format) => formatInterval(of, format))).toEqual([
    '81 % [-2 to 87 %]',
    '+81.0 points [−2.0 to +87.0 points]',
    '$0.81 [−$0.020 to $0.87]',
  ]);
  expect(formatInterval({ ...of, low: null }, formatPercent)).toBe('81 % (expected)');
});

describe('a mark of time', () => {
  it('is the day where one begins, and else as much of the time as tells two of them apart', () => {
    const noon = new Date(2026, 2, 4, 12, 0, 0).getTime() / 1000;
    const midnight = new Date(2026, 2, 4).getTime() / 1000;
    expect([formatTick(noon, 600), formatTick(noon + 5, 10), formatTick(midnight, 600)]).toEqual([
      ...['12:00', '12:00:05', '03-04'],
    ]);
    expect(formatTick(noon, 86_400)).toBe('03-04');
  });
});

describe('the dashboard', () => {
  it('says whether the token is missing or wrong', async () => {
    const config = await testConfig(upstream, { admin: { token: '${TOKEN}' } });
    const gateway = await testGateway(config, {
      env: { MOCK_KEY: 'x', TOKEN: 'a-token-that-is-long-enough' },
    });
    const said = async (headers: Record<string, string>) => {
      const response = await gateway.fetch(new Request('http://localhost/admin/overview', { headers }));
      return [response.status, await response.text()];
    };
    expect(await said({})).toEqual([401, expect.stringContaining('is needed')]);
    const wrong = { authorization: 'Bearer not-the-right-one' };
    expect(await said(wrong)).toEqual([401, expect.stringContaining('is wrong')]);
  });

  it('is not there where others could reach it without a token, and neither is what it shows', async () => {
    const open = await testGateway(await testConfig(upstream, { listen: { host: '0.0.0.0' } }));
    expect(open.hasDashboard).toBe(false);
    for (const path of ['/dashboard', '/dashboard/', '/admin/overview', '/admin/live'])
      expect((await here(open, path)).status).toBe(404);
  });

  it('asks for the token where there is one', async () => {
    const token = 'a-token-that-is-long-enough';
    const config = await testConfig(upstream, { listen: { host: '0.0.0.0' }, admin: { token: '${TOKEN}' } });
    const gateway = await testGateway(config, { env: { MOCK_KEY: 'x', TOKEN: token } });
    for (const path of ['/admin/overview', '/admin/live', '/admin/upstreams', '/admin/decisions/x'])
      expect((await here(gateway, path)).status).toBe(401);
    const headers = { authorization: `Bearer ${token}` };
    expect((await here(gateway, '/admin/overview', { headers })).status).toBe(200);
  });

  it('lets no script run but its own, and hands out no other file', async () => {
    const gateway = await testGateway(await testConfig(upstream));
    const page = await here(gateway, '/dashboard/');
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(page.headers.get('set-cookie')).toBe(null);
    for (const path of [
      '../package.json',
      '%2e%2e/package.json',
      'assets/../../index.js',
      'assets/',
      'x/y.js',
      '.%00',
    ])
      expect((await here(gateway, `/dashboard/${path}`)).status).not.toBe(200);
  });
});

describe('a vote', () => {
  const vote = (gateway: Gateway, body: unknown) =>
    here(gateway, '/admin/preferences', { method: 'POST', body: JSON.stringify(body) });
  const two = async (gateway: Gateway) => {
    const ids = ['m0', 'm1'].map(
      async (model) =>
        (await recordOf(gateway, await post(gateway, '/v1/chat/completions', ask({ model })))).id,
    );
    const [a, b] = await Promise.all(ids);
    return { prompt: 'What is 17 * 23?', a, b, winner: 'tie' };
  };

  it('is kept as a comparison that training reads', async () => {
    const gateway = await testGateway(await testConfig(upstream, { log: { folder: join(folder, 'votes') } }));
    for (const winner of ['a', 'both bad'])
      expect((await vote(gateway, { ...(await two(gateway)), winner })).status).toBe(204);
    const file = join(folder, 'votes/preferences.jsonl');
    const { rowsAccepted } = await ingestOutcomes({
      files: [file],
      format: 'preferences',
      out: join(folder, 'votes.parquet'),
    });
    // Two rows each: one of either answer.
    expect(rowsAccepted).toBe(4);
  });

  it('is refused in a sentence where it cannot be kept', async () => {
    const silent = await testGateway(await testConfig(upstream));
    const hashed = await testGateway(await testConfig(upstream, { log: { folder, content: 'hash' } }));
    for (const [gateway, words] of [
      [silent, 'there is none'],
      [hashed, 'is to hold no words'],
    ] as const) {
      const response = await vote(gateway, await two(gateway));
      expect([response.status, (await response.json()).error.message]).toEqual([
        400,
        expect.stringContaining(words),
      ]);
    }
    const logged = await testGateway(await testConfig(upstream, { log: { folder } }));
    const good = await two(logged);
    expect((await vote(logged, { ...good, a: 'dec_of_nobody' })).status).toBe(404);
    for (const bad of [{}, { ...good, winner: 'c' }, { ...good, prompt: '' }, { ...good, more: 1 }])
      expect((await vote(logged, bad)).status).toBe(400);
  });
});
