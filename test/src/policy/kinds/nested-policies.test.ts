import { InvalidInputError, type PolicySpec } from 'pointsman';
import { compileCel, createPolicy } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';

const candidates = ['fast', 'balanced', 'large'].map((name) => ({
  name,
  meanCostUsd: 0.001,
  meanLatencyMs: 100,
}));

describe('what rules may take together', () => {
  const compile = () => ({ maxSteps: 150_000, evaluate: () => false });
  const rules = (count: number, otherwise: PolicySpec | string = 'large'): PolicySpec => ({
    kind: 'rules',
    rules: Array.from({ length: count }, () => ({ when: 'true', then: 'fast' })),
    otherwise,
  });
  const places: [where: string, around: (inner: PolicySpec) => PolicySpec][] = [
    ['nowhere else', (inner) => inner],
    ['otherwise', (inner) => rules(3, inner)],
    ['then', (then) => ({ kind: 'rules', rules: [{ when: 'x', then }], otherwise: rules(2) })],
    [
      'domains',
      (inner) => ({ kind: 'hierarchical', domains: { a: inner, b: rules(3) }, otherwise: 'large' }),
    ],
    ['steps', (use) => ({ kind: 'cascade', steps: [{ use }, { use: rules(3) }] })],
    ['members', (inner) => ({ kind: 'ensemble', members: [inner, rules(3)], combine: { kind: 'majority' } })],
    ['fast and slow', (fast) => ({ kind: 'speculative', fast, slow: rules(3) })],
    [
      'before and after',
      (before) => ({ kind: 'tools', tool: 't', before, after: rules(3), otherwise: 'large' }),
    ],
    [
      'policy of explore',
      (inner) => ({ kind: 'explore', method: 'epsilon-greedy', epsilon: 0.1, policy: rules(3, inner) }),
    ],
  ];
  test.each(places)('is bounded, wherever they stand: %s', (_, around) => {
    expect(() => createPolicy(around(rules(3)), candidates, { compile })).not.toThrow();
    const make = () => createPolicy(around(rules(7)), candidates, { compile });
    expect(make).toThrow(InvalidInputError);
    expect(make).toThrow(/must take at most 1000000 steps together .* they could take 1050000/);
  });

  test('is counted afresh for each policy, and by what CEL says of real rules', () => {
    const when = 'success.all(a, success.all(b, success.all(c, success[a] + success[b] < 9.0)))';
    const names = candidates.map(({ name }) => name);
    const { maxSteps = 0 } = compileCel(when, names);
    const levels = Math.floor(1_000_000 / (5 * maxSteps));
    expect(levels).toBeGreaterThan(1);
    expect(levels).toBeLessThan(50);
    const nested = (left: number): PolicySpec | string =>
      left === 0
        ? 'large'
        : { kind: 'rules', rules: Array(5).fill({ when, then: 'fast' }), otherwise: nested(left - 1) };
    const make = (left: number) => () => createPolicy(nested(left), candidates, { compile: compileCel });
    for (let i = 0; i < 2; i++) expect(make(levels)).not.toThrow();
    expect(make(levels + 1)).toThrow(/at most 1000000 steps together/);
  });
});

test.each<[string, (inner: PolicySpec | string) => object]>([
  ['hierarchical', (otherwise) => ({ kind: 'hierarchical', domains: {}, otherwise })],
  ['cascade', (use) => ({ kind: 'cascade', steps: [{ use }, { use: 'large' }] })],
  ['tools', (after) => ({ kind: 'tools', tool: 't', after, otherwise: 'large' })],
])('%s inside itself without end is refused with a typed error', (_, around) => {
  const nested = (levels: number) => {
    let spec: object = { kind: 'utility' };
    for (let i = 0; i < levels; i++) spec = around(spec as PolicySpec);
    return () => createPolicy(spec, candidates);
  };
  expect(nested(49)).not.toThrow();
  for (const levels of [50, 200, 5_000, 50_000]) {
    expect(nested(levels)).toThrow(InvalidInputError);
    expect(nested(levels)).toThrow(/deep/);
  }
});
