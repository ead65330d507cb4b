import { describeChange, InvalidInputError, type PolicySpec } from 'pointsman';
import { compileCel, createPolicy } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { type ContextParts, policyContext } from '../policy-context.ts';

const candidates = [
  { name: 'fast', meanCostUsd: 0.001, meanLatencyMs: 100, p95LatencyMs: 300, contextWindowTokens: 1000 },
  { name: 'balanced', meanCostUsd: 0.004, meanLatencyMs: 200 },
  { name: 'large', meanCostUsd: 0.01, meanLatencyMs: 1000 },
];
const predictions = {
  choice: Float64Array.of(0.2, 0.5, 0.3),
  success: Float64Array.of(0.7, 0.8, 0.85),
  costUsd: Float64Array.of(0.001, 0.004, 0.01),
  latencyMs: Float64Array.of(100, 200, 1000),
};

function decide(spec: PolicySpec, more: Partial<ContextParts> = {}) {
  const policy = createPolicy(spec, candidates, { compile: compileCel, routers: ['code'] });
  const plan = policy.decide(policyContext({ predictions, ...more }));
  return { ...plan, names: plan.order.map((c) => candidates[c].name) };
}

const call = (candidate: string) => ({ kind: 'call', candidate });

describe('rules', () => {
  const seed: PolicySpec = {
    kind: 'rules',
    rules: [
      { name: 'short', when: 'tokens < 100 && codeShare == 0', then: 'fast' },
      { when: 'tokens < 1000', then: 'balanced' },
    ],
    otherwise: 'large',
  };

  test('under 100 tokens and no code: fast; under 1,000: balanced; else the large context', () => {
    const first = (signals: ContextParts['signals'] & {}) => decide(seed, { signals }).names[0];
    expect(first({ tokens: 99 })).toBe('fast');
    expect(first({ tokens: 99, codeShare: 0.2 })).toBe('balanced');
    expect(first({ tokens: 100 })).toBe('balanced');
    expect(first({ tokens: 1000 })).toBe('large');
  });

  test('the path and the reasons name the rule', () => {
    const plan = decide(seed);
    expect(plan.path).toEqual(['rules:short']);
    expect(plan.reasons).toEqual(['Rule "short" holds: tokens < 100 && codeShare == 0.']);
    expect(decide(seed, { signals: { tokens: 500 } }).path).toEqual(['rules:2']);
    expect(decide(seed, { signals: { tokens: 5000 } }).reasons).toEqual(['No rule holds.']);
  });

  test('a candidate that a limit removed gives way to the likeliest of the others, and says so', () => {
    const plan = decide(seed, { needs: { tokens: 2000 } });
    expect(plan.names).toEqual(['large', 'balanced']);
    expect(plan.reasons[1]).toBe(
      'fast was removed, since about 2000 tokens do not fit its context window of 1000; large takes its place.',
    );
  });

  test('predictions, load, novelty and budgets are variables too', () => {
    const holds = (when: string, more: Partial<ContextParts> = {}) =>
      decide({ kind: 'rules', rules: [{ when, then: 'fast' }], otherwise: 'large' }, more).names[0] ===
      'fast';
    expect(holds('success["large"] - success["fast"] < 0.2')).toBe(true);
    expect(holds('choice["balanced"] > 0.9 || costUsd.large > 0.005 && latencyMs["fast"] == 100')).toBe(true);
    expect(holds('novelty > 1', { novelty: 2 })).toBe(true);
    expect(holds('novelty > 1')).toBe(false);
    expect(holds('latencyBudgetMs > 1000')).toBe(true);
    expect(holds('latencyBudgetMs > 1000', { signals: { latencyBudgetMs: 50 } })).toBe(false);
    const load = { large: { inFlight: 9, recentLatencyMs: 2000 } };
    expect(holds('load["large"]["inFlight"] > 5', { signals: { load } })).toBe(true);
    expect(holds('load["large"]["recentLatencyMs"] > 1500', { signals: { load } })).toBe(true);
    expect(holds('tier in ["gold", "silver"]', { signals: { tier: 'gold' } })).toBe(true);
    expect(holds('"image" in modalities', { signals: { modalities: ['text', 'image'] } })).toBe(true);
    expect(holds('task == "question" && language.startsWith("e")')).toBe(true);
    expect(holds('tokens * 0.5 + 1 > 25.0')).toBe(true);
  });

  test.each([
    ['tokens <', /`when` of rule "mine" cannot be used. "tokens <" is not an expression/],
    ['length > 3', /Unknown variable: length/],
    ['tokens + 1', /must be true or false. It gives int/],
    ['tier > 3', /no such overload/],
    ['success["huge"] > 0.5', /must name one of the candidates fast, balanced, large. Got "huge"/],
    ['load.huge["inFlight"] > 0', /Got "huge"/],
  ])('%s is an error at load, which names the rule', (when, expected) => {
    const spec = { kind: 'rules', rules: [{ name: 'mine', when, then: 'fast' }], otherwise: 'large' };
    const make = () => createPolicy(spec, candidates, { compile: compileCel });
    expect(make).toThrow(InvalidInputError);
    expect(make).toThrow(expected);
  });

  test('one that cannot be evaluated for a request is passed over, and the reasons say so', () => {
    const plan = decide({
      kind: 'rules',
      rules: [
        { when: '1 / turns > 1 && 10 / (tokens - tokens) > 1 || load["fast"]["none"] > 1', then: 'fast' },
      ],
      otherwise: 'large',
    });
    expect(plan.names[0]).toBe('large');
    expect(plan.reasons[1]).toMatch(/^Rule "1" was passed over: /);
  });

  test('without a compiler the error says where there is one', () => {
    expect(() => createPolicy(seed, candidates)).toThrow(
      /Pass \{ compile: await loadCel\(\) \} of "pointsman"/,
    );
  });
});

describe('threshold', () => {
  const spec = (threshold: number): PolicySpec => ({
    kind: 'threshold',
    weak: 'fast',
    strong: 'large',
    threshold,
  });

  test('strong where it is likelier by more than the threshold', () => {
    expect(decide(spec(0.1)).names).toEqual(['large', 'fast', 'balanced']);
    expect(decide(spec(0.2)).names).toEqual(['fast', 'large', 'balanced']);
  });

  test('the threshold that would change it is the gap', () => {
    const [change] = decide(spec(0.2)).changes;
    expect(change).toMatchObject({ kind: 'threshold', from: 0.2, candidate: 'large' });
    expect(change.to).toBeCloseTo(0.15, 12);
    expect(describeChange(change)).toBe('large would be first with `threshold` past 0.150 instead of 0.200.');
  });

  test('the one that is left, when a limit removed the other', () => {
    expect(decide(spec(0.1), { overrides: { limits: { maxCostUsd: 0.005 } } }).names[0]).toBe('fast');
  });
});

describe('cascade', () => {
  const accept = { kind: 'logprob', min: -0.3 } as const;
  const spec: PolicySpec = {
    kind: 'cascade',
    steps: [
      { use: 'fast', minSuccess: 0.6, accept },
      { use: 'balanced', minSuccess: 0.75 },
      { use: 'large' },
    ],
  };

  test('steps in turn, each with its test, the last without', () => {
    const plan = decide(spec);
    expect(plan.step).toEqual({
      kind: 'sequence',
      steps: [
        { step: call('fast'), accept },
        { step: call('balanced'), accept: null },
        { step: call('large'), accept: null },
      ],
    });
    expect(plan.names).toEqual(['fast', 'balanced', 'large']);
  });

  test('a step that is not expected to do is left out before anything is called', () => {
    const success = Float64Array.of(0.5, 0.7, 0.85);
    const plan = decide(spec, { predictions: { ...predictions, success } });
    expect(plan.step).toEqual(call('large'));
    expect(plan.reasons[0]).toBe('fast is skipped: its success probability 0.500 is under 0.6.');
    expect(plan.changes[0]).toMatchObject({ field: 'steps[1].minSuccess', to: 0.7, candidate: 'balanced' });
  });

  test('limits take steps away; with none left, the likeliest of the others answers', () => {
    const cheap = decide(spec, { overrides: { limits: { deny: ['large', 'fast'] } } });
    expect(cheap.step).toEqual(call('balanced'));
    const two: PolicySpec = { kind: 'cascade', steps: [{ use: 'fast' }, { use: 'balanced' }] };
    const none = decide(two, { overrides: { limits: { allow: ['large'] } } });
    expect(none.step).toEqual(call('large'));
    expect(none.reasons).toContain('Limits removed every step of the cascade.');
  });

  describe('with weights', () => {
    const routed = (cost: number): PolicySpec => ({
      kind: 'cascade',
      steps: [{ use: 'large', accept: { kind: 'json' } }, { use: 'balanced' }, { use: 'fast' }],
      weights: { quality: 1, cost, latency: 0 },
    });

    test('starts with a cheap one that may do, and says what each promises', () => {
      const { names, step, utilities } = decide(routed(0.1));
      expect(names).toEqual(['fast', 'balanced', 'large']);
      expect([...utilities]).toEqual([0.69, 0.76, 0.75].map((utility) => expect.closeTo(utility, 12)));
      expect(step).toEqual({
        kind: 'sequence',
        steps: [
          { step: call('fast'), accept: null },
          { step: call('balanced'), accept: null },
          { step: call('large'), accept: { kind: 'json' } },
        ],
        routing: {
          quality: 1,
          promises: [
            { success: 0.7, utility: expect.closeTo(0.69, 12) },
            { success: 0.8, utility: expect.closeTo(0.76, 12) },
            { success: 0.85, utility: expect.closeTo(0.75, 12) },
          ],
        },
      });
    });

    test('starts with the best where cost counts nothing, and the best value where nobody is worth it', () => {
      expect(decide(routed(0)).names[0]).toBe('large');
      const dear = { ...predictions, costUsd: Float64Array.of(0.004, 0.0041, 0.01) };
      // Utilities -0.1, -0.02, -1.15.
      expect(decide(routed(2), { predictions: dear }).names[0]).toBe('balanced');
    });

    test('leaves out whom limits removed, and goes by the weights of the request', () => {
      const denied = decide(routed(0.1), { overrides: { limits: { deny: ['fast'] } } });
      expect(denied.names).toEqual(['balanced', 'large']);
      const cheapest = decide(routed(0), { overrides: { weights: 'cheapest' } });
      expect(cheapest.names[0]).toBe('fast');
      expect(cheapest.step).toMatchObject({ routing: { quality: 0 } });
      // A cascade in turn has none to replace.
      expect(decide(spec, { overrides: { weights: 'best' } }).names[0]).toBe('fast');
    });
  });
});

describe('ensemble', () => {
  test('the k likeliest, with their success as weights', () => {
    const plan = decide({ kind: 'ensemble', members: 2, combine: { kind: 'weighted' } });
    expect(plan.step).toEqual({
      kind: 'parallel',
      members: [call('large'), call('balanced')],
      combine: { kind: 'weighted', weights: [0.85, 0.8] },
    });
  });

  test('named members, majority, scorer and judge', () => {
    const members = ['fast', 'balanced', { kind: 'utility' } as const];
    const combined = (combine: (PolicySpec & { kind: 'ensemble' })['combine']) =>
      decide({ kind: 'ensemble', members, combine }).step;
    expect(combined({ kind: 'majority' })).toMatchObject({
      members: [call('large'), call('balanced'), call('fast')],
      combine: { kind: 'majority' },
    });
    expect(combined({ kind: 'best', scorer: 'reward' })).toMatchObject({
      combine: { kind: 'best', scorer: 'reward' },
    });
    expect(combined({ kind: 'judge', judge: 'large' })).toMatchObject({
      combine: { kind: 'judge', judge: 'large' },
    });
  });

  test('a judge that a limit removed leaves a weighted vote; one member that is left, a call', () => {
    const spec: PolicySpec = {
      kind: 'ensemble',
      members: ['fast', 'balanced'],
      combine: { kind: 'judge', judge: 'large' },
    };
    const judged = decide(spec, { overrides: { limits: { deny: ['large'] } } });
    expect(judged.step).toMatchObject({ combine: { kind: 'weighted', weights: [0.8, 0.7] } });
    expect(decide(spec, { overrides: { limits: { deny: ['fast'] } } }).step).toEqual(call('balanced'));
  });
});

describe('speculative', () => {
  const spec: PolicySpec = { kind: 'speculative', fast: 'fast', slow: 'large' };

  test('the slow one starts at the 95th percentile of the fast one', () => {
    // 100 ms expected, times 300 / 100 of the traffic.
    expect(decide(spec).step).toEqual({
      kind: 'hedge',
      fast: call('fast'),
      slow: call('large'),
      delayMs: 300,
      accept: null,
    });
  });

  test('together where no latency is known, or when told so', () => {
    const latencyMs = new Float64Array(3).fill(Number.NaN);
    expect(decide(spec, { predictions: { ...predictions, latencyMs } }).step).toMatchObject({ delayMs: 0 });
    expect(decide({ ...spec, delayMs: 0 }).step).toMatchObject({ delayMs: 0 });
  });

  test('alone, when a limit removed the other', () => {
    expect(decide(spec, { overrides: { limits: { deny: ['large'] } } }).step).toEqual(call('fast'));
  });
});

describe('hierarchical', () => {
  const spec: PolicySpec = {
    kind: 'hierarchical',
    minConfidence: 0.6,
    domains: {
      maths: { kind: 'cascade', steps: [{ use: 'fast' }, { use: 'large' }] },
      code: { kind: 'router', router: 'code' },
    },
    otherwise: 'balanced',
  };

  test("the domain's own policy decides, or its own router", () => {
    expect(decide(spec, { signals: { task: 'maths' } }).step.kind).toBe('sequence');
    const code = decide(spec, { signals: { task: 'code' } });
    expect(code.router).toBe('code');
    expect(code.path).toEqual(['hierarchical:code', 'router:code']);
    expect(code.reasons[0]).toBe('The task is "code".');
    const other = decide(spec, { signals: { task: 'poetry' } });
    expect(other.names[0]).toBe('balanced');
    expect(other.path[0]).toBe('hierarchical:otherwise');
    expect(other.reasons[0]).toBe('The task is "poetry", which has no policy of its own.');
  });

  test('an unsure task goes otherwise', () => {
    const plan = decide(spec, { signals: { task: 'maths', taskConfidence: 0.4 } });
    expect(plan.names[0]).toBe('balanced');
    expect(plan.reasons[0]).toBe('The task is perhaps "maths", but 0.400 is under 0.6.');
  });

  test('names of domains may be anything', () => {
    const odd: PolicySpec = { kind: 'hierarchical', domains: { constructor: 'fast' }, otherwise: 'large' };
    expect(decide(odd, { signals: { task: 'constructor' } }).names[0]).toBe('fast');
    expect(decide(odd, { signals: { task: 'toString' } }).names[0]).toBe('large');
  });
});

test('tools: a function alone, or between two candidates', () => {
  expect(decide({ kind: 'tools', tool: 'calculator', otherwise: 'fast' }).step).toEqual({
    kind: 'tool',
    tool: 'calculator',
    before: null,
    after: null,
    otherwise: call('fast'),
  });
  const plan = decide({
    kind: 'tools',
    tool: 'search',
    before: 'fast',
    after: 'large',
    otherwise: 'balanced',
  });
  expect(plan.step).toMatchObject({ before: call('fast'), after: call('large') });
  expect(plan.names[0]).toBe('large');
  expect(plan.reasons[0]).toBe(
    'The tool "search" is tried with what fast makes of the request, and large answers with its result; ' +
      'balanced answers when it has none.',
  );
});

test('out of distribution, the classifier abstains', () => {
  const spec: PolicySpec = { kind: 'classifier', abstain: { to: 'large', outOfDistribution: true } };
  expect(decide(spec, { novelty: 1.5 }).path).toEqual(['classifier', 'abstain:novel']);
  expect(decide(spec, { novelty: 1.5 }).names[0]).toBe('large');
  expect(decide(spec, { novelty: 0.9 }).names[0]).toBe('balanced');
  expect(decide(spec).names[0]).toBe('balanced');
});

test('limits of a policy hold inside it, the tighter of two counts, and relax is handed down', () => {
  const spec: PolicySpec = {
    kind: 'rules',
    limits: { deny: ['large'], maxCostUsd: 0.005 },
    rules: [{ when: 'tokens > 0', then: { kind: 'utility', limits: { maxCostUsd: 0.002 } } }],
    otherwise: 'fast',
  };
  expect(decide(spec).names).toEqual(['fast']);
  const strict: PolicySpec = { ...spec, relax: [], limits: { maxCostUsd: 0.0001 } };
  expect(() => decide(strict)).toThrow(/No candidate is left/);
});

test('what cannot be told apart is refused: exploring or handing over inside a policy that combines answers', () => {
  const explore: PolicySpec = {
    kind: 'explore',
    method: 'epsilon-greedy',
    epsilon: 0.1,
    policy: { kind: 'utility' },
  };
  expect(() => decide({ kind: 'cascade', steps: [{ use: explore }, { use: 'large' }] })).toThrow(
    /`steps\[0\].use` of policy must not explore there/,
  );
  expect(() => decide({ ...explore, policy: explore })).toThrow(/`policy` of policy must not explore there/);
  expect(() =>
    decide({ kind: 'speculative', fast: 'fast', slow: { kind: 'router', router: 'code' } }),
  ).toThrow(/`slow` of policy must not hand over/);
  expect(() => decide({ kind: 'router', router: 'none' })).toThrow(/one of the routers given. Got "none"/);
});
