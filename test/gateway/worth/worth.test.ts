import { appendFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Router } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { createGateway } from '../../../gateway/create-gateway.ts';
import type { SampledDecision } from '../../../gateway/sample/decision-sample.ts';
import { openSqlite } from '../../../gateway/sqlite.ts';
import { estimate, studentQuantile } from '../../../gateway/worth/estimate.ts';
import { bestMix, savingsOf } from '../../../gateway/worth/savings.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import {
  ask,
  MOCK_KEY,
  mockUpstream,
  post,
  resetBeforeEach,
  testConfig,
  testGateway,
} from '../gateway-fixture.ts';

const { folder } = temporaryFolder();
const upstream = await mockUpstream();
resetBeforeEach(upstream);

const NAMES = ['cheap', 'dear'] as const;
const TRUTH = { cheap: { cost: 0.001, quality: 0.6 }, dear: { cost: 0.01, quality: 0.8 } };
const router = {
  manifest: { candidates: NAMES.map((name) => ({ name, meanQuality: TRUTH[name].quality })) },
} as unknown as Router;

/** A log whose truth is known; the router that wrote it expects costs and qualities that are off by `bias`. */
function simulated(rows: number, seed: number, { bias = 0, epsilon = 0.2 } = {}): SampledDecision[] {
  const random = createRandom(seed);
  return Array.from({ length: rows }, (_, i) => {
    const first = random.next() < 0.7 ? 'cheap' : 'dear';
    const candidate = random.next() < epsilon ? NAMES[random.integer(2)] : first;
    const propensities = Object.fromEntries(
      NAMES.map((name) => [name, (name === first ? 1 - epsilon : 0) + epsilon / 2]),
    );
    const costUsd = TRUTH[candidate].cost * (0.5 + random.next());
    return {
      decision: {
        candidate,
        propensity: propensities[candidate],
        ...(epsilon === 0 ? {} : { propensities }),
        promptHash: String(i),
        at: new Date(i * 1000).toISOString(),
        predictions: NAMES.map((name) => ({
          candidate: name,
          successProbability: Math.min(1, TRUTH[name].quality + bias),
          expectedCostUsd: TRUTH[name].cost * (1 + bias),
          expectedLatencyMs: 1,
        })),
      },
      request: null,
      isPlain: true,
      costUsd,
      quality: random.next() < TRUTH[candidate].quality ? 1 : 0,
    } as unknown as SampledDecision;
  });
}

describe('savings', () => {
  it('hold the truth in their intervals as often as they say, though the router expects wrong amounts', () => {
    const runs = 100;
    const held = { dearest: 0, quality: 0 };
    for (let seed = 0; seed < runs; seed++) {
      const sample = simulated(400, seed, { bias: 0.15 });
      const dearest = savingsOf(router, { decisions: sample, share: 1 }).comparisons.find(
        ({ kind }) => kind === 'dearest',
      )!;
      const mean = (of: (row: SampledDecision) => number) =>
        sample.reduce((sum, row) => sum + of(row), 0) / sample.length;
      // What the dear one would have cost is known; what was spent was.
      const truth = TRUTH.dear.cost - mean(({ costUsd }) => costUsd as number);
      const { high, low } = dearest.savedUsd;
      // The interval is of the traffic, of which this is a sample.
      if (low! <= truth && truth <= high!) held.dearest++;
      const gained = mean(({ decision }) => TRUTH[decision.candidate as 'dear'].quality) - TRUTH.dear.quality;
      const quality = dearest.gainedQuality!;
      if (quality.low! <= gained && gained <= quality.high!) held.quality++;
    }
    expect(held.dearest / runs).toBeGreaterThan(0.92);
    expect(held.quality / runs).toBeGreaterThan(0.92);
  });

  it('are what is expected alone, and say so, where nothing was explored', () => {
    const { comparisons } = savingsOf(router, { decisions: simulated(300, 1, { epsilon: 0 }), share: 1 });
    const dearest = comparisons.find(({ kind }) => kind === 'dearest')!;
    expect(dearest.savedUsd).toMatchObject({
      low: null,
      high: null,
      refusal: expect.stringContaining('could not be in the log, since the policy never tries them'),
    });
  });

  it('compare with the best of training, the dearest, and the mix that costs as much', () => {
    const { comparisons, meanCostUsd } = savingsOf(router, { decisions: simulated(2000, 3), share: 1 });
    expect(comparisons.map(({ kind, who }) => [kind, Object.keys(who)])).toEqual([
      ['best single', ['dear']],
      ['dearest', ['dear']],
      ['best fixed mix', ['cheap', 'dear']],
    ]);
    const mix = comparisons[2]!;
    expect(mix.who.cheap! + mix.who.dear!).toBeCloseTo(1);
    // It costs what was spent, so nothing is saved on it.
    expect(Math.abs(mix.savedUsd.value)).toBeLessThan(0.05 * meanCostUsd!);
  });

  it('of nothing are nothing', () => {
    expect(savingsOf(router, { decisions: [], share: 1 })).toMatchObject({
      decisions: 0,
      meanCostUsd: null,
      comparisons: [],
    });
    const unpriced = simulated(10, 1).map((row) => ({ ...row, costUsd: null }));
    expect(savingsOf(router, { decisions: unpriced, share: 0.5 })).toMatchObject({
      decisions: 0,
      unknownCosts: 10,
      comparisons: [],
    });
  });
});

it('no mix costs less than the cheapest, or more than the dearest', () => {
  const points = [
    { name: 'a', cost: 1, quality: 0.5 },
    { name: 'b', cost: 2, quality: 0.9 },
    { name: 'c', cost: 3, quality: 0.91 },
  ];
  expect(bestMix(points, 0.5)).toBe(null);
  expect(bestMix(points, 3.5)).toBe(null);
  expect(bestMix(points, 1.5)).toEqual({ a: 0.5, b: 0.5 });
  expect(bestMix(points, 2)).toEqual({ b: 1 });
});

it("quantiles of Student's distribution are those of the tables", () => {
  for (const [degrees, quantile] of [
    [9, 2.262],
    [20, 2.086],
    [100, 1.984],
    [1e9, 1.96],
  ] as const)
    expect(studentQuantile(degrees)).toBeCloseTo(quantile, 2);
});

it('an estimate of nothing, and of few, is refused', () => {
  expect(estimate([], 'choices of a')).toMatchObject({ rows: 0, low: null, refusal: expect.any(String) });
  const one = { expected: 1, error: 0.1, weight: 1, isCovered: true, minus: 0, minusExpected: 0, group: 'a' };
  expect(estimate([one], 'choices of a').refusal).toContain(
    'effective sample size of the choices of a is 1;',
  );
  // Equal prompts are one observation: nobody knows how it varies.
  expect(estimate(Array(100).fill(one), 'x')).toMatchObject({ low: null, high: null });
});

describe('what the gateway keeps of decisions', () => {
  const here = async (gateway: Awaited<ReturnType<typeof testGateway>>, path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await gateway.fetch(new Request(`http://127.0.0.1${path}`, init));
    return { status: response.status, body: await response.json() };
  };

  // Whatever the log is, and where there is none, too.
  it.each(['files', 'none'] as const)('answers what other weights would have done (log: %s)', async (log) => {
    const gateway = await testGateway(
      await testConfig(upstream, log === 'none' ? {} : { log: { folder: join(folder, 'log') } }),
    );
    const ids: string[] = [];
    for (let i = 0; i < 12; i++) {
      const messages = [{ role: 'user', content: `Q${i}` }];
      const response = await post(gateway, '/v1/chat/completions', ask({ messages }));
      ids.push(response.headers.get('x-pointsman-decision-id') as string);
      await response.text();
    }
    await post(gateway, '/v1/chat/completions', ask({ model: 'm1' }));
    await post(gateway, '/v1/route', { text: 'decided, and not carried out' });
    for (const rating of ['down', 'up']) await post(gateway, '/v1/feedback', { decisionId: ids[0], rating });

    const { body, status } = await here(gateway, '/admin/what-if', {
      weights: 'cheapest',
      limits: { deny: ['m2'] },
    });
    expect([status, body.decisions, body.rated, body.hasWeights, body.share, body.leftOut]).toEqual([
      ...[200, 12, 1, true, 1, 0],
    ]);
    expect(body.after.m2).toBe(undefined);
    expect(Object.values<number>(body.after).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
    // So few say nothing, and no interval is given.
    expect(body.quality).toMatchObject({ low: null, refusal: expect.any(String) });
    const same = await here(gateway, '/admin/what-if', {});
    // The decisions of a question are not taken down: nobody carries them out.
    expect([same.body.decisions, same.body.agreement]).toEqual([12, 1]);
    expect(same.body.costChangeUsd.value).toBeCloseTo(0, 12);
    for (const period of ['hour', 'day', 'month'])
      expect((await here(gateway, `/admin/savings?period=${period}`)).body).toMatchObject({
        decisions: 12,
        rated: 1,
        meanQuality: 1,
      });
    expect((await here(gateway, '/admin/savings?period=year')).status).toBe(400);
    expect((await here(gateway, '/admin/what-if', { weights: 'all' })).status).toBe(400);
    expect((await here(gateway, '/admin/savings?router=none')).status).toBe(404);
  });

  it('is there after a restart', async () => {
    const config = await testConfig(upstream, { log: { folder: join(folder, 'restarted') } });
    for (let run = 1; run <= 2; run++) {
      const gateway = await createGateway(config, { env: { MOCK_KEY } });
      await (await post(gateway, '/v1/chat/completions', ask())).text();
      expect((await here(gateway, '/admin/savings')).body.decisions).toBe(run);
      await gateway.close();
    }
  });

  it('begins with what the log holds, where there is no sample yet', async () => {
    const log = join(folder, 'before');
    const config = await testConfig(upstream, { log: { folder: log } });
    const first = await createGateway(config, { env: { MOCK_KEY } });
    const asked = async (model: string) => {
      const response = await post(first, '/v1/chat/completions', ask({ model }));
      await response.text();
      return response.headers.get('x-pointsman-decision-id') as string;
    };
    for (let i = 0; i < 3; i++)
      await post(first, '/v1/feedback', { decisionId: await asked('auto'), rating: 1 });
    for (const model of ['auto', 'm1']) await asked(model);
    const { body: before } = await here(first, '/admin/savings');
    expect(before).toMatchObject({ decisions: 4, rated: 3 });
    await first.close();
    const [file] = await readdir(log);
    await appendFile(join(log, file), '{"kind":"decision","id":"dec_');
    // The log and the sample ask what time it is one after the other.
    const timeless = (body: unknown) =>
      JSON.stringify(body, (field, value) => (field === 'since' ? value.slice(0, -6) : value));
    // It is filled once: what it holds itself goes before what the log says.
    for (const isNew of [true, false]) {
      if (isNew) for (const end of ['', '-wal', '-shm']) await rm(`${log}.sample.db${end}`, { force: true });
      const again = await createGateway(config, { env: { MOCK_KEY } });
      expect(timeless((await here(again, '/admin/savings')).body)).toEqual(timeless(before));
      await again.close();
    }
    // What was removed from it stays away, though the log has it.
    const emptied = openSqlite(`${log}.sample.db`, { schema: '', schemaVersion: 1, what: 'a sample' });
    emptied.exec('DELETE FROM sampled');
    emptied.close();
    const last = await createGateway(config, { env: { MOCK_KEY } });
    expect((await here(last, '/admin/savings')).body.decisions).toBe(0);
    await last.close();
  });

  it('says in a sentence why it cannot answer', async () => {
    const without = await testGateway(await testConfig(upstream, { sample: { keptDays: 0 } }));
    await (await post(without, '/v1/chat/completions', ask())).text();
    expect(await here(without, '/admin/savings')).toMatchObject({
      status: 404,
      body: { error: { message: expect.stringContaining('`sample.keptDays` of its configuration is 0') } },
    });
    const hashed = await testGateway(
      await testConfig(upstream, { log: { folder: join(folder, 'hashed'), content: 'hash' } }),
    );
    const said = async () => (await here(hashed, '/admin/what-if', {})).body.error.message;
    expect(await said()).toContain('No decision of this router was answered');
    await (await post(hashed, '/v1/chat/completions', ask())).text();
    // A page that asks again within some seconds is told the same.
    expect((await here(hashed, '/admin/what-if', { period: 'day' })).body.error.message).toContain(
      'No words of these requests are kept',
    );
    expect(await here(hashed, '/admin/savings?period=hour')).toMatchObject({ body: { decisions: 1 } });
  });
});
