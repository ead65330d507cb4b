import type { PolicySpec } from 'pointsman';
import { createPolicy, type PolicyOverrides } from 'pointsman/internal';
import { describe, expect, it, test } from 'vitest';
import { policyContext } from '../policy-context.ts';

interface Told {
  readonly success: readonly number[];
  readonly costUsd?: readonly number[];
  readonly latencyMs?: readonly number[];
}

const NAMES = ['a', 'b', 'c', 'd'];

/** Candidates without means: what is expected of the request is the measure of costs and latencies. */
function decide(
  weights: object | 'best' | 'balanced',
  { success, costUsd = success.map(() => 0), latencyMs = success.map(() => 0) }: Told,
  overrides: PolicyOverrides = {},
  means: readonly (number | null)[] = [],
) {
  const candidates = success.map((_, c) => ({
    name: NAMES[c],
    meanCostUsd: means[c] ?? null,
    meanLatencyMs: means[c] ?? null,
  }));
  const predictions = {
    choice: Float64Array.from(success),
    success: Float64Array.from(success),
    costUsd: Float64Array.from(costUsd),
    latencyMs: Float64Array.from(latencyMs),
  };
  const spec = { kind: 'utility', weights } as PolicySpec;
  const plan = createPolicy(spec, candidates).decide(policyContext({ predictions, overrides }));
  return { ...plan, names: plan.order.map((c) => NAMES[c]).join('') };
}

const LATENCY = { quality: 0, cost: 0, latency: 1 };

describe('of equal utility', () => {
  it.each<[string, Told, string]>([
    ['the likelier', { success: [0.5, 0.7, 0.6] }, 'bca'],
    ['the likelier, however dear', { success: [0.7, 0.5], costUsd: [9, 1] }, 'ab'],
    ['of those as likely the cheaper', { success: [0.5, 0.5, 0.5], costUsd: [3, 1, 2] }, 'bca'],
    ['of those as likely and as dear the one listed first', { success: [0.5, 0.5, 0.5] }, 'abc'],
    ['one whose cost is not known is no cheaper', { success: [0.5, 0.5], costUsd: [Number.NaN, 1] }, 'ab'],
    ['nor is another cheaper than that', { success: [0.5, 0.5], costUsd: [1, Number.NaN] }, 'ab'],
  ])('%s is first', (_, told, names) => {
    const plan = decide(LATENCY, told);
    expect(new Set(plan.utilities).size).toBe(1);
    expect(plan.names).toBe(names);
    expect(plan.step).toEqual({ kind: 'call', candidate: names[0] });
    expect(plan.path).toEqual(['utility:custom']);
    expect(plan.reasons[0]).toBe(
      `${names[0]} ties on utility with ${names[1]}; it answers well with probability ${told.success[NAMES.indexOf(names[0])].toPrecision(3)}.`,
    );
  });

  it('a higher utility comes first, however unlikely and dear', () => {
    const plan = decide(LATENCY, { success: [0.9, 0.1], costUsd: [1, 9], latencyMs: [100, 50] });
    expect(plan.names).toBe('ba');
    expect(plan.reasons[0]).toBe(
      'b has the highest utility, 0.50 above a; it answers well with probability 0.100.',
    );
  });

  it('a candidate that a bound removed would change nothing: it is not told as a limit to loosen', () => {
    const told = { success: [0.6, 0.8, 0.7], costUsd: [1, 5, 5], latencyMs: [10, 10, 5] };
    const { changes } = decide(LATENCY, told, { limits: { maxCostUsd: 2 } });
    expect(changes.filter(({ kind }) => kind === 'limit')).toEqual([
      { kind: 'limit', limit: 'maxCostUsd', from: 2, to: 5, candidate: 'c' },
    ]);
  });

  it('the only one left has nobody beside it', () => {
    const plan = decide('best', { success: [0.6, 0.8] }, { limits: { deny: ['b'] } });
    expect(plan.reasons).toEqual(['a is the only candidate left.']);
  });
});

describe('a utility', () => {
  it('is quality less cost and latency, each against the largest of the means, or of what is expected', () => {
    const told = { success: [0.5, 0.75], costUsd: [1, 2], latencyMs: [30, 10] };
    const weights = { quality: 2, cost: 0.5, latency: 0.25 };
    expect([...decide(weights, told).utilities]).toEqual([1 - 0.25 - 0.25, 1.5 - 0.5 - 0.25 / 3]);
    const byMeans = decide(weights, told, {}, [4, 8]).utilities;
    expect([...byMeans]).toEqual([1 - 0.5 / 8 - (0.25 * 30) / 8, 1.5 - 1 / 8 - (0.25 * 10) / 8]);
  });

  it('has a bound where an amount is out of all proportion, so that it stays finite', () => {
    const weights = { quality: 0, cost: 1, latency: 1 };
    const told = { success: [0.5, 0.5], costUsd: [1e300, 1], latencyMs: [1, 1e300] };
    expect([...decide(weights, told, {}, [1e-10, 1e-10]).utilities]).toEqual([-2e9, -2e9]);
  });

  it.each<[string, object, Told, readonly string[]]>([
    ['a cost', { quality: 1, cost: 1, latency: 0 }, { success: [0.5], costUsd: [Number.NaN] }, ['cost']],
    ['a cost that counts nothing', 'best' as never, { success: [0.5], costUsd: [Number.NaN] }, []],
    ['a latency', LATENCY, { success: [0.5], latencyMs: [Number.NaN] }, ['latency']],
    [
      'a latency that counts nothing',
      { quality: 1, cost: 0, latency: 0 },
      { success: [0.5], latencyMs: [-1] },
      [],
    ],
    [
      'both',
      { quality: 1, cost: 1, latency: 1 },
      { success: [0.5], costUsd: [-1], latencyMs: [-1] },
      ['cost', 'latency'],
    ],
    ['neither, where all is free', { quality: 1, cost: 1, latency: 1 }, { success: [0.5] }, []],
  ])('%s that is not known counts 0, which is said', (_, weights, told, named) => {
    const plan = decide(weights, told);
    expect(plan.utilities[0] === 0.5 || plan.utilities[0] === 0).toBe(true);
    expect(plan.reasons.slice(1)).toEqual(
      named.map((what) => `Where a ${what} is not known, it counted nothing.`),
    );
  });
});

describe('the nearest weight at which another is first', () => {
  const weightsOf = (weights: object, told: Told) =>
    decide(weights, told).changes.map((change) => (change.kind === 'weight' ? change : null));

  it('is worked out for each weight, nearest change first, with who draws level there', () => {
    // Costs are 1 and 0.5 of the dearest, latencies 0.5 and 1 of the slowest: utilities 0.9 - 0.1 and 0.6 - 0.05.
    const told = { success: [0.9, 0.6], costUsd: [2, 1], latencyMs: [10, 20] };
    const found = weightsOf({ quality: 1, cost: 0.1, latency: 0 }, told);
    expect(found.map((change) => [change!.weight, change!.from, change!.candidate])).toEqual([
      ['cost', 0.1, 'b'],
      ['quality', 1, 'b'],
    ]);
    // 0.9 q - 0.1 = 0.6 q - 0.05, and 0.9 - w = 0.6 - 0.5 w.
    expect(found[0]!.to).toBeCloseTo(0.6, 12);
    expect(found[1]!.to).toBeCloseTo(1 / 6, 12);
  });

  it('is of the candidate that is level soonest, not of the second', () => {
    const told = { success: [0.9, 0.8, 0.7], costUsd: [4, 3.9, 1] };
    const [change] = weightsOf({ quality: 1, cost: 0, latency: 0 }, told);
    // b at 0.1 / 0.025 = 4, c at 0.2 / 0.75.
    expect(change).toMatchObject({ weight: 'cost', candidate: 'c' });
    expect(change!.to).toBeCloseTo(0.2 / 0.75, 12);
  });

  it('of two that are level at once, is of the better one', () => {
    const told = { success: [0.75, 0.5, 0.25], costUsd: [4, 3, 2] };
    const [change] = weightsOf({ quality: 1, cost: 0, latency: 0 }, told);
    expect(change).toMatchObject({ weight: 'cost', to: 1, candidate: 'b' });
  });

  it('is where both are now, where they tie', () => {
    const told = { success: [0.75, 0.5], costUsd: [4, 3] };
    expect(weightsOf({ quality: 1, cost: 1, latency: 0 }, told)).toEqual([
      { kind: 'weight', weight: 'quality', from: 1, to: 1, candidate: 'b' },
      { kind: 'weight', weight: 'cost', from: 1, to: 1, candidate: 'b' },
    ]);
  });

  test('there is none where the weight tells them not apart, at 0, below, nor beyond the largest', () => {
    // Cost alike; quality would have to be 0; latency would have to be below 0.
    const alike = { success: [0.9, 0.6], costUsd: [1, 1], latencyMs: [10, 20] };
    expect(weightsOf({ quality: 1, cost: 1, latency: 0 }, alike)).toEqual([]);
    const far = (latencyMs: number) =>
      weightsOf({ quality: 1, cost: 0, latency: 0 }, { success: [0.5, 0.25], latencyMs: [latencyMs, 1e9] });
    // It is quicker by some millionths: level at a weight of a quarter million, and of a million.
    expect(far(1e9 + 1000)[0]).toMatchObject({ weight: 'latency', candidate: 'b' });
    expect(far(1e9 + 1000)[0]!.to).toBeCloseTo(250_000.25, 1);
    expect(far(1e9 + 200)).toEqual([]);
  });
});
