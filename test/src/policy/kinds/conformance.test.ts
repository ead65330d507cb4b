import fc from 'fast-check';
import { NoCandidateError, type PolicySpec } from 'pointsman';
import { compileCel, createPolicy, type PolicyCandidate, type Uncertainty } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { abstainPlan } from '../../../../src/policy/uncertainty.ts';
import { type ContextParts, policyContext } from '../policy-context.ts';

const NAMES = ['a', 'b', 'c', 'd'];

/** Every policy, once: what holds of all of them is below. */
const POLICIES: [string, PolicySpec][] = [
  ['utility, best', { kind: 'utility' }],
  ['utility, balanced', { kind: 'utility', weights: 'balanced' }],
  ['utility, cheapest', { kind: 'utility', weights: 'cheapest', limits: { minSuccessProbability: 0.5 } }],
  ['utility, own weights', { kind: 'utility', weights: { quality: 1, cost: 3, latency: 2 } }],
  ['classifier', { kind: 'classifier' }],
  ['classifier that abstains', { kind: 'classifier', abstain: { below: 0.5, to: 'c' } }],
  [
    'classifier that abstains out of distribution',
    { kind: 'classifier', abstain: { to: 'b', outOfDistribution: true } },
  ],
  [
    'rules',
    {
      kind: 'rules',
      rules: [
        { name: 'short', when: 'tokens < 100 && success["a"] > 0.5', then: 'a' },
        { when: 'complexity > 0.4', then: { kind: 'utility', limits: { deny: ['d'] } } },
      ],
      otherwise: 'd',
    },
  ],
  ['threshold', { kind: 'threshold', strong: 'd', weak: 'a', threshold: 0.1 }],
  [
    'cascade',
    {
      kind: 'cascade',
      steps: [
        { use: 'a', minSuccess: 0.7, accept: { kind: 'logprob', min: -0.5 } },
        { use: { kind: 'utility', limits: { allow: ['b', 'c'] } }, minSuccess: 0.5 },
        { use: 'd' },
      ],
    },
  ],
  [
    'cascade routing',
    {
      kind: 'cascade',
      steps: [
        { use: 'd', minSuccess: 0.2 },
        { use: { kind: 'utility', limits: { allow: ['b', 'c'] } } },
        { use: 'a', accept: { kind: 'json' } },
      ],
      weights: { quality: 1, cost: 0.3, latency: 0.1 },
    },
  ],
  ['ensemble of the two best', { kind: 'ensemble', members: 2, combine: { kind: 'weighted' } }],
  [
    'ensemble with a judge',
    { kind: 'ensemble', members: ['a', 'b', { kind: 'utility' }], combine: { kind: 'judge', judge: 'd' } },
  ],
  ['speculative', { kind: 'speculative', fast: 'a', slow: 'd' }],
  [
    'hierarchical',
    { kind: 'hierarchical', domains: { question: 'b', maths: { kind: 'utility' } }, otherwise: 'c' },
  ],
  ['tools', { kind: 'tools', tool: 'calculator', before: 'a', otherwise: 'd' }],
  ['abstain', { kind: 'abstain', policy: { kind: 'utility' }, to: 'a' }],
  [
    'abstain, to escalate',
    {
      kind: 'abstain',
      policy: { kind: 'utility', weights: 'balanced', limits: { minSuccessProbability: 0.3 } },
      to: { kind: 'cascade', steps: [{ use: 'a' }, { use: 'd' }] },
      confidence: 0.6,
    },
  ],
  ['session', { kind: 'session', policy: { kind: 'utility', weights: 'balanced' }, switchMargin: 0.1 }],
  ['router', { kind: 'router', router: 'other' }],
  [
    'explore, epsilon-greedy',
    { kind: 'explore', method: 'epsilon-greedy', epsilon: 0.3, policy: { kind: 'utility' } },
  ],
  ['explore, softmax', { kind: 'explore', method: 'softmax', temperature: 0.2, policy: { kind: 'utility' } }],
  ['explore, thompson', { kind: 'explore', method: 'thompson', policy: { kind: 'classifier' } }],
  [
    'explore, thompson by the posterior',
    { kind: 'explore', method: 'thompson', observations: 'posterior', policy: { kind: 'utility' } },
  ],
  [
    'four levels',
    {
      kind: 'rules',
      rules: [{ when: 'tokens < 1000', then: 'a' }],
      otherwise: {
        kind: 'hierarchical',
        by: 'tier',
        domains: {
          '': {
            kind: 'cascade',
            steps: [{ use: { kind: 'threshold', strong: 'c', weak: 'b', threshold: 0 } }, { use: 'd' }],
          },
        },
        otherwise: 'b',
      },
    },
  ],
];

const candidates: fc.Arbitrary<readonly PolicyCandidate[]> = fc.tuple(
  ...NAMES.map((name) =>
    fc.record(
      {
        name: fc.constant(name),
        meanCostUsd: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
        meanLatencyMs: fc.option(fc.double({ min: 0, max: 1e5, noNaN: true })),
        contextWindowTokens: fc.integer({ min: 1, max: 100 }),
        supportsTools: fc.boolean(),
        modalities: fc.subarray(['text', 'image', 'audio'] as const),
      },
      { requiredKeys: ['name', 'meanCostUsd', 'meanLatencyMs'] },
    ),
  ),
);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const amount = fc.oneof(fc.double({ min: 0, max: 10, noNaN: true }), fc.constant(Number.NaN));
const perCandidate = (value: fc.Arbitrary<number>) =>
  fc.array(value, { minLength: 4, maxLength: 4 }).map((values) => Float64Array.from(values));
const parts: fc.Arbitrary<ContextParts> = fc.record({
  predictions: fc.record({
    choice: perCandidate(share),
    success: perCandidate(share),
    costUsd: perCandidate(amount),
    latencyMs: perCandidate(amount),
  }),
  needs: fc.record({
    tokens: fc.integer({ min: 0, max: 200 }),
    modalities: fc.subarray(['text', 'image', 'audio'] as const),
    tools: fc.boolean(),
  }),
  overrides: fc.record(
    {
      limits: fc.record(
        {
          allow: fc.subarray(NAMES),
          deny: fc.subarray(NAMES),
          maxCostUsd: fc.double({ min: 0, max: 10, noNaN: true }),
          maxLatencyMs: fc.double({ min: 0, max: 10, noNaN: true }),
          minSuccessProbability: share,
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  ),
  signals: fc.record({
    tokens: fc.integer({ min: 0, max: 2000 }),
    complexity: share,
    task: fc.constantFrom('question', 'maths', 'code'),
    tier: fc.constantFrom('', 'gold'),
  }),
  novelty: fc.constantFrom(null, 0.5, 2),
  uncertainty: fc.constantFrom(0, 0.01, 0.2).map(errorsOf),
  random: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
});
/** The same error for each candidate and each difference. */
function errorsOf(error: number): Uncertainty {
  return {
    standardError: () => error,
    differenceError: () => error,
    shares: (order) => new Float64Array(order.length).fill(1 / order.length),
    abstain: (...given) => abstainPlan(() => error, ...given),
  };
}

const OPTIONS = { compile: compileCel, routers: ['other'], uncertainty: true };

describe.each(POLICIES)('%s', (_, spec) => {
  test('its numbers are its own: predictions that the next request overwrites leave them as they were', () => {
    const policy = createPolicy(
      spec,
      NAMES.map((name) => ({ name, meanCostUsd: 1, meanLatencyMs: 100 })),
      OPTIONS,
    );
    const predictions = {
      choice: Float64Array.of(0.1, 0.4, 0.3, 0.2),
      success: Float64Array.of(0.5, 0.6, 0.7, 0.8),
      costUsd: Float64Array.of(1, 2, 3, 4),
      latencyMs: Float64Array.of(10, 20, 30, 40),
    };
    const { order, utilities } = policy.decide(
      policyContext({ predictions, uncertainty: errorsOf(0.01), random: 0.4 }),
    );
    const before = [[...order], [...utilities]];
    for (const values of Object.values(predictions)) values.fill(0.123);
    expect([[...order], [...utilities]]).toEqual(before);
  });

  test('every candidate is either in the order or removed with a reason, and allow and deny always hold', () => {
    fc.assert(
      fc.property(candidates, parts, (some, given) => {
        const plan = planOf(spec, some, given);
        if (plan === undefined) return;
        expect(plan.order.length).toBeGreaterThan(0);
        expect(new Set(plan.order).size).toBe(plan.order.length);
        for (let c = 0; c < NAMES.length; c++) {
          expect(plan.order.includes(c)).toBe(plan.removed[c] === undefined);
          expect(Number.isFinite(plan.utilities[c])).toBe(true);
        }
        const { allow = NAMES, deny = [] } = given.overrides?.limits ?? {};
        for (const c of plan.order) {
          expect(allow).toContain(NAMES[c]);
          expect(deny).not.toContain(NAMES[c]);
        }
        expect(plan.path.length).toBeGreaterThan(0);
        expect(plan.reasons.every((reason) => /^[A-Za-z].*\.$/.test(reason))).toBe(true);
      }),
      { seed: 1 },
    );
  });

  test('the same context gives the same plan, and the predictions are left alone', () => {
    fc.assert(
      fc.property(candidates, parts, (some, given) => {
        const before = structuredClone(given.predictions);
        expect(planOf(spec, some, given)).toEqual(planOf(spec, some, given));
        expect(given.predictions).toEqual(before);
      }),
      { seed: 2 },
    );
  });

  test('with nothing to relax, each candidate left is within every limit', () => {
    fc.assert(
      fc.property(candidates, parts, (some, given) => {
        const plan = planOf({ ...spec, relax: [] }, some, given);
        if (plan === undefined) return;
        const { maxCostUsd, maxLatencyMs, minSuccessProbability = 0 } = given.overrides?.limits ?? {};
        for (const c of plan.order) {
          const candidate = some[c];
          expect(given.predictions.success[c]).toBeGreaterThanOrEqual(minSuccessProbability);
          if (maxCostUsd !== undefined) expect(given.predictions.costUsd[c]).toBeLessThanOrEqual(maxCostUsd);
          if (maxLatencyMs !== undefined)
            expect(given.predictions.latencyMs[c]).toBeLessThanOrEqual(maxLatencyMs);
          expect(given.needs!.tokens!).toBeLessThanOrEqual(candidate.contextWindowTokens ?? Infinity);
          if (given.needs!.tools) expect(candidate.supportsTools).not.toBe(false);
          for (const modality of given.needs!.modalities!) {
            expect(candidate.modalities ?? ['text']).toContain(modality);
          }
        }
      }),
      { seed: 3 },
    );
  });

  test('it is data: from JSON and back it decides the same', () => {
    const some = NAMES.map((name) => ({ name, meanCostUsd: 1, meanLatencyMs: 1 }));
    const policy = createPolicy(JSON.parse(JSON.stringify(spec)), some, OPTIONS);
    expect(policy.spec).toEqual(spec);
  });

  test('a field that is not known, or no kind, is an error that names it', () => {
    const some = NAMES.map((name) => ({ name, meanCostUsd: 1, meanLatencyMs: 1 }));
    expect(() => createPolicy({ ...spec, wieghts: 1 }, some, OPTIONS)).toThrow('must be without `wieghts`');
    expect(() => createPolicy({ ...spec, limits: { deny: ['z'] } }, some, OPTIONS)).toThrow(
      '`limits.deny` of policy must name candidates among a, b, c, d. Got "z".',
    );
    expect(() => createPolicy({ kind: 'oracle' }, some)).toThrow(
      'of policy must be of a known kind. Got "oracle".',
    );
  });
});

/** undefined when no candidate was left. */
function planOf(spec: PolicySpec, some: readonly PolicyCandidate[], given: ContextParts) {
  try {
    return createPolicy(spec, some, OPTIONS).decide(policyContext(given));
  } catch (error) {
    if (error instanceof NoCandidateError) return undefined;
    throw error;
  }
}
