import { createRouter, loadCel, type PolicySpec, type Router } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import { createRouter as createTinyRouter } from 'pointsman/tiny';
import { expect, test } from 'vitest';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { layersModelFiles } from '../../fixtures/layers-model-files.ts';
import { floatBytes, readTinyArtifact } from '../../fixtures/tiny-artifact.ts';

const artifact = await readTinyArtifact();
const compile = await loadCel();

function routerWith(policy: PolicySpec, more: object = {}): Router {
  return createRouter(artifact, { embedder: fakeEmbedder, compile, policy, ...more });
}

test('an artifact brings along what its policy is read with, and rules given as an option say what they need', async () => {
  const rules = (when: string): PolicySpec => ({
    kind: 'hierarchical',
    domains: {},
    otherwise: { kind: 'rules', rules: [{ when, then: 'm1' }], otherwise: 'm2' },
  });
  const withRules = await readTinyArtifact({ manifest: { policy: rules('tokens < 3') } });
  const router = createRouter(withRules, { embedder: fakeEmbedder });
  expect((await router.route({ text: 'hello' })).candidate).toBe('m1');
  const other = createRouter(withRules, { embedder: fakeEmbedder, policy: rules('tokens > 3') });
  expect((await other.route({ text: 'hello' })).candidate).toBe('m2');
  expect(artifact.compile).toBeUndefined();
  expect(() => createRouter(artifact, { embedder: fakeEmbedder, policy: rules('true') })).toThrow(
    'Pass { compile: await loadCel() } of "pointsman"',
  );
});

test('the smallest router decides as the whole one does, and refuses other kinds than it has', async () => {
  for (const policy of [{ kind: 'utility' }, { kind: 'classifier' }] as const) {
    const request = { text: 'hello' };
    const { routerMs: _, ...small } = await createTinyRouter(artifact, {
      embedder: fakeEmbedder,
      policy,
    }).route(request);
    const { routerMs: __, ...whole } = await routerWith(policy).route(request);
    expect(small).toEqual(whole);
  }
  const policy: PolicySpec = { kind: 'threshold', weak: 'm0', strong: 'm1', threshold: 0 };
  expect(() => createTinyRouter(artifact, { embedder: fakeEmbedder, policy })).toThrow(
    'A policy of kind "threshold" is not in "pointsman/tiny". Import `createRouter` from "pointsman"',
  );
});

test('signals of the caller reach the rules, and those looked at are in the decision', async () => {
  const router = routerWith({
    kind: 'rules',
    rules: [{ when: 'tier == "gold" && tokens < 100', then: 'm2' }],
    otherwise: 'm0',
  });
  const gold = await router.route({ text: 'hello' }, { signals: { tier: 'gold' } });
  expect(gold.candidate).toBe('m2');
  expect(gold.signals).toEqual({ tier: 'gold', tokens: 1 });
  const plain = await router.route({ text: 'hello' });
  expect(plain.candidate).toBe('m0');
  expect(plain.signals).toEqual({ tier: '' });
  expect(JSON.parse(JSON.stringify(gold))).toEqual(gold);
});

test('budgets and quality of the caller are limits; what is said of the request comes before what is seen', async () => {
  const router = routerWith({ kind: 'utility', relax: [] });
  const cheap = router.route({ text: 'x' }, { signals: { costBudgetUsd: 0 } });
  await expect(cheap).rejects.toThrow(/over 0 US dollars/);
  const late = router.route({ text: 'x' }, { signals: { latencyBudgetMs: 0 } });
  await expect(late).rejects.toThrow(/over 0 ms/);
  const good = router.route({ text: 'x' }, { signals: { quality: 'production' } });
  await expect(good).rejects.toThrow(/is under 0.85/);
  const heard = router.route({ text: 'x' }, { signals: { modalities: ['audio'] } });
  await expect(heard).rejects.toThrow(/does not read audio/);
  await expect(router.route({ text: 'x' }, { signals: { quality: 'best' as never } })).rejects.toThrow(
    '`signals.quality` of route options',
  );
});

test('a counter is asked where the estimate comes close to a context window', async () => {
  const { manifest } = artifact;
  const candidates = manifest.candidates.map((candidate) => ({ ...candidate, contextWindowTokens: 100 }));
  let asked = 0;
  const router = createRouter(
    { ...artifact, manifest: { ...manifest, candidates } },
    {
      embedder: fakeEmbedder,
      countTokens: (text) => {
        asked++;
        return text.length;
      },
    },
  );
  await router.route({ text: 'short' });
  expect(asked).toBe(0);
  const { reasons } = await router.route({ text: 'x'.repeat(101) });
  expect(asked).toBe(1);
  expect(reasons).toContain('No candidate met every limit, so contextWindow gave way.');
});

test('exploration is seeded, and its propensity is in the decision', async () => {
  const policy: PolicySpec = {
    kind: 'explore',
    method: 'epsilon-greedy',
    epsilon: 0.5,
    policy: { kind: 'utility' },
  };
  const run = async (seed: number) => {
    const router = routerWith(policy, { seed });
    const chosen: string[] = [];
    for (let i = 0; i < 40; i++) {
      const { candidate, propensity } = await router.route({ text: 'same' });
      chosen.push(candidate);
      expect([0.5 + 0.5 / 3, 0.5 / 3]).toContainEqual(expect.closeTo(propensity, 12));
    }
    return chosen;
  };
  const first = await run(1);
  expect(await run(1)).toEqual(first);
  expect(await run(2)).not.toEqual(first);
  expect(new Set(first).size).toBe(3);
});

test('a domain can have a router of its own, whose decision counts', async () => {
  const code = createRouter(await readTinyArtifact({ names: ['coder', 'reviewer'], seed: 5 }), {
    embedder: fakeEmbedder,
  });
  const router = routerWith(
    {
      kind: 'hierarchical',
      domains: { code: { kind: 'router', router: 'code' } },
      otherwise: 'm0',
    },
    { routers: { code } },
  );
  const request = { text: 'Write a Python function that sorts a list' };
  const decision = await router
    .route(request, { limits: { deny: ['m1', 'reviewer'] as string[] } })
    .catch((e) => e);
  expect((decision as Error).message).toContain('must name candidates among m0, m1, m2');
  const handed = await router.route(request, { limits: { deny: ['m1'] } });
  expect(['coder', 'reviewer']).toContain(handed.candidate);
  expect(handed.policyPath).toEqual(['hierarchical:code', 'router:code', 'utility:best']);
  expect(handed.reasons[0]).toBe('The task is "code".');
  expect(handed.artifactId).toBe(code.manifest.id);
  const vector = new Float32Array(8).fill(0.1);
  expect(router.routeEmbedding(vector, request).candidate).toBe(
    code.routeEmbedding(vector, request).candidate,
  );
  expect((await router.route({ text: 'hello' })).candidate).toBe('m0');
});

test('routers that hand over to one another are an error that names them, and no endless call', async () => {
  const routers: Record<string, Router> = {};
  const handing = (to: string): PolicySpec => ({ kind: 'router', router: to });
  // Names must be there when a router is made; who they are may change afterwards.
  routers.sales = routerWith({ kind: 'utility' });
  routers.support = routerWith(handing('sales'), { routers });
  routers.sales = routerWith(handing('support'), { routers });
  routers.alone = routerWith({ kind: 'utility' });
  const self = routerWith(handing('alone'), { routers });
  routers.alone = self;
  const vector = new Float32Array(8).fill(0.1);
  for (const [router, names] of [
    [routers.sales, 'support, sales, support'],
    [self, 'alone, alone, alone'],
  ] as const) {
    const circle = new RegExp(`It went from router to router: ${names}`);
    await expect(router.route({ text: 'hello' })).rejects.toThrow(circle);
    await expect(router.route({ text: 'hello' }, { limits: { deny: ['m0'] } })).rejects.toThrow(circle);
    expect(() => router.routeEmbedding(vector, { text: 'hello' })).toThrow(circle);
  }
});

test('the task is that of the artifact, where it has a classifier', async () => {
  const layers = layersModelFiles({
    inputs: 8,
    outputs: [
      ...['choice', 'success', 'cost', 'latency'].map((name) => ({ name, units: 3 })),
      { name: 'task', units: 2 },
    ],
    hidden: [],
    random: createRandom(1),
  });
  const trained = await readTinyArtifact({
    success: 'linear',
    manifest: { task: { output: 'task', names: ['legal', 'medical'] } },
    files: new Map([
      ['model.json', layers.modelJson],
      ['weights.bin', layers.weights],
    ]),
  });
  const policy: PolicySpec = {
    kind: 'hierarchical',
    domains: { legal: 'm0', medical: 'm1' },
    otherwise: 'm2',
  };
  const router = createRouter(trained, { embedder: fakeEmbedder, policy });
  const { candidate, signals } = await router.route({ text: 'hello' });
  expect(['legal', 'medical']).toContain(signals.task);
  expect(candidate).toBe(signals.task === 'legal' ? 'm0' : 'm1');
});

test('an artifact that measures novelty abstains by it', async () => {
  const novelty = { file: 'novelty.bin', components: 1, residualPrecision: 1, threshold: 1 };
  const measuring = await readTinyArtifact({
    manifest: { novelty },
    files: new Map([['novelty.bin', floatBytes([1, 1, 0, 0, 0, 0, 0, 0, 0])]]),
  });
  const policy: PolicySpec = { kind: 'classifier', abstain: { to: 'm1', outOfDistribution: true } };
  const router = createRouter(measuring, { embedder: fakeEmbedder, policy });
  expect(router.routeEmbedding(new Float32Array(8).fill(0.2)).policyPath).toEqual(['classifier']);
  const far = router.routeEmbedding(new Float32Array(8).fill(9));
  expect(far.policyPath).toEqual(['classifier', 'abstain:novel']);
  expect(far.candidate).toBe('m1');
});

test('a decision says what would change it', async () => {
  const { whatWouldChangeIt, margin, predictions, plan, fallback } = await routerWith({
    kind: 'utility',
    weights: 'balanced',
  }).route({ text: 'hello' });
  expect(margin).toBeGreaterThan(0);
  expect(plan).toEqual({ kind: 'call', candidate: predictions[0].candidate });
  expect(fallback).toEqual(predictions.slice(1).map(({ candidate }) => candidate));
  const change = whatWouldChangeIt.find(({ kind }) => kind === 'weight');
  expect(change).toBeDefined();
  if (change?.kind !== 'weight') return;
  const weights = { quality: 1, cost: 0.2, latency: 0.02 };
  const step = 1.001 * (change.to - change.from);
  const changed = await routerWith({
    kind: 'utility',
    weights: { ...weights, [change.weight]: Math.max(0, change.from + step) },
  }).route({ text: 'hello' });
  expect(changed.candidate).toBe(change.candidate);
});

test('a tie, or a step of the same candidate, is not told as a change', async () => {
  const tied = await routerWith({ kind: 'threshold', weak: 'm0', strong: 'm1', threshold: 0 }).route({
    text: 'hello',
  });
  const of = (name: string) =>
    tied.predictions.find(({ candidate }) => candidate === name)?.successProbability ?? 0;
  const gap = of('m1') - of('m0');
  const spec = { kind: 'threshold', weak: 'm0', strong: 'm1', threshold: gap } as const;
  expect((await routerWith(spec).route({ text: 'hello' })).whatWouldChangeIt).toEqual([]);
  const again = await routerWith({
    kind: 'cascade',
    steps: [{ use: 'm0', accept: { kind: 'logprob', min: -1 } }, { use: 'm0' }],
  }).route({ text: 'hello' });
  expect(again.whatWouldChangeIt).toEqual([]);
});
