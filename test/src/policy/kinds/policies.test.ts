import { type Limits, NoCandidateError, type PolicySpec } from 'pointsman';
import { createPolicy, NAMED_WEIGHTS, type PolicyOverrides, type RequestNeeds } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { policyContext } from '../policy-context.ts';

const candidates = [
  { name: 'small', meanCostUsd: 0.001, meanLatencyMs: 100, contextWindowTokens: 1000, supportsTools: false },
  { name: 'medium', meanCostUsd: 0.004, meanLatencyMs: 200, contextWindowTokens: 8000 },
  { name: 'large', meanCostUsd: 0.01, meanLatencyMs: 1000, modalities: ['text', 'image'] as const },
];
const predictions = {
  choice: Float64Array.of(0.2, 0.5, 0.3),
  success: Float64Array.of(0.7, 0.8, 0.85),
  costUsd: Float64Array.of(0.001, 0.004, 0.01),
  latencyMs: Float64Array.of(100, 200, 1000),
};

const BEST: PolicySpec = { kind: 'utility' };
const CHEAPEST: PolicySpec = { kind: 'utility', weights: 'cheapest' };

function decide(spec: PolicySpec, limits: Limits = {}, needs: Partial<RequestNeeds> = {}, more = {}) {
  const context = policyContext({
    predictions: { ...predictions, ...more },
    needs,
    overrides: { limits },
  });
  const plan = createPolicy(spec, candidates).decide(context);
  return { ...plan, names: plan.order.map((c) => candidates[c].name) };
}

test('best takes the highest success probability', () => {
  const plan = decide({ kind: 'utility' });
  expect(plan.names).toEqual(['large', 'medium', 'small']);
  expect(plan.path).toEqual(['utility:best']);
  expect(plan.reasons).toEqual([
    'large has the highest utility, 0.050 above medium; it answers well with probability 0.850.',
  ]);
});

test('balanced: 0.2 a costliest candidate, 0.02 a slowest', () => {
  const { utilities, names } = decide({ kind: 'utility', weights: 'balanced' });
  expect([...utilities]).toEqual([0.7 - 0.02 - 0.002, 0.8 - 0.08 - 0.004, 0.85 - 0.2 - 0.02].map(near));
  expect(names[0]).toBe('medium');
});

test('cheapest takes the lowest cost within the limits', () => {
  expect(decide({ kind: 'utility', weights: 'cheapest' }).names[0]).toBe('small');
  const limited: PolicySpec = {
    kind: 'utility',
    weights: 'cheapest',
    limits: { minSuccessProbability: 0.75 },
  };
  const plan = decide(limited);
  expect(plan.names).toEqual(['medium', 'large']);
  expect(plan.removed[0]).toBe('success probability 0.700 is under 0.75');
});

test('a request can bring its own weights', () => {
  const policy = createPolicy({ kind: 'utility' }, candidates);
  const plan = policy.decide(policyContext({ predictions, overrides: { weights: 'cheapest' } }));
  expect(plan.order[0]).toBe(0);
  expect(plan.path).toEqual(['utility:cheapest']);
});

test('equal success goes to the lower cost, then to the one listed first', () => {
  const success = Float64Array.of(0.8, 0.8, 0.8);
  expect(decide({ kind: 'utility' }, {}, {}, { success, costUsd: Float64Array.of(2, 1, 1) }).names).toEqual([
    'medium',
    'large',
    'small',
  ]);
});

test('a cost that is not known counts nothing, and the reasons say so', () => {
  const costUsd = Float64Array.of(Number.NaN, 0.004, 0.01);
  const plan = decide({ kind: 'utility', weights: 'balanced' }, {}, {}, { costUsd });
  expect(plan.utilities[0]).toBeCloseTo(0.7 - 0.002);
  expect(plan.reasons).toContain('Where a cost is not known, it counted nothing.');
});

test('where no mean of a cost is known, what the request is expected to cost is the measure, and nothing is said to be unknown', () => {
  const unknown = candidates.map((candidate) => ({ ...candidate, meanCostUsd: null, meanLatencyMs: null }));
  const policy = createPolicy({ kind: 'utility', weights: { quality: 0, cost: 1, latency: 1 } }, unknown);
  const amounts = { costUsd: Float64Array.of(0.02, 0.01, 0.04), latencyMs: Float64Array.of(20, 40, 80) };
  const plan = policy.decide(policyContext({ predictions: { ...predictions, ...amounts } }));
  expect([...plan.utilities]).toEqual([-0.75, -0.75, -2]);
  expect(plan.reasons.join(' ')).not.toContain('counted nothing');
});

test('what costs nothing is known to: there is no word of costs that are not', () => {
  const free = candidates.map((candidate) => ({ ...candidate, meanCostUsd: 0, meanLatencyMs: 0 }));
  const policy = createPolicy({ kind: 'utility', weights: { quality: 1, cost: 1, latency: 1 } }, free);
  const nothing = new Float64Array(3);
  const plan = policy.decide(
    policyContext({ predictions: { ...predictions, costUsd: nothing, latencyMs: nothing } }),
  );
  expect([...plan.utilities]).toEqual([...predictions.success]);
  expect(plan.reasons.join(' ')).not.toContain('counted nothing');
});

test('but under a cost limit it is removed', () => {
  const plan = decide(
    { kind: 'utility' },
    { maxCostUsd: 0.005 },
    {},
    { costUsd: Float64Array.of(Number.NaN, 0.004, 0.01) },
  );
  expect(plan.names).toEqual(['medium']);
  expect(plan.removed).toEqual([
    'its cost is not known, and the limit is 0.005 US dollars',
    undefined,
    'expected cost 0.0100 US dollars is over 0.005 US dollars',
  ]);
});

test('what a candidate cannot read, call or hold removes it', () => {
  expect(decide({ kind: 'utility' }, {}, { modalities: ['text', 'image'] }).names).toEqual(['large']);
  expect(decide({ kind: 'utility' }, {}, { tools: true }).names).toEqual(['large', 'medium']);
  const long = decide({ kind: 'classifier' }, {}, { tokens: 5000 });
  expect(long.names).toEqual(['medium', 'large']);
  expect(long.removed[0]).toBe('about 5000 tokens do not fit its context window of 1000');
});

test('of the limits of policy and request the tighter counts', () => {
  const spec: PolicySpec = { kind: 'utility', limits: { maxLatencyMs: 500 } };
  expect(decide(spec, { maxLatencyMs: 5000 }).names).toEqual(['medium', 'small']);
  expect(decide(spec, { maxLatencyMs: 150 }).names).toEqual(['small']);
});

test('limits give way in the stated order, and only those that matter', () => {
  // Nobody reads audio. The success limit alone would leave somebody, so it stays in force.
  const plan = decide({ kind: 'utility' }, { minSuccessProbability: 0.75 }, { modalities: ['audio'] });
  expect(plan.names).toEqual(['large', 'medium']);
  expect(plan.reasons).toContain('No candidate met every limit, so modalities gave way.');
});

test('success gives way before latency, latency before cost', () => {
  const limits = { minSuccessProbability: 0.99, maxLatencyMs: 150, maxCostUsd: 0.005 };
  expect(decide({ kind: 'utility' }, limits).names).toEqual(['small']);
  const other = decide(
    { kind: 'utility', relax: ['maxCostUsd', 'maxLatencyMs'] },
    { ...limits, minSuccessProbability: 0.83 },
  );
  expect(other.names).toEqual(['large']);
  expect(other.reasons).toContain('No candidate met every limit, so maxCostUsd, maxLatencyMs gave way.');
});

test.each<[string, PolicySpec, Limits, Partial<RequestNeeds>, string[], string[]]>([
  ['the cheapest, where all are too dear', BEST, { maxCostUsd: 0.0001 }, {}, ['small'], ['medium', 'large']],
  ['the quickest, where all are too slow', BEST, { maxLatencyMs: 1 }, {}, ['small'], ['medium', 'large']],
  ['the cheapest, where nothing may be spent', BEST, { maxCostUsd: 0 }, {}, ['small'], ['medium', 'large']],
  [
    'the likeliest, where none is sure enough',
    CHEAPEST,
    { minSuccessProbability: 0.99 },
    {},
    ['large'],
    ['medium', 'small'],
  ],
  [
    'the largest window, where none is large enough',
    BEST,
    { deny: ['large'] },
    { tokens: 50_000 },
    ['medium'],
    [],
  ],
  [
    'what reads most of it, where none reads all',
    CHEAPEST,
    {},
    { modalities: ['text', 'image', 'audio'] },
    ['large'],
    [],
  ],
  ['what reads pictures, for a document', CHEAPEST, {}, { modalities: ['text', 'document'] }, ['large'], []],
  ['what reads pictures, for a video', CHEAPEST, {}, { modalities: ['text', 'video'] }, ['large'], []],
  ['all that are as near', BEST, {}, { modalities: ['audio'] }, ['large', 'medium', 'small'], []],
  [
    'what can take it before what is cheap',
    { kind: 'utility', weights: 'cheapest', relax: ['modalities', 'maxCostUsd'] },
    { maxCostUsd: 0.0001 },
    { modalities: ['text', 'document'] },
    ['large'],
    [],
  ],
  [
    'a candidate that a policy names only where it is the nearest',
    { kind: 'threshold', weak: 'small', strong: 'large', threshold: -1 },
    { maxCostUsd: 0.0001 },
    {},
    ['small'],
    ['medium', 'large'],
  ],
  [
    'the first by the choice head of those that are nearest',
    { kind: 'classifier' },
    { maxCostUsd: 0.0001 },
    {},
    ['small'],
    ['medium', 'large'],
  ],
])('where a limit gives way, %s: the least violation first', (_, spec, limits, needs, first, reserve) => {
  const plan = decide(spec, limits, needs);
  expect(plan.names).toEqual(first);
  expect((plan.reserve ?? []).map((c) => candidates[c].name)).toEqual(reserve);
  expect(plan.reasons.join()).toContain('No candidate met every limit, so ');
  const out = candidates.filter(({ name }) => !first.includes(name) && !limits.deny?.includes(name));
  for (const { name } of out) {
    expect(plan.removed[candidates.findIndex((one) => one.name === name)]).toContain(
      `; ${first[0]} comes closer`,
    );
  }
});

test('of amounts that are not known nothing is nearer than what is known', () => {
  const costUsd = Float64Array.of(Number.NaN, 0.004, 0.01);
  expect(decide(BEST, { maxCostUsd: 0.0001 }, {}, { costUsd }).names).toEqual(['medium']);
  const unknown = new Float64Array(3).fill(Number.NaN);
  expect(decide(BEST, { maxCostUsd: 0.0001 }, {}, { costUsd: unknown }).names).toHaveLength(3);
});

test.each<[string, PolicySpec, PolicyOverrides]>([
  ['of the policy', { kind: 'utility', strict: true }, {}],
  ['of the request', { kind: 'utility' }, { strict: true }],
  [
    'of the request, over what the policy relaxes',
    { kind: 'utility', relax: ['maxCostUsd'] },
    { strict: true },
  ],
  [
    'of a policy around, over what those inside relax',
    {
      kind: 'cascade',
      strict: true,
      steps: [{ use: { kind: 'utility', relax: ['maxCostUsd'] } }, { use: 'large' }],
    },
    {},
  ],
])(
  'strict %s: no limit gives way, and the error names the limits and the nearest candidate',
  (_, spec, overrides) => {
    const limits = { maxCostUsd: 0.0005, maxLatencyMs: 500 };
    const policy = createPolicy(spec, candidates);
    const error = thrown(() =>
      policy.decide(policyContext({ predictions, overrides: { ...overrides, limits } })),
    );
    expect(error).toBeInstanceOf(NoCandidateError);
    const { code, message, nearest, removed } = error as NoCandidateError;
    expect(code).toBe('NO_CANDIDATE');
    expect(nearest).toEqual({ candidate: 'small', limits: ['maxCostUsd'] });
    expect(removed.size).toBe(3);
    expect(message).toContain('The nearest is small, outside maxCostUsd. Loosen a limit');
    expect(policy.decide(policyContext({ predictions, overrides })).order.length).toBeGreaterThan(0);
  },
);

test('a candidate without a client is out of choice, whatever gives way; with none left, the error says so', () => {
  const policy = createPolicy(
    { kind: 'threshold', weak: 'small', strong: 'large', threshold: -1 },
    candidates,
  );
  const plan = (callable: string[], limits: Limits = {}) =>
    policy.decide(policyContext({ predictions, overrides: { callable, limits } }));
  expect(plan(['small', 'medium', 'other']).order).toEqual([0, 1]);
  expect(plan(['small', 'medium']).removed[2]).toBe('it has no client');
  expect(plan(['medium'], { maxCostUsd: 0 }).order).toEqual([1]);
  const error = thrown(() => plan([])) as NoCandidateError;
  expect(error).toBeInstanceOf(NoCandidateError);
  expect(error.nearest).toBeNull();
  expect(error.message).toMatch(/small: it has no client.*give a client for one\.$/);
});

test('when nothing may give way, the error says why each candidate is out', () => {
  const spec: PolicySpec = { kind: 'utility', relax: [] };
  const error = thrown(() => decide(spec, { maxCostUsd: 0.0001, deny: ['large'] }));
  expect(error).toBeInstanceOf(NoCandidateError);
  expect((error as NoCandidateError).removed.get('large')).toMatch(/^in `deny`, expected cost/);
  expect((error as Error).message).toContain(
    'small: expected cost 0.00100 US dollars is over 0.0001 US dollars;',
  );
  expect(thrown(() => decide({ kind: 'utility' }, { deny: ['small', 'medium', 'large'] }))).toBeInstanceOf(
    NoCandidateError,
  );
});

test('the classifier takes the choice head at its word, and abstains under a confidence', () => {
  expect(decide({ kind: 'classifier' }).names).toEqual(['medium', 'large', 'small']);
  const shy: PolicySpec = { kind: 'classifier', abstain: { below: 0.6, to: 'large' } };
  const plan = decide(shy);
  expect(plan.names).toEqual(['large', 'medium', 'small']);
  expect(plan.path).toEqual(['classifier', 'abstain']);
  expect(decide(shy, { deny: ['large'] }).names[0]).toBe('medium');
  expect(decide({ kind: 'classifier', abstain: { below: 0.5, to: 'large' } }).names[0]).toBe('medium');
});

test('the classifier abstains out of distribution where it is to, beyond the limit and not at it', () => {
  const plan = (abstain: object, novelty: number | null | Error, limits: Limits = {}) => {
    const context = policyContext({ predictions, overrides: { limits } });
    const asked = () => {
      if (novelty instanceof Error) throw novelty;
      return novelty;
    };
    return createPolicy({ kind: 'classifier', abstain } as PolicySpec, candidates).decide({
      ...context,
      novelty: asked,
    });
  };
  const far = { to: 'large', outOfDistribution: true };
  expect(plan(far, 1.5).path).toEqual(['classifier', 'abstain:novel']);
  expect(plan(far, 1.5).reasons[1]).toBe(
    'The request is 1.50 times as far from the training prompts as the limit, so it goes to large.',
  );
  for (const novelty of [1, 0.5, null]) expect(plan(far, novelty).path).toEqual(['classifier']);
  const unasked = new Error('nobody asked how far it is');
  expect(plan({ to: 'large', below: 0.4 }, unasked).path).toEqual(['classifier']);
  expect(plan({ to: 'large', below: 0.5 }, unasked).path).toEqual(['classifier']);
  expect(plan({ to: 'large', below: 0.51, outOfDistribution: false }, unasked).path).toEqual([
    'classifier',
    'abstain',
  ]);
  const removed = plan(far, 1.5, { deny: ['large'] });
  expect(removed.path).toEqual(['classifier']);
  expect(removed.reasons[1]).toMatch(/as the limit, but a limit removed large, so it stands\.$/);
  for (const abstain of [
    {},
    { to: 'large', below: 2 },
    { to: 'large', outOfDistribution: 1 },
    { to: 'large', more: 1 },
  ])
    expect(() => plan(abstain, null)).toThrow('of policy must');
});

test('a policy that names a candidate which is not there is an error when it is made', () => {
  const spec: PolicySpec = { kind: 'classifier', abstain: { below: 0.5, to: 'huge' } };
  expect(() => createPolicy(spec, candidates)).toThrow(
    '`abstain.to` of policy must name candidates among small, medium, large. Got "huge".',
  );
});

test('messages name the field, what it must be and what it was', () => {
  const broken = { kind: 'utility', weights: { quality: 1, cost: -1, latency: 0 } };
  expect(() => createPolicy(broken, candidates)).toThrow(
    '`weights.cost` of policy must be a number >= 0. Got -1.',
  );
  expect(() => createPolicy({ kind: 'utility', limits: { maxCostUsd: '1' } }, candidates)).toThrow(
    '`limits.maxCostUsd` of policy must be a number. Got "1".',
  );
  expect(() => createPolicy(null, candidates)).toThrow('The policy must be an object. Got null.');
});

function near(value: number): unknown {
  return expect.closeTo(value, 10);
}

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('what would change it names no weight at which nobody would be first', () => {
  // Without its weight on quality, "best" says nothing of anybody; without that on cost, "cheapest" neither.
  expect(
    decide({ kind: 'utility' }).changes.map((change) => change.kind === 'weight' && change.weight),
  ).toEqual(['latency', 'cost']);
  const cheapest = decide({ kind: 'utility', weights: 'cheapest' }).changes;
  expect(cheapest.map((change) => change.kind === 'weight' && change.weight)).toEqual(['quality']);
  for (const weights of ['best', 'balanced', 'cheapest'] as const) {
    for (const change of decide({ kind: 'utility', weights }).changes) {
      if (change.kind !== 'weight') continue;
      const past = change.from + 1.001 * (change.to - change.from);
      const all = { ...NAMED_WEIGHTS[weights], [change.weight]: past };
      expect(decide({ kind: 'utility', weights: all }).names[0]).toBe(change.candidate);
    }
  }
});

test('a retired candidate is never chosen nor fallen back on, whatever is allowed, relaxed or named', () => {
  const retired = candidates.map((candidate) => ({ ...candidate, retired: candidate.name === 'large' }));
  const plan = (spec: PolicySpec, limits: Limits = {}) =>
    createPolicy(spec, retired).decide(policyContext({ predictions, overrides: { limits } }));
  expect(plan({ kind: 'utility' }).order).toEqual([1, 0]);
  expect(plan({ kind: 'utility' }).removed[2]).toBe('it is retired');
  const named = plan({ kind: 'threshold', weak: 'small', strong: 'large', threshold: -1 });
  expect(named.order[0]).toBe(0);
  expect(named.order).not.toContain(2);
  expect(() => plan({ kind: 'utility' }, { allow: ['large'] })).toThrow(NoCandidateError);
  expect(() => plan({ kind: 'utility' }, { allow: ['large'] })).toThrow(/large.*it is retired/);
});
