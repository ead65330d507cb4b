import { createRandom, readUncertainty, sigmoid, type Uncertainty } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { predictRows, takeRows } from '../../../training/fit/rows.ts';
import { allRows, type LearnerData } from '../../../training/learners/learner.ts';
import { tuneLinearLearner } from '../../../training/learners/linear.ts';
import { fitUncertainty, widened } from '../../../training/learners/uncertainty.ts';
import { memberFixture } from './fixture.ts';

const Z90 = 1.6449;
const CANDIDATES = 3;

/** Probabilities that are the expected qualities. */
const PLAIN = {
  scores: [0, 0, 0],
  calibrators: [0, 1, 2].map(() => ({ probability: sigmoid })),
};

/** A linear truth drawn from a normal prior, learned from `rows` and asked at rows that nothing was fitted on. */
async function measured(seed: number, see: (row: number, candidate: number) => boolean) {
  const random = createRandom(100 + seed);
  const shared = Array.from({ length: 6 }, () => 0.1 * random.normal());
  const own = Array.from({ length: 6 * CANDIDATES }, () => 0.1 * random.normal());
  const { data, expected } = memberFixture({
    rows: 500,
    candidates: CANDIDATES,
    seed,
    truth: (x, c) => x.reduce((sum, value, i) => sum + value * (shared[i] + own[6 * c + i]), 0),
    noise: 0.4,
  });
  const rows = allRows(data.residuals);
  const fit = rows.filter((row) => row < 250);
  const held = rows.filter((row) => row >= 250);
  const seen = {
    ...data.residuals,
    values: data.residuals.values.map((value, i) =>
      see(Math.floor(i / CANDIDATES), i % CANDIDATES) ? value : Number.NaN,
    ),
  };
  const known: LearnerData = {
    ...data,
    features: takeRows(data.features, fit),
    residuals: takeRows(seen, fit),
    groups: data.groups.slice(0, 250),
    folds: data.folds.slice(0, 250),
  };
  const linear = await tuneLinearLearner(known);
  const { head } = await linear.fit();
  const heldFeatures = takeRows(data.features, held);
  const predicted = predictRows(head, heldFeatures);
  const outcomes = takeRows(seen, held);
  const errors = { ...outcomes, values: outcomes.values.map((value, i) => value - predicted.values[i]) };
  const { settings } = linear;
  const fitted = fitUncertainty(
    known,
    linear.outOfFold,
    { difficulty: settings.levelPenalty, advantage: settings.deviationPenalty },
    { features: heldFeatures, errors, groups: held, share: 1 },
  );
  const reader = readUncertainty(fitted.spec, 6, CANDIDATES, fitted.bytes);
  const truth = takeRows(expected, held);
  const count = { inside: 0, differences: 0, all: 0, allDifferences: 0 };
  for (let row = 0; row < held.length; row++) {
    const uncertainty = reader.read(heldFeatures.values.subarray(6 * row, 6 * row + 6), PLAIN);
    const off = (c: number) => truth.values[row * CANDIDATES + c] - predicted.values[row * CANDIDATES + c];
    for (let c = 0; c < CANDIDATES; c++) {
      count.all++;
      if (Math.abs(off(c)) <= Z90 * uncertainty.standardError(c)) count.inside++;
      if (c === 0) continue;
      count.allDifferences++;
      if (Math.abs(off(c) - off(0)) <= Z90 * uncertainty.differenceError(c, 0)) count.differences++;
    }
  }
  return { ...count, scales: fitted.scales };
}

describe('of a truth that is linear', () => {
  test.each<[string, (row: number, candidate: number) => boolean]>([
    ['every candidate was seen', () => true],
    ['one candidate a row was seen', (row, candidate) => row % CANDIDATES === candidate],
  ])(
    '90 % intervals hold it about as often as they say, where %s',
    async (_, see) => {
      let [inside, all, differences, allDifferences] = [0, 0, 0, 0];
      for (let seed = 1; seed <= 8; seed++) {
        const found = await measured(seed, see);
        inside += found.inside;
        all += found.all;
        differences += found.differences;
        allDifferences += found.allDifferences;
      }
      // Eight truths of 6 numbers for each candidate: the shares are as unsure as those of a hundred or two draws.
      expect(inside / all).toBeGreaterThan(0.8);
      expect(inside / all).toBeLessThan(0.98);
      expect(differences / allDifferences).toBeGreaterThan(0.8);
      expect(differences / allDifferences).toBeLessThan(0.98);
    },
    120_000,
  );
});

describe('what little is known of', () => {
  const { data } = memberFixture({
    rows: 200,
    candidates: CANDIDATES,
    seed: 3,
    truth: (x, c) => 0.2 * x[0] * (c - 1),
    noise: 0.3,
  });
  const zeros = { ...data.residuals, values: new Float32Array(data.residuals.values.length) };
  const uncertaintyAt = (changed: Partial<LearnerData>, features: Float32Array): Uncertainty => {
    const known = { ...data, ...changed };
    const held = { features: data.features, errors: known.residuals, groups: data.groups, share: 1 };
    const { spec, bytes } = fitUncertainty(known, zeros, { difficulty: 0.01, advantage: 0.01 }, held);
    return readUncertainty(spec, 6, CANDIDATES, bytes).read(features, PLAIN);
  };

  test('is less sure than what is known well: prompts far from the others, and candidates seldom or never seen', () => {
    const [near, far] = [new Float32Array(6), Float32Array.of(4, -4, 4, -4, 4, -4)];
    expect(uncertaintyAt({}, far).standardError(0)).toBeGreaterThan(
      2 * uncertaintyAt({}, near).standardError(0),
    );
    const seldom = data.residuals.values.map((value, i) => {
      const [row, c] = [Math.floor(i / CANDIDATES), i % CANDIDATES];
      return c === 2 || (c === 1 && row % 10 > 0) || (c === 0 && row % 10 === 0) ? Number.NaN : value;
    });
    const logged = { residuals: { ...data.residuals, values: seldom } };
    const [often, rare, never] = [0, 1, 2].map((c) => uncertaintyAt(logged, near).standardError(c));
    expect(rare).toBeGreaterThan(1.5 * often);
    expect(never).toBeGreaterThan(1.5 * rare);
    expect(Number.isFinite(never)).toBe(true);
  });

  test('is wide enough for what a fit on twice as many prompts expects', () => {
    const held = { features: data.features, errors: data.residuals, groups: data.groups, share: 1 };
    const found = fitUncertainty(data, zeros, { difficulty: 0.01, advantage: 0.01 }, held);
    const plain = { ...found, scales: { difficulty: 1, advantage: 1 } };
    const random = createRandom(4);
    const draws = zeros.values.map(() => random.normal());
    const scalesAt = (size: number, rows = 200) => {
      const features = takeRows(data.features, allRows(zeros).slice(0, rows));
      const before = takeRows(zeros, allRows(zeros).slice(0, rows));
      const after = { ...before, values: before.values.map((_, i) => size * draws[i]) };
      return widened(plain, { half: plain, features, before, after }).scales;
    };
    expect(scalesAt(1e-6)).toEqual(plain.scales);
    // Where intervals have to be 1.5 times as wide, variances are 2.25 times as large.
    const [some, more] = [scalesAt(0.06), scalesAt(0.09)];
    expect(some.advantage).toBeGreaterThan(1.1);
    expect(more.advantage / some.advantage).toBeCloseTo(2.25, 5);
    expect(more.difficulty / some.difficulty).toBeCloseTo(2.25, 5);
    expect(scalesAt(100)).toEqual({ difficulty: 10, advantage: 10 });
    // Of twelve prompts no 90 % is known.
    expect(scalesAt(100, 12)).toEqual(plain.scales);
    const { spec, bytes } = widened(plain, {
      ...{ half: plain, features: data.features, before: zeros },
      after: { ...zeros, values: draws.map((x) => 0.06 * x) },
    });
    const errorOf = (given: { spec: typeof spec; bytes: Uint8Array }) =>
      readUncertainty(given.spec, 6, CANDIDATES, given.bytes)
        .read(new Float32Array(6).fill(1), PLAIN)
        .differenceError(0, 1);
    const wider = (errorOf({ spec, bytes }) / errorOf(found)) ** 2;
    expect(wider).toBeCloseTo(some.advantage / found.scales.advantage, 3);
  });

  test('is the same bytes from the same rows', () => {
    const held = { features: data.features, errors: data.residuals, groups: data.groups, share: 1 };
    const fitted = () => fitUncertainty(data, zeros, { difficulty: 0.01, advantage: 0.01 }, held);
    expect(fitted()).toEqual(fitted());
  });

  test('features that are all alike leave the means to be unsure of', () => {
    const features = { ...data.features, values: new Float32Array(data.features.values.length) };
    const held = { features, errors: data.residuals, groups: data.groups, share: 1 };
    const { spec, bytes } = fitUncertainty(
      { ...data, features },
      zeros,
      { difficulty: 0.01, advantage: 0.01 },
      held,
    );
    const error = readUncertainty(spec, 6, CANDIDATES, bytes).read(new Float32Array(6), PLAIN);
    expect(error.standardError(0)).toBeGreaterThan(0);
    expect(error.standardError(0)).toBeLessThan(0.2);
  });
});
