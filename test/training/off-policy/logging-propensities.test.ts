import { createRandom, mean } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { toBanditLog } from '../../../bench/bandit-log.ts';
import { createMatrix } from '../../../training/fit/rows.ts';
import { clipWeights, effectiveSampleSize } from '../../../training/off-policy/estimate.ts';
import { loggingPropensities } from '../../../training/off-policy/propensities.ts';
import { pseudoOutcomes } from '../../../training/off-policy/score-interval.ts';
import { loggedWorld } from './fixture.ts';

const LOGGING = [
  [0.7, 0.2, 0.1],
  [0.1, 0.3, 0.6],
];

test('logged propensities are taken as they are, and only where something was observed', async () => {
  const { matrix } = loggedWorld(LOGGING, { rows: 200 });
  const { values, source, assumption, knownRows } = await loggingPropensities(matrix);
  expect(source).toBe('logged');
  expect(knownRows).toBe(200);
  expect(assumption).toContain('drawn with');
  expect(Array.from(values, Number.isNaN)).toEqual(Array.from(matrix.quality, Number.isNaN));
  values.forEach((p, cell) => {
    if (!Number.isNaN(p)) expect(p).toBe(matrix.propensity[cell]);
  });
});

test('what the log says of candidates that were not asked is kept, and certainty leaves nothing to the others', async () => {
  const { matrix } = loggedWorld(LOGGING, { rows: 200 });
  expect((await loggingPropensities(matrix)).policy!.filter((p) => !Number.isNaN(p)).length).toBe(200);
  const policy = matrix.quality.map((_, cell) => (cell < 300 ? [0.7, 0.2, 0.1][cell % 3] : Number.NaN));
  const found = (await loggingPropensities({ ...matrix, policy })).policy!;
  expect(found.subarray(0, 300).every((p) => !Number.isNaN(p))).toBe(true);
  expect(found.subarray(300).filter((p) => !Number.isNaN(p)).length).toBe(100);
  const certain = loggedWorld([
    [1, 0, 0],
    [0, 0, 1],
  ]);
  const known = (await loggingPropensities(certain.matrix)).policy!;
  certain.kinds.forEach((kind, row) => {
    expect(Array.from(known.subarray(3 * row, 3 * row + 3))).toEqual(kind === 0 ? [1, 0, 0] : [0, 0, 1]);
  });
  const fitted = await loggingPropensities(
    loggedWorld(LOGGING, { rows: 200, keepPropensities: false }).matrix,
  );
  expect(fitted.policy!.every(Number.isNaN)).toBe(true);
});

test.each([
  ['the task', true],
  ['a feature', false],
])(
  'without any, %s gives them back within a few hundredths, and the assumption is named',
  async (_, tasks) => {
    const { matrix, features, kinds } = loggedWorld(LOGGING, { rows: 4000, tasks, keepPropensities: false });
    const { values, source, assumption } = await loggingPropensities(matrix, {
      features: tasks ? null : features,
    });
    expect(source).toBe('fitted');
    expect(assumption).toContain('no unobserved confounding given the prompt');
    let error = 0;
    let inverse = 0;
    values.forEach((p, cell) => {
      if (Number.isNaN(p)) return;
      error += Math.abs(p - LOGGING[kinds[Math.floor(cell / 3)]][cell % 3]) / 4000;
      inverse += 1 / p / 4000;
    });
    expect(error).toBeLessThan(0.03);
    // The mean of 1/p over what was observed is the number of candidates.
    expect(inverse).toBeGreaterThan(2.9);
    expect(inverse).toBeLessThan(3.1);
  },
);

test('the same log and seed give the same estimates, to the last bit', async () => {
  const { matrix, features } = loggedWorld(LOGGING, { rows: 300, keepPropensities: false });
  const [once, again] = [
    await loggingPropensities(matrix, { features }),
    await loggingPropensities(matrix, { features }),
  ];
  expect(again.values).toEqual(once.values);
});

test('where nothing decides who answers, the estimates are the shares', async () => {
  const { matrix, features } = loggedWorld(
    [
      [0.2, 0.5, 0.3],
      [0.2, 0.5, 0.3],
    ],
    { keepPropensities: false },
  );
  const { values } = await loggingPropensities(matrix, { features });
  values.forEach((p, cell) => {
    if (!Number.isNaN(p)) expect(Math.abs(p - [0.2, 0.5, 0.3][cell % 3])).toBeLessThan(0.06);
  });
});

test('near-duplicates have no say in the propensity of each other', async () => {
  const { matrix } = loggedWorld(LOGGING, { rows: 200, keepPropensities: false });
  // Pairs with the same features, which no other has, and the same candidate.
  const random = createRandom(5);
  const features = createMatrix(200, 100);
  const quality = new Float32Array(600).fill(Number.NaN);
  for (let pair = 0; pair < 100; pair++) {
    const c = random.integer(3);
    for (const row of [2 * pair, 2 * pair + 1]) {
      features.values[row * 100 + pair] = 1;
      quality[row * 3 + c] = 1;
    }
  }
  const meanOf = async (groups: Int32Array) => {
    const { values } = await loggingPropensities({ ...matrix, quality }, { features, groups });
    return mean(values.filter((p) => !Number.isNaN(p)));
  };
  const pairs = Int32Array.from(matrix.prompts.keys(), (row) => row >> 1);
  expect(await meanOf(pairs)).toBeLessThan(0.4);
  expect(await meanOf(Int32Array.from(matrix.prompts.keys()))).toBeGreaterThan(0.6);
});

test('a prompt that every candidate answered is certain, whatever the others are', async () => {
  const { matrix, quality } = loggedWorld(LOGGING, { rows: 200, keepPropensities: false });
  const mixed = matrix.quality.map((value, cell) => (cell < 60 ? quality[cell] : value));
  const { values, knownRows, fittedRows, assumption } = await loggingPropensities({
    ...matrix,
    quality: mixed,
  });
  expect([knownRows, fittedRows]).toEqual([20, 180]);
  expect(values.subarray(0, 60).every((p) => p === 1)).toBe(true);
  expect(assumption).toContain('180 of 200 prompts');
});

test('with full information and propensity 1, pseudo-outcomes are the qualities', () => {
  const quality = Float32Array.from([0.1, 0.7, 0.3, 1]);
  const scores = pseudoOutcomes({ quality, propensities: [1, 1, 1, 1], expected: [0.9, 0.2, 0.4, 0.5] });
  expect(scores).toEqual(Float64Array.from(quality));
});

test('a pseudo-outcome corrects the guess by its error over the propensity, cut where asked', () => {
  const input = { quality: [1, Number.NaN], propensities: [0.1, Number.NaN], expected: [0.5, 0.25] };
  expect([...pseudoOutcomes(input)]).toEqual([5.5, 0.25]);
  expect([...pseudoOutcomes({ ...input, clip: 4 })]).toEqual([2.5, 0.25]);
  expect(() => pseudoOutcomes({ ...input, propensities: [0, 0] })).toThrow(
    /above 0 and at most 1 .* Got 0 in cell 0/,
  );
  expect(() => pseudoOutcomes({ ...input, expected: [0.5] })).toThrow(/one number for each of 2 cells/);
});

test('the effective sample size counts equal weights as they are and unequal ones as fewer', () => {
  expect(effectiveSampleSize([2, 2, 2, 0, 0, Number.NaN])).toBeCloseTo(3, 12);
  expect(effectiveSampleSize([9, 1, 1, 1])).toBeCloseTo(144 / 84, 12);
  expect(effectiveSampleSize([0, 0])).toBe(0);
});

test('clipping says what share of the weights above 0 it cut', () => {
  const { weights, clippedShare } = clipWeights([0, 1, 5, 20, Number.NaN], 10);
  expect([...weights]).toEqual([0, 1, 5, 10, Number.NaN]);
  expect(clippedShare).toBeCloseTo(1 / 3, 12);
});

test('a bandit log holds one drawn cell a prompt, with the probability it was drawn with', () => {
  const { matrix, quality } = loggedWorld(LOGGING, { rows: 3000 });
  const full = { ...matrix, quality: Float32Array.from(quality) };
  const log = toBanditLog(full, {
    seed: 3,
    policy: (row) => (row % 2 === 0 ? [0.5, 0.5, 0] : [0.2, 0.2, 0.6]),
  });
  const counts = [0, 0, 0];
  for (let row = 0; row < 3000; row++) {
    const cells = [0, 1, 2].filter((c) => !Number.isNaN(log.quality[row * 3 + c]));
    expect(cells).toHaveLength(1);
    expect(log.quality[row * 3 + cells[0]]).toBe(full.quality[row * 3 + cells[0]]);
    expect(log.propensity[row * 3 + cells[0]]).toBeCloseTo(
      row % 2 === 0 ? 0.5 : cells[0] === 2 ? 0.6 : 0.2,
      6,
    );
    if (row % 2 === 0) counts[cells[0]]++;
  }
  expect(counts[2]).toBe(0);
  expect(Math.abs(counts[0] - 750)).toBeLessThan(80);
  expect(toBanditLog(full, { seed: 3 }).quality).toEqual(toBanditLog(full, { seed: 3 }).quality);
});
