import fc from 'fast-check';
import { describeChange, type PolicySpec } from 'pointsman';
import { createPolicy, type PolicyCandidate } from 'pointsman/internal';
import { describe, expect, it, test } from 'vitest';
import { policyContext } from './policy-context.ts';

const candidates: PolicyCandidate[] = ['a', 'b', 'c'].map((name, i) => ({
  name,
  meanCostUsd: [0.001, 0.004, 0.01][i],
  meanLatencyMs: 100,
}));

function decide(
  spec: PolicySpec,
  success: readonly number[],
  costUsd: readonly number[] = [0.001, 0.004, 0.01],
  overrides = {},
) {
  const predictions = {
    choice: Float64Array.from(success),
    success: Float64Array.from(success),
    costUsd: Float64Array.from(costUsd),
    latencyMs: Float64Array.of(100, 100, 100),
  };
  return createPolicy(spec, candidates).decide(policyContext({ predictions, overrides }));
}

describe('what is said of a bound', () => {
  it.each([
    [
      'kind: threshold, at it',
      { kind: 'threshold', weak: 'a', strong: 'b', threshold: 0.2 },
      [0.5, 0.70004, 0.1],
      /is 0\.20004\d* above that of a, over the threshold of 0\.2\.$/,
    ],
    [
      'kind: threshold, the weak one ahead',
      { kind: 'threshold', weak: 'a', strong: 'b', threshold: 0.2 },
      [0.5, 0.4, 0.1],
      /is -0\.100 above that of a, not over the threshold of 0\.2\.$/,
    ],
    [
      'kind: cascade',
      { kind: 'cascade', steps: [{ use: 'a', minSuccess: 0.7 }, { use: 'b' }] },
      [0.69999, 0.8, 0.1],
      /^a is skipped: its success probability 0\.69999 is under 0\.7\.$/,
    ],
    [
      'kind: classifier',
      { kind: 'classifier', abstain: { to: 'c', below: 0.4 } },
      [0.39999, 0.3, 0.2],
      /^a has the highest choice probability, 0\.39999\.$/,
    ],
  ] as const)('%s', (_, spec, success, sentence) => {
    expect(decide(spec as PolicySpec, success).reasons[0]).toMatch(sentence);
  });

  it('removes nobody for a number that is printed as the bound', () => {
    const { removed } = decide(
      { kind: 'utility', limits: { maxCostUsd: 0.01, minSuccessProbability: 0.5 } },
      [0.49999, 0.8, 0.9],
      [0.001, 0.004, 0.010001],
    );
    expect(removed[0]).toBe('success probability 0.49999 is under 0.5');
    expect(removed[2]).toBe('expected cost 0.010001 US dollars is over 0.01 US dollars');
  });
});

test('a success probability is told as it is, whatever quality weighs', () => {
  const spec = (quality: number): PolicySpec => ({
    kind: 'utility',
    weights: { quality, cost: 0, latency: 0 },
  });
  expect(decide(spec(10), [0.5, 0.7, 0.1]).reasons[0]).toBe(
    'b has the highest utility, 2.0 above a; it answers well with probability 0.700.',
  );
  expect(decide(spec(0), [0.5, 0.7, 0.1]).reasons[0]).toMatch(/^b ties on utility with a;/);
});

test('where a limit gave way, nobody is called within the limits', () => {
  const { reasons } = decide({ kind: 'utility', limits: { maxCostUsd: 0.0001 } }, [0.5, 0.7, 0.1]);
  expect(reasons.join(' ')).not.toContain('within the limits');
});

test('what would change it: with the number that is printed, that candidate comes before the one that was chosen', () => {
  const share = fc.double({ min: 0.05, max: 0.95, noNaN: true });
  const cost = fc.double({ min: 0.0001, max: 0.02, noNaN: true });
  fc.assert(
    fc.property(
      fc.tuple(share, share, share),
      fc.tuple(cost, cost, cost),
      fc.record({
        cost: fc.double({ min: 0, max: 1, noNaN: true }),
        maxCostUsd: cost,
        minSuccessProbability: share,
      }),
      (success, costs, { cost: weight, maxCostUsd, minSuccessProbability }) => {
        const weights = { quality: 1, cost: weight, latency: 0 };
        const limits = { maxCostUsd, minSuccessProbability };
        const plan = decide(
          { kind: 'utility', weights, limits, relax: ['maxCostUsd', 'minSuccessProbability'] },
          success,
          costs,
        );
        if (plan.reasons.some((reason) => reason.includes('gave way'))) return;
        for (const change of plan.changes) {
          const [, to] = /(?:at|past) (\S+) instead of/.exec(describeChange(change))!;
          const isUp = change.to > change.from;
          // "Past" is a little further than what is printed.
          const printed = Number(to);
          const value = change.kind === 'weight' ? printed * (isUp ? 1 + 1e-6 : 1 - 1e-6) : printed;
          const changed = decide(
            {
              kind: 'utility',
              weights: change.kind === 'weight' ? { ...weights, [change.weight]: value } : weights,
              limits: change.kind === 'limit' ? { ...limits, [change.limit]: value } : limits,
            },
            success,
            costs,
          );
          // Further still, another may be first; the one that is named must have passed the one that was.
          const at = (name: string) => changed.order.findIndex((c) => candidates[c].name === name);
          expect(at(change.candidate), describeChange(change)).toBeGreaterThanOrEqual(0);
          expect(at(change.candidate)).toBeLessThan(
            changed.order.includes(plan.order[0]) ? changed.order.indexOf(plan.order[0]) : 3,
          );
        }
      },
    ),
  );
});

test('a threshold that is met exactly is not passed: the weak one answers', () => {
  const spec = { kind: 'threshold', weak: 'a', strong: 'b', threshold: 0.25 } as const;
  expect(decide(spec, [0.5, 0.75, 0.1]).order[0]).toBe(0);
  expect(decide(spec, [0.5, 0.7501, 0.1]).order[0]).toBe(1);
});
