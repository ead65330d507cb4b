import { createPolicy, createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { cascadeFamily } from '../../../training/tune/settings.ts';
import { sayNotTuned, type TunePolicyInput, tunePolicy } from '../../../training/tune/tune-policy.ts';

const CANDIDATES = ['large', 'medium', 'small'];

/** Prompts of random difficulty; the probability that each candidate answers well is known, and is the prediction. */
function world(rows: number, seed: number) {
  const random = createRandom(seed);
  const success = new Float32Array(3 * rows);
  const quality = new Float32Array(3 * rows);
  const costUsd = new Float32Array(3 * rows);
  for (let row = 0; row < rows; row++) {
    const difficulty = random.next();
    const chances = [0.95 - 0.1 * difficulty, 0.95 - 0.4 * difficulty, 0.95 - 0.9 * difficulty];
    chances.forEach((chance, c) => {
      success[3 * row + c] = chance;
      quality[3 * row + c] = random.next() < chance ? 1 : 0;
      costUsd[3 * row + c] = [10, 3, 1][c];
    });
  }
  const unknown = new Float32Array(3 * rows).fill(Number.NaN);
  const matrix: OutcomeMatrix = {
    candidates: CANDIDATES,
    prompts: Array.from({ length: rows }, (_, i) => ({
      requestId: String(i),
      timestampMs: null,
      request: { text: '' },
      task: null,
      tier: null,
      source: '',
    })),
    quality,
    costUsd,
    latencyMs: unknown,
    propensity: unknown,
  };
  const half = rows >> 1;
  const part = (from: number, to: number) => ({
    rows: Int32Array.from({ length: to - from }, (_, i) => from + i),
    success: success.subarray(3 * from, 3 * to),
  });
  const groups = Int32Array.from({ length: rows }, (_, row) => row);
  return { matrix, groups, tune: part(0, half), test: part(half, rows) };
}

function tune(more: Pick<TunePolicyInput, 'goal'> & Partial<TunePolicyInput>, rows = 8_000) {
  return tunePolicy({ ...world(rows, 1), candidates: ['small', 'large'], ...more });
}

test('a strong share is met on the prompts it was set on, and nearly on others', () => {
  const { policy, tuned, test: other } = tune({ goal: { kind: 'strong-share', share: 0.3 } });
  expect(policy).toMatchObject({ kind: 'threshold', strong: 'large', weak: 'small' });
  expect(tuned.strongShare).toBeCloseTo(0.3, 2);
  // No more digits than tell its rows apart: "threshold of 0.30941900014877316".
  expect(String(policy.kind === 'threshold' && policy.threshold).length).toBeLessThan(10);
  expect(other?.strongShare).toBeCloseTo(0.3, 1);
  expect(other?.costSaved).toBeGreaterThan(0.5);
});

test('all and nothing are shares too', () => {
  expect(tune({ goal: { kind: 'strong-share', share: 1 } }).tuned.strongShare).toBe(1);
  expect(tune({ goal: { kind: 'strong-share', share: 0 } }).tuned.strongShare).toBe(0);
});

test('a quality loss is kept on other prompts, and something is saved', () => {
  const { test: other, dial } = tune({ goal: { kind: 'max-quality-loss', loss: 0.05 } });
  expect(other?.loss).toBeLessThanOrEqual(0.05);
  expect(other?.costSaved).toBeGreaterThan(0.1);
  // With the true chances as predictions, the mean gap of what stays weak is half of the threshold.
  expect(dial).toBeGreaterThan(0.1);
});

test('three candidates make a cascade whose policy runs as it is', () => {
  const { policy, test: other } = tune({
    candidates: ['small', 'medium', 'large'],
    goal: { kind: 'max-quality-loss', loss: 0.05 },
  });
  expect(policy).toMatchObject({
    kind: 'cascade',
    steps: [{ use: 'small' }, { use: 'medium' }, { use: 'large' }],
  });
  expect(other?.loss).toBeLessThanOrEqual(0.05);
  expect(other?.costSaved).toBeGreaterThan(0.2);
  const candidates = CANDIDATES.map((name) => ({ name, meanCostUsd: 1, meanLatencyMs: 1 }));
  expect(createPolicy(policy, candidates).spec).toEqual(policy);
});

test('a setting that saves nothing is none: it costs more, as much, or changes nothing', () => {
  const goal = { kind: 'max-quality-loss', loss: 0.05 } as const;
  const priced = (costs: readonly number[], change: (input: ReturnType<typeof world>) => void = () => {}) => {
    const input = world(4_000, 1);
    const costUsd = input.matrix.costUsd.map((_, cell) => costs[cell % 3]);
    change(input);
    return () =>
      tunePolicy({ ...input, matrix: { ...input.matrix, costUsd }, candidates: ['small', 'large'], goal });
  };
  expect(priced([10, 3, 12])).toThrow(
    /^Nothing is saved by .* on the prompts it was tuned on \(2,000\), it costs \d+\.\d % more than large alone\. The policy of the router stays as it is/,
  );
  expect(priced([10, 3, 10])).toThrow(/it costs as much as large alone/);
  const worse = ({ matrix, tune, test }: ReturnType<typeof world>) => {
    for (let at = 2; at < matrix.quality.length; at += 3) matrix.quality[at] = 0;
    for (const { success } of [tune, test]) for (let at = 2; at < success.length; at += 3) success[at] = 0;
  };
  expect(priced([10, 3, 1], worse)).toThrow(/every prompt goes to large\. The policy/);
  // Without costs, that everything goes to the last one is what can be said.
  expect(priced([Number.NaN, 3, 1], worse)).toThrow(/every prompt goes to large\. The policy/);
  expect(priced([Number.NaN, 3, 1])).not.toThrow();
});

test('a setting that loses more on prompts it was not found on, for sure, is none', () => {
  const input = world(4_000, 1);
  for (let at = 3 * 2_000 + 2; at < input.matrix.quality.length; at += 3) input.matrix.quality[at] = 0;
  const goal = { kind: 'max-quality-loss', loss: 0.05 } as const;
  expect(() => tunePolicy({ ...input, candidates: ['small', 'large'], goal })).toThrow(
    /^On 2,000 prompts that it was not tuned on, .* loses \d+\.\d points against large, and with 95 % confidence at least \d+\.\d; 5\.0 are allowed/,
  );
});

test('too few prompts, or candidates that are not there, are errors that say what to do', () => {
  const goal = { kind: 'max-quality-loss', loss: 0.001 } as const;
  expect(() => tune({ goal }, 200)).toThrow(/100 prompts are too few .* Collect 4,023 or more/);
  expect(() => tune({ goal }, 20)).toThrow(/Tuning needs 50 prompts/);
  expect(() => tune({ goal, candidates: ['small', 'huge'] })).toThrow(
    /among large, medium, small. Got "huge"/,
  );
  expect(() => tune({ goal, candidates: ['small'] })).toThrow(/A cascade needs two candidates or more/);
  expect(() => tune({ goal: { kind: 'strong-share', share: 2 } })).toThrow('from 0 to 1. Got 2.');
});

test('what of the policy in use is not looked at is said: hedges by a test, and tests of several', () => {
  const answer = { kind: 'answer', threshold: 'tuned' };
  const both = { kind: 'all', tests: [{ kind: 'json' }, answer] };
  const hedge = { kind: 'speculative', fast: 'small', slow: 'large', accept: answer };
  const cascade = { kind: 'cascade', steps: [{ use: 'small', accept: answer }, { use: 'large' }] };
  const said = (policy: object) =>
    sayNotTuned(policy).map((sentence) => /hedges by a test|`all`/.exec(sentence)?.[0]);
  expect(said(hedge)).toEqual(['hedges by a test']);
  expect(
    said({
      kind: 'explore',
      policy: { ...cascade, steps: [{ use: hedge, accept: both }, { use: 'large' }] },
    }),
  ).toEqual(['hedges by a test', '`all`']);
  expect(said(cascade)).toEqual([]);
  // Without a test nothing of a hedge could be tuned.
  expect(said({ kind: 'speculative', fast: 'small', slow: 'large' })).toEqual([]);
});

test('thresholds have no more digits than the dial that was tested', () => {
  for (const family of [cascadeFamily([0, 1]), cascadeFamily([0, 1], { reaches: [0.5] })])
    for (const dial of family.dials)
      for (const threshold of family.thresholds(dial)) expect(String(threshold).length).toBeLessThan(9);
});
