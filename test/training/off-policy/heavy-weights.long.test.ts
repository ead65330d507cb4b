import { expect, test } from 'vitest';
import { coverage, documentedExploring, drawLog } from '../../../bench/simulations/heavy-weights.ts';
import { measureOverlap, refusals } from '../../../training/off-policy/diagnose.ts';
import { clipWeights, highestWeight, policyScores } from '../../../training/off-policy/estimate.ts';
import { doubtTable, scoreDoubt, scoreInterval } from '../../../training/off-policy/score-interval.ts';

const GREEDY = { candidates: 9, epsilon: 0.2, good: 0.95, preferred: 0.95, bias: 0 };

test('where few outcomes carry the weight and nearly all answers are good, intervals hold the truth all the same', () => {
  // 84 of 100, when the interval was normal.
  const { covered, gainCovered, given } = coverage({ ...GREEDY, rows: 1500, agree: 0 }, 60);
  expect(given).toBeGreaterThan(30);
  expect(covered).toBeGreaterThanOrEqual(93);
  expect(gainCovered).toBeGreaterThanOrEqual(93);
});

test('a log whose weight lies in a handful of outcomes is refused, whatever its effective sample size', () => {
  const { router, table } = drawLog({ ...GREEDY, rows: 700, agree: 0.6 }, 3);
  const overlap = measureOverlap(table, router);
  expect(overlap.effectiveSampleSize).toBeGreaterThan(30);
  expect(overlap.carriers).toBeLessThan(10);
  expect(refusals(table, overlap, "the router's choices").join(' ')).toMatch(
    /^Few outcomes carry nearly all of the weight of the router's choices: the effective sample size of their variance is \d prompts?; at least 10 are needed/,
  );
});

const HALF = { ...GREEDY, rows: 1500, agree: 0.7, deterministic: 0.5, bias: 0.3, good: 0.6, preferred: 0.7 };

test('what the log could not hold is known from its probabilities, and refused though the weights do not show it yet', () => {
  const { router, table } = drawLog({ ...HALF, strays: 0.25 }, 3);
  const overlap = measureOverlap(table, router);
  expect(overlap.supportKnown).toBe(true);
  expect(overlap.unsupportedShare).toBeGreaterThan(0.1);
  expect(overlap.unsupportedShare).toBeLessThan(0.15);
  expect(refusals(table, overlap, 'its choices')[0]).toMatch(
    /1\d\.\d % of its choices are not covered by the log \(no overlap\): by the probabilities that it has of each candidate/,
  );
  // Nor does it matter that nothing is known of a few.
  const mostly = table.policy!.map((p, cell) => (cell < 50 * 9 ? Number.NaN : p));
  expect(measureOverlap({ ...table, policy: mostly }, router)).toMatchObject({
    supportKnown: true,
    unsupportedShare: expect.closeTo(overlap.unsupportedShare, 1),
  });
  // Without them it is read off the weights, which are uncertain.
  const unknown = measureOverlap({ ...table, policy: null }, router);
  expect(unknown.supportKnown).toBe(false);
});

test('a little that the log could not hold widens the interval by all that it may be off', () => {
  const { router, table } = drawLog({ ...HALF, epsilon: 1, strays: 0.1 }, 3);
  const overlap = measureOverlap(table, router);
  expect(refusals(table, overlap, 'its choices')).toEqual([]);
  const { scores } = policyScores('dr', table, router);
  const width = (policy: Float64Array | null) => {
    const doubt = scoreDoubt(doubtTable({ ...table, policy }), router);
    const { high, low } = scoreInterval(scores, table.clusters, { doubt });
    return high! - low!;
  };
  // The model expects 0.9 there.
  expect(width(table.policy!) - width(null)).toBeCloseTo(2 * 0.9 * overlap.unsupportedShare, 6);
});

test('two policies are never further apart than they choose', () => {
  const { other, router, table } = drawLog({ ...GREEDY, rows: 300, agree: 0.97, epsilon: 0.05 }, 1);
  const doubt = scoreDoubt(doubtTable(table), router, other);
  const apart = doubt.apart!.reduce((sum, one) => sum + one, 0) / 300;
  expect(apart).toBeCloseTo(
    [...(router as { chosen: Int32Array }).chosen].filter(
      (c, row) => c !== (other as { chosen: Int32Array }).chosen[row],
    ).length / 300,
    9,
  );
  const [own, theirs] = [router, other].map((policy) => policyScores('dr', table, policy).scores);
  const { low } = scoreInterval(
    own.map((score, row) => score - theirs[row]),
    table.clusters,
    { doubt },
  );
  expect(low).toBeGreaterThan(-0.1);
});

test('the documented exploring, 5 % among 9, is not cut, and IPS is not off for it', () => {
  const [bias, mass] = documentedExploring(12);
  // −0.20 with weights cut at 100, which was 30 % of them in sum, and 1.3 % by count.
  expect(bias.value).toBeLessThan(0.06);
  expect(mass.value).toBe(0);
});

test('weights are cut where nothing bounds them, and at what was said', () => {
  expect(highestWeight([0.5, Number.NaN, 0.05 / 9])).toBeCloseTo(180, 6);
  expect(highestWeight([0.5, 0.2])).toBe(100);
  expect(highestWeight([0.5, 0.001])).toBe(1000);
  expect(highestWeight([0.5, 1e-5])).toBe(100);
  expect(highestWeight([0.5, 0.05 / 9], 'fitted')).toBe(100);
  // After a fallback the propensity is fitted; the exploring that was logged bounds the weights all the same.
  expect(highestWeight([0.5, 0.05 / 9, 1e-5], 'fitted', [0.5, 0.05 / 9, Number.NaN])).toBeCloseTo(180, 6);
  expect(highestWeight([0.5, 0.05 / 9, 1e-5], 'fitted', [Number.NaN, Number.NaN, Number.NaN])).toBe(100);
  const { clippedMass, clippedShare } = clipWeights([1, 1, 1, 1, 1, 1, 1, 1, 1, 191], 100);
  expect([clippedShare, clippedMass]).toEqual([0.1, 91 / 200]);
});
