import type { PolicySpec } from 'pointsman';
import { createPolicy, createRandom, type Uncertainty } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { policyContext } from '../policy-context.ts';

const candidates = ['a', 'b', 'c', 'd'].map((name) => ({ name, meanCostUsd: 1, meanLatencyMs: 1 }));
const success = Float64Array.of(0.6, 0.72, 0.7, 0.3);
const predictions = {
  choice: Float64Array.of(0.25, 0.25, 0.25, 0.25),
  success,
  costUsd: Float64Array.of(1, 1, 1, 1),
  latencyMs: Float64Array.of(1, 1, 1, 1),
};
const policy = { kind: 'utility' } as const;
const METHODS: [string, PolicySpec][] = [
  ['epsilon-greedy', { kind: 'explore', method: 'epsilon-greedy', epsilon: 0.2, policy }],
  ['softmax', { kind: 'explore', method: 'softmax', temperature: 0.1, policy }],
  ['thompson', { kind: 'explore', method: 'thompson', observations: 50, policy }],
  ['thompson by the posterior', { kind: 'explore', method: 'thompson', observations: 'posterior', policy }],
];
const DRAWS = 20_000;

/** As if each were first as often as this, whatever the utilities. */
const uncertainty: Uncertainty = {
  standardError: () => 0.1,
  differenceError: () => 0.1,
  shares: (order) => Float64Array.from(order, (c) => [0.25, 0.5, 0.125, 0.125][c]),
  abstain: (plan) => plan,
};

/** What was drawn how often, and the propensity it was said to have. */
function sample(spec: PolicySpec, seed: number) {
  const made = createPolicy(spec, candidates, { uncertainty: true });
  const random = createRandom(seed);
  const counts = new Float64Array(candidates.length);
  const said = new Float64Array(candidates.length);
  for (let i = 0; i < DRAWS; i++) {
    const { order, propensity } = made.decide(
      policyContext({ predictions, uncertainty, random: random.next() }),
    );
    counts[order[0]]++;
    said[order[0]] = propensity;
  }
  return { shares: counts.map((count) => count / DRAWS), said };
}

describe.each(METHODS)('%s', (_, spec) => {
  test('takes its first choice where a request is not to be explored with', () => {
    const overrides = { explore: false };
    const plan = createPolicy(spec, candidates, { uncertainty: true }).decide(
      policyContext({ predictions, random: 0.999, overrides }),
    );
    expect(plan).toMatchObject({ propensity: 1, path: ['explore:off', 'utility:best'] });
    expect(candidates[plan.order[0]].name).toBe('b');
  });

  test('each candidate is drawn as often as its propensity says', () => {
    const { shares, said } = sample(spec, 1);
    // Four standard errors of a share of 20,000.
    shares.forEach((share, c) => {
      expect(Math.abs(share - said[c])).toBeLessThan(4 * Math.sqrt(0.25 / DRAWS));
    });
    expect(said.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
  });

  test('so outcomes weighted by 1 / propensity give the mean of each candidate without bias', () => {
    const made = createPolicy(spec, candidates, { uncertainty: true });
    const random = createRandom(2);
    let sum = 0;
    for (let i = 0; i < DRAWS; i++) {
      const { order, propensity } = made.decide(
        policyContext({ predictions, uncertainty, random: random.next() }),
      );
      if (order[0] === 2) sum += (random.next() < success[2] ? 1 : 0) / propensity;
    }
    expect(sum / DRAWS).toBeGreaterThan(0.63);
    expect(sum / DRAWS).toBeLessThan(0.77);
  });

  test('a removed candidate is never drawn', () => {
    const made = createPolicy({ ...spec, limits: { deny: ['b'] } }, candidates, { uncertainty: true });
    for (let u = 0; u < 1; u += 0.01) {
      expect(made.decide(policyContext({ predictions, uncertainty, random: u })).order[0]).not.toBe(1);
    }
  });

  test('what is drawn beside the first is called alone, and the reasons say so', () => {
    const plan = createPolicy(spec, candidates, { uncertainty: true }).decide(
      policyContext({ predictions, uncertainty, random: 0.9999 }),
    );
    const drawn = candidates[plan.order[0]].name;
    expect(plan.step).toEqual({ kind: 'call', candidate: drawn });
    expect(plan.reasons[0]).toMatch(new RegExp(`^${drawn} was drawn, with probability .*; otherwise b\\.$`));
    expect(plan.path[0]).toMatch(/^explore:/);
  });
});

test('Thompson probabilities are those of drawing every success from its distribution', () => {
  const { said } = sample({ kind: 'explore', method: 'thompson', observations: 50, policy }, 3);
  const random = createRandom(4);
  const wins = new Float64Array(4);
  const draws = 200_000;
  for (let i = 0; i < draws; i++) {
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    success.forEach((p, c) => {
      const drawn = p + Math.sqrt((p * (1 - p)) / 51) * random.normal();
      if (drawn > most) [best, most] = [c, drawn];
    });
    wins[best]++;
  }
  wins.forEach((count, c) => {
    expect(Math.abs(count / draws - said[c])).toBeLessThan(0.006);
  });
});

test('the first keeps its whole plan', () => {
  const spec: PolicySpec = {
    kind: 'explore',
    method: 'epsilon-greedy',
    epsilon: 0.1,
    policy: { kind: 'cascade', steps: [{ use: 'd' }, { use: 'b' }] },
  };
  const plan = createPolicy(spec, candidates, { uncertainty: true }).decide(
    policyContext({ predictions, uncertainty, random: 0 }),
  );
  expect(plan.step.kind).toBe('sequence');
  expect(plan.propensity).toBeCloseTo(0.9 + 0.1 / 4, 12);
});

test("a number on the border between two is the second one's, in the order of the policy inside", () => {
  const half = createPolicy({ kind: 'explore', method: 'epsilon-greedy', epsilon: 0.5, policy }, candidates);
  const drawn = (random: number, limits = {}) =>
    candidates[half.decide(policyContext({ predictions, random, overrides: { limits } })).order[0]].name;
  // 0.125 each, and half of all to b, the first, beside.
  const borders = [0, 0.6249, 0.625, 0.7499, 0.75, 0.875];
  expect(borders.map((random) => drawn(random)).join('')).toBe('bbccad');
  expect(drawn(0, { deny: ['b'] })).toBe('c');
  expect(drawn(0.9999999999, { deny: ['d'] })).toBe('a');
});
