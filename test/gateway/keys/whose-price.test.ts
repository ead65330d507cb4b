import { expect, it } from 'vitest';
import { pricingOf } from '../../../gateway/api/expected-cost.ts';
import { createKeyGuard } from '../../../gateway/keys/key-guard.ts';
import { createKey, readUsage } from '../../../gateway/keys/manage-keys.ts';
import { openGatewayState } from '../../../gateway/state/open-state.ts';
import {
  ask,
  chunk,
  completion,
  event,
  mockUpstream,
  post,
  resetBeforeEach,
  sendEvents,
  sendJson,
  testConfig,
  testGateway,
} from '../gateway-fixture.ts';

const upstream = await mockUpstream();
resetBeforeEach(upstream);
const CHAT = '/v1/chat/completions';

/** What the router of the fixture knows is a thousandth of this. */
const DEAR = { inputPricePerMillionTokens: 1250, outputPricePerMillionTokens: 10_000 };
const candidates = Object.fromEntries(
  ['m0', 'm1', 'm2'].map((name) => [name, { upstream: 'mock', model: name, ...DEAR }]),
);
const state = await openGatewayState(':memory:');
const gateway = await testGateway(await testConfig(upstream, { candidates }), {
  guard: createKeyGuard({ state }),
});

async function newKey(budgetUsdPerDay: number, more = {}) {
  const { key, secret } = await createKey(state, { name: 'a', budgetUsdPerDay, ...more });
  const used = async () => {
    for (let tries = 0; tries < 200; tries++) {
      const [today] = await readUsage(state, key.id, 1);
      if (today === undefined || today.heldUsd === 0) return today?.usd ?? 0;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error('It was never settled.');
  };
  const send = (body: Readonly<Record<string, unknown>>, headers = {}) =>
    post(gateway, CHAT, ask(body), { authorization: `Bearer ${secret}`, ...headers });
  return { send, used };
}

const costOf = (response: Response) => Number(response.headers.get('x-pointsman-expected-cost'));

it.each(['auto', 'm0'])(
  'is that of the configuration, for what a router knows (model: %s)',
  async (model) => {
    const poor = await newKey(0.01);
    const refused = await poor.send({ model });
    expect(refused.status).toBe(402);
    expect((await refused.json()).error).toMatchObject({ code: 'budget_exceeded' });
    expect(upstream.got).toEqual([]);
    // 1000 tokens at most where the router knows nothing of the length of answers.
    const rich = await newKey(1000);
    expect(costOf(await rich.send({ model }))).toBeGreaterThan(0.01);
    // 100 tokens at $1250 a million, and 10 at $10000.
    expect(await rich.used()).toBeCloseTo(0.225, 9);
  },
);

it.each(['max_tokens', 'max_completion_tokens'])(
  'is that of as many tokens as %s lets it write',
  async (field) => {
    const key = await newKey(0.5);
    // 20 tokens are $0.2, and 60 are $0.6: so are 20 in each of three answers.
    expect((await key.send({ [field]: 60 })).status).toBe(402);
    expect((await key.send({ [field]: 20, n: 3 })).status).toBe(402);
    expect(upstream.got).toEqual([]);
    const response = await key.send({ [field]: 20 });
    expect(response.status).toBe(200);
    expect(costOf(response)).toBeLessThan(0.21);
  },
);

it('is what a hint of a budget, and a decision that is shown, go by', async () => {
  const { send } = await newKey(1000);
  const response = await send({}, { 'x-pointsman-cost-budget-usd': '0.01' });
  expect([response.status, (await response.json()).error.code]).toEqual([402, 'cost_budget']);
  expect(upstream.got).toEqual([]);
  const { secret } = await createKey(state, { name: 'b' });
  const route = await post(gateway, '/v1/route', ask(), { authorization: `Bearer ${secret}` });
  for (const { expectedCostUsd } of (await route.json()).predictions)
    expect(expectedCostUsd).toBeGreaterThan(0.01);
});

it('keeps 20 streams at once within the budget, when their length is bounded', async () => {
  const usage = { prompt_tokens: 4, completion_tokens: 20, total_tokens: 24 };
  upstream.answer = ({ body }, response) => {
    if (body.stream !== true) return sendJson(response, completion('a', { usage }));
    const last = event({ ...JSON.parse(chunk({}).slice(6)), choices: [], usage });
    setTimeout(
      () => sendEvents(response, chunk({ content: 'a' }), chunk({}, 'stop'), last, event('[DONE]')),
      30,
    );
  };
  // Each is $0.205: four of them.
  const { send, used } = await newKey(0.9);
  const all = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const response = await send({ max_tokens: 20, stream: true });
      await response.text();
      return response.status;
    }),
  );
  expect(all.filter((status) => status === 200)).toHaveLength(4);
  expect(all.filter((status) => status === 402)).toHaveLength(16);
  expect(await used()).toBeCloseTo(0.82, 6);
});

it('counts the few tokens of short answers, where the input alone costs more than the router expects of all', () => {
  const prices = { inputPricePerMillionTokens: 1, outputPricePerMillionTokens: 10 };
  const priceOf = (tokens: object) => {
    const manifest = { candidates: [{ name: 'a', ...prices, ...tokens }] };
    const parts = { config: { candidates: { a: prices } }, routers: { defaultName: undefined, names: [] } };
    const target = { kind: 'router', name: 'support', router: { manifest } };
    const request = { text: 'What is 17 * 23?' };
    const predictions = [{ candidate: 'a', expectedCostUsd: 90e-6 }];
    const pricing = pricingOf(parts as never, target as never, request as never, 100);
    return pricing.priced({ candidate: 'a', predictions } as never).predictions[0].expectedCostUsd;
  };
  expect(priceOf({ tokens: { meanOutput: 2 } })).toBeCloseTo(120e-6, 12);
  expect(priceOf({})).toBeCloseTo(10_100e-6, 12);
});
