import { mean } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { measureOverlap, refusals } from '../../../training/off-policy/diagnose.ts';
import {
  ESTIMATORS,
  type LoggedTable,
  policyScores,
  switchThreshold,
} from '../../../training/off-policy/estimate.ts';
import { pseudoOutcomes, scoreInterval } from '../../../training/off-policy/score-interval.ts';
import { type LoggedWorld, loggedWorld, QUALITY } from './fixture.ts';

const LOGGING = [
  [0.6, 0.3, 0.1],
  [0.1, 0.4, 0.5],
];

/** @param bias what the model is off by, everywhere */
function tableOf({ matrix, truth }: LoggedWorld, bias = 0): LoggedTable {
  return {
    candidates: 3,
    quality: Float64Array.from(matrix.quality),
    propensities: Float64Array.from(matrix.propensity),
    expected: truth.map((value) => value + bias),
    clusters: Int32Array.from(matrix.prompts.keys()),
  };
}

const best = ({ kinds }: LoggedWorld) => ({ chosen: Int32Array.from(kinds) });

test.each(ESTIMATORS)(
  '%s covers the value of another policy as often as it says, unlike the mean of what agrees',
  (estimator) => {
    let covered = 0;
    let sum = 0;
    for (let seed = 0; seed < 100; seed++) {
      const world = loggedWorld(LOGGING, { rows: 600, seed: seed + 1 });
      const table = tableOf(world);
      const { estimate, low, high } = scoreInterval(
        policyScores(estimator, table, best(world)).scores,
        table.clusters,
      );
      // Of prompts as a sample: half of each kind.
      const value = (QUALITY[0][0] + QUALITY[1][1]) / 2;
      if (low! <= value && value <= high!) covered++;
      sum += estimate! / 100;
    }
    expect(covered).toBeGreaterThanOrEqual(89);
    expect(Math.abs(sum - 0.75)).toBeLessThan(0.01);
  },
);

test('on a log of everything all four are the mean quality, to the last digit but rounding', () => {
  const world = loggedWorld(LOGGING, { rows: 300 });
  const table = { ...tableOf(world, 0.2), quality: world.quality, propensities: world.quality.map(() => 1) };
  const plain = mean(Float64Array.from(world.kinds, (kind, row) => world.quality[row * 3 + kind]));
  for (const estimator of ESTIMATORS)
    expect(mean(policyScores(estimator, table, best(world)).scores)).toBeCloseTo(plain, 10);
});

test('DR forgives a wrong model where propensities are right, and wrong propensities where the model is', () => {
  const world = loggedWorld(LOGGING, { rows: 20_000 });
  const value = mean(Float64Array.from(world.kinds, (kind, row) => world.truth[row * 3 + kind]));
  const wrongModel = tableOf(world, -0.3);
  expect(Math.abs(mean(policyScores('dr', wrongModel, best(world)).scores) - value)).toBeLessThan(0.02);
  const right = tableOf(world);
  const wrongPropensities = { ...right, propensities: right.propensities.map((p) => Math.sqrt(p)) };
  expect(Math.abs(mean(policyScores('dr', wrongPropensities, best(world)).scores) - value)).toBeLessThan(
    0.02,
  );
  expect(Math.abs(mean(policyScores('ips', wrongPropensities, best(world)).scores) - value)).toBeGreaterThan(
    0.1,
  );
});

test('DR scores of a choice are the pseudo-outcomes of the chosen cells, and of a mixture their mixture', () => {
  const world = loggedWorld(LOGGING, { rows: 50 });
  const table = tableOf(world, 0.1);
  const outcomes = pseudoOutcomes(table);
  const { scores } = policyScores('dr', table, best(world));
  scores.forEach((score, row) => {
    expect(score).toBeCloseTo(outcomes[row * 3 + world.kinds[row]], 12);
  });
  const mixture = Float64Array.of(0.5, 0, 0.5);
  policyScores('dr', table, { mixture }).scores.forEach((score, row) => {
    expect(score).toBeCloseTo((outcomes[row * 3] + outcomes[row * 3 + 2]) / 2, 12);
  });
});

test('the difference of two policies is the mean difference of their scores', () => {
  const world = loggedWorld(LOGGING, { rows: 5000 });
  const table = tableOf(world);
  const always = { chosen: new Int32Array(5000).fill(1) };
  for (const estimator of ESTIMATORS) {
    const [a, b] = [best(world), always].map((policy) => policyScores(estimator, table, policy).scores);
    const gain = scoreInterval(
      a.map((score, row) => score - b[row]),
      table.clusters,
    );
    expect(gain.estimate).toBeCloseTo(mean(a) - mean(b), 10);
    expect(gain.low).toBeLessThan(0.1);
    expect(gain.high).toBeGreaterThan(0.1);
  }
});

test('switch-DR leaves out an error with an absurd weight, which throws DR off', () => {
  const world = loggedWorld(LOGGING, { rows: 400 });
  const table = tableOf(world);
  const row = world.kinds.findIndex((kind, i) => !Number.isNaN(table.quality[i * 3 + kind]));
  table.propensities[row * 3 + world.kinds[row]] = 1e-4;
  const switched = policyScores('switch-dr', table, best(world), Number.POSITIVE_INFINITY);
  expect(switched.switchAt).toBeLessThan(1e4);
  expect(Math.abs(switched.scores[row])).toBeLessThan(1.01);
  expect(policyScores('dr', table, best(world)).switchAt).toBe(Number.POSITIVE_INFINITY);
});

test('with equal weights there is nothing to switch', () => {
  const weights = Float64Array.of(3, 0, 0, 3, 3, 0);
  expect(switchThreshold(weights, new Float64Array(6).fill(0.5), new Float64Array(2))).toBe(
    Number.POSITIVE_INFINITY,
  );
});

test('rows of a cluster make an interval as wide as one row each would', () => {
  const scores = Float64Array.from({ length: 200 }, (_, i) => (i >> 1) % 5);
  const halved = scores.filter((_, i) => i % 2 === 0);
  const twice = scoreInterval(
    scores,
    Int32Array.from(scores, (_, i) => i >> 1),
  );
  const once = scoreInterval(
    halved,
    Int32Array.from(halved, (_, i) => i),
  );
  expect(twice.high! - twice.low!).toBeCloseTo(once.high! - once.low!, 10);
  expect(scoreInterval(Float64Array.of(1, 2), [7, 7]).high).toBeNull();
});

test('overlap tells rows that agree, their weight and what the log could not hold', () => {
  const world = loggedWorld(
    [
      [1, 0, 0],
      [0.5, 0.5, 0],
    ],
    { rows: 4000 },
  );
  const table = tableOf(world);
  const always = measureOverlap(table, { chosen: new Int32Array(4000).fill(1) });
  expect(always.matchedRows).toBe(
    table.quality.filter((q, cell) => cell % 3 === 1 && !Number.isNaN(q)).length,
  );
  expect(always.effectiveSampleSize).toBeCloseTo(always.matchedRows, 8);
  expect(always.smallestPropensity).toBe(0.5);
  expect(always.largestWeight).toBe(2);
  expect(Math.abs(always.unsupportedShare - 0.5)).toBeLessThan(0.05);
  expect(always.unseenShare).toBe(0);
  expect(refusals(table, always, 'its choices').join(' ')).toMatch(
    /% of its choices are not covered by the log \(no overlap\)/,
  );
  const never = measureOverlap(table, { mixture: Float64Array.of(0.8, 0, 0.2) });
  expect(never.unseenShare).toBeCloseTo(0.2, 9);
  expect(refusals(table, never, 'its choices').join(' ')).toMatch(
    /20\.0 % of its choices are candidates without any outcome/,
  );
  expect(refusals(table, measureOverlap(table, best(world)), 'its choices')).toEqual([]);
});

test('a log that leaves nothing to chance, wrong propensities and too few rows are refused with the reason', () => {
  const certain = loggedWorld([
    [1, 0, 0],
    [0, 0, 1],
  ]);
  const table = tableOf(certain);
  const reason = (one: LoggedTable, world: LoggedWorld) =>
    refusals(one, measureOverlap(one, best(world)), "the router's choices").join(' ');
  expect(reason(table, certain)).toContain('with certainty');
  const world = loggedWorld(LOGGING);
  const wrong = tableOf(world);
  const halved = { ...wrong, propensities: wrong.propensities.map((p) => p / 2) };
  expect(reason(halved, world)).toMatch(/propensities cannot be right: .* mean of (1\.9|2\.0|2\.1)/);
  // Estimates are noisy, which lifts the mean weight: more is let pass, not this much.
  expect(
    reason({ ...wrong, source: 'fitted', propensities: wrong.propensities.map((p) => p / 1.3) }, world),
  ).toBe('');
  expect(reason({ ...halved, source: 'fitted' }, world)).toContain('cannot be right');
  const few = loggedWorld(LOGGING, { rows: 40 });
  expect(reason(tableOf(few), few)).toMatch(/effective sample size of .* is \d+ prompts; at least 30/);
  expect(reason(wrong, world)).toBe('');
});
