import { InvalidInputError, type PolicySpec } from 'pointsman';
import { createPolicy, type Uncertainty } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { abstainPlan } from '../../../../src/policy/uncertainty.ts';
import { policyContext } from '../policy-context.ts';

const candidates = ['a', 'b', 'c'].map((name) => ({ name, meanCostUsd: 1, meanLatencyMs: 1 }));
const predictions = {
  choice: Float64Array.of(0.3, 0.4, 0.3),
  success: Float64Array.of(0.7, 0.76, 0.5),
  costUsd: Float64Array.of(1, 1, 1),
  latencyMs: Float64Array.of(1, 1, 1),
};

/** All differences have this standard error. */
const unsure = (error: number): Uncertainty => ({
  standardError: () => 10,
  differenceError: () => error,
  shares: (order) => new Float64Array(order.length),
  abstain: (...given) => abstainPlan(() => error, ...given),
});

function decide(spec: PolicySpec, error: number, overrides = {}) {
  const policy = createPolicy(spec, candidates, { uncertainty: true });
  return policy.decide(policyContext({ predictions, overrides, uncertainty: unsure(error) }));
}

const toA: PolicySpec = { kind: 'abstain', policy: { kind: 'utility' }, to: 'a' };

describe('a policy that abstains', () => {
  test('leaves the default only where it is surely better: b leads by 0.06', () => {
    // P(Z < 0.06 / 0.03) = 0.977, P(Z < 0.06 / 0.05) = 0.885
    expect(decide(toA, 0.03).order[0]).toBe(1);
    expect(decide(toA, 0.05).order[0]).toBe(0);
    expect(decide({ ...toA, confidence: 0.8 }, 0.05).order[0]).toBe(1);
    expect(decide({ ...toA, confidence: 0.99 }, 0.03).order[0]).toBe(0);
    expect(decide(toA, 0).order[0]).toBe(1);
  });

  test('says how sure it is, and at which confidence it would be otherwise; and it is', () => {
    for (const error of [0.03, 0.05]) {
      const plan = decide(toA, error);
      const [change] = plan.changes;
      expect(plan.changes).toHaveLength(1);
      if (change.kind !== 'threshold') throw new Error(change.kind);
      expect(change).toMatchObject({
        field: 'confidence',
        from: 0.95,
        candidate: error === 0.03 ? 'a' : 'b',
      });
      const past = change.to + 1e-4 * Math.sign(change.to - change.from);
      const changed = decide({ ...toA, confidence: past }, error);
      expect(candidates[changed.order[0]].name).toBe(change.candidate);
      expect(plan.reasons[0]).toMatch(/^b has a higher utility than a with probability 0\.\d+, /);
    }
    expect(decide(toA, 0.03).path).toEqual(['abstain:sure', 'utility:best']);
    expect(decide(toA, 0.05).path[0]).toBe('abstain');
  });

  test('escalates where the default is a policy', () => {
    const cascade: PolicySpec = { kind: 'cascade', steps: [{ use: 'a' }, { use: 'c' }] };
    const plan = decide({ ...toA, to: cascade }, 0.05);
    expect(plan.step.kind).toBe('sequence');
    expect(decide({ ...toA, to: cascade }, 0.03).step).toEqual({ kind: 'call', candidate: 'b' });
  });

  test('compares utilities: a weight of quality makes errors as much larger', () => {
    const policy: PolicySpec = { kind: 'utility', weights: { quality: 10, cost: 0, latency: 0 } };
    expect(decide({ ...toA, policy }, 0.03).order[0]).toBe(1);
    expect(decide({ ...toA, policy }, 0.05).order[0]).toBe(0);
  });

  test('agrees, or stands where limits removed the default', () => {
    expect(decide({ ...toA, to: 'b' }, 0.5).path).toEqual(['abstain:agreed', 'utility:best']);
    const plan = decide(toA, 0.5, { limits: { deny: ['a'] } });
    expect(plan.order[0]).toBe(1);
    expect(plan.path[0]).toBe('abstain:stands');
  });

  test('is refused where nothing says how unsure predictions are', () => {
    expect(() => createPolicy(toA, candidates)).toThrow(InvalidInputError);
    const thompson: PolicySpec = {
      kind: 'explore',
      method: 'thompson',
      observations: 'posterior',
      policy: { kind: 'utility' },
    };
    expect(() => createPolicy(thompson, candidates)).toThrow(/`observations: posterior`.*uncertainty: true/);
    expect(() => createPolicy({ ...toA, to: 'x' }, candidates, { uncertainty: true })).toThrow(/`to`/);
  });
});
