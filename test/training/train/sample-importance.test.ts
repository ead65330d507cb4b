import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { trainMeans } from '../../../training/evaluate/evaluation-input.ts';
import { chainHead, predictRows, takeRows } from '../../../training/fit/rows.ts';
import { fitTaskClassifier } from '../../../training/learners/domain.ts';
import type { LearnerData } from '../../../training/learners/learner.ts';
import { chancesOf, countForDraw, drawChances } from '../../../training/off-policy/estimate.ts';
import { loggingPropensities } from '../../../training/off-policy/propensities.ts';
import { type OutcomeMatrix, takePrompts } from '../../../training/outcomes/matrix.ts';
import { inverselyWeighted, logWeights } from '../../../training/train/logged.ts';
import { memberFixture } from '../learners/fixture.ts';
import { loggedWorld } from '../off-policy/fixture.ts';

/** The third candidate answers one prompt in fifty, and kinds of prompts are as frequent. */
const LOGGING = [
  [0.7, 0.28, 0.02],
  [0.1, 0.88, 0.02],
];
const ROWS = 20_000;

/** A fifth of a log, of which rare candidates and rare kinds have more: two thirds of the prompts of the second kind are left out before. */
function sampleOf(options: Parameters<typeof loggedWorld>[1]) {
  const world = loggedWorld(LOGGING, { ...options, rows: ROWS, tasks: true });
  const random = createRandom(7);
  const log = Array.from(world.kinds.keys()).filter((row) => world.kinds[row] === 0 || random.next() < 1 / 3);
  const all = takePrompts(world.matrix, log);
  const share = 0.2;
  const chances = chancesOf(drawChances(countForDraw(all), share, all.candidates), all);
  const drawn = Array.from(log.keys()).filter((i) => random.next() < chances[i]);
  const rows = drawn.map((i) => log[i]);
  const importance = Float32Array.from(
    { length: 3 * rows.length },
    (_, cell) => share / chances[drawn[Math.floor(cell / 3)]],
  );
  const matrix: OutcomeMatrix = { ...takePrompts(all, drawn), importance };
  return { world, all, matrix, rows };
}

function outcomesOf({ quality }: OutcomeMatrix, candidate: number): number {
  return quality.filter((value, cell) => cell % 3 === candidate && !Number.isNaN(value)).length;
}

test('has nearly all outcomes of a rare candidate, and a fifth of the others', () => {
  const { all, matrix } = sampleOf({});
  expect(outcomesOf(matrix, 2)).toBeGreaterThan(0.8 * outcomesOf(all, 2));
  expect(outcomesOf(matrix, 0)).toBeLessThan(0.21 * outcomesOf(all, 0));
});

test('means of an uneven sample are those of its log, however outcomes are weighed', async () => {
  const { all, matrix } = sampleOf({});
  const every = (of: OutcomeMatrix) => Int32Array.from(of.prompts.keys());
  const log = trainMeans(all, every(all), await loggingPropensities(all)).quality;
  const rows = every(matrix);
  const propensities = await loggingPropensities(matrix);
  const { quality } = trainMeans(matrix, rows, propensities);
  const { data } = memberFixture({ rows: 4, candidates: 3, seed: 1, truth: () => 0, noise: 0.1 });
  const known = {
    ...{ ...data, candidateMeans: [0, 0, 0], importance: matrix.importance! },
    residuals: { rows: rows.length, columns: 3, values: matrix.quality },
  };
  const { candidateMeans } = inverselyWeighted(known, logWeights(propensities, rows, 3, 100));
  for (const [c, mean] of log.entries()) {
    expect(Math.abs(quality[c] - mean)).toBeLessThan(0.05);
    expect(candidateMeans[c]).toBeCloseTo(quality[c], 5);
  }
});

test('a prompt counts for as many in a mean as it stands for', () => {
  const none = new Float32Array(6).fill(Number.NaN);
  const matrix: OutcomeMatrix = {
    candidates: ['a', 'b'],
    prompts: loggedWorld(LOGGING, { rows: 3 }).matrix.prompts,
    quality: Float32Array.of(1, Number.NaN, 0, 1, 0, 0),
    importance: Float32Array.of(1, 1, 0.5, 0.5, 0.25, 0.25),
    ...{ costUsd: none, latencyMs: none, propensity: none },
  };
  const { quality } = trainMeans(matrix, [0, 1, 2]);
  expect([...quality]).toEqual([1 / 1.75, 0.5 / 0.75]);
});

test('propensities that are fitted to it are those of the log', async () => {
  const { matrix, rows, world } = sampleOf({ keepPropensities: false });
  const { values } = await loggingPropensities(matrix, { features: takeRows(world.features, rows) });
  const [sums, counts] = [new Float64Array(6), new Float64Array(6)];
  for (const [cell, value] of values.entries()) {
    if (Number.isNaN(value)) continue;
    const at = 3 * world.kinds[rows[Math.floor(cell / 3)]] + (cell % 3);
    sums[at] += value;
    counts[at]++;
  }
  const expected = LOGGING.flat();
  for (const [at, sum] of sums.entries())
    expect(Math.abs(sum / counts[at] - expected[at])).toBeLessThan(0.03);
});

test('a classifier of tasks says them as often as the log has them', async () => {
  const share = [0.9, 0.1];
  const { data } = memberFixture({
    ...{ rows: 6000, candidates: 2, seed: 3, truth: () => 0, noise: 0.1 },
    // What the feature shows of the task is not much.
    task: (features) => Number(features[0] + 3 * features[1] > 4),
  });
  const random = createRandom(5);
  const rare = data.tasks!.map((task) => (task === 1 ? 1 : 0));
  const drawn = Int32Array.from(rare.keys()).filter((row) => rare[row] === 1 || random.next() < 0.25);
  const tasks = drawn.map((row) => data.tasks![row]);
  const importance = Float32Array.from({ length: 2 * drawn.length }, (_, cell) =>
    tasks[Math.floor(cell / 2)] === 1 ? 0.25 : 1,
  );
  const sample = {
    ...data,
    features: takeRows(
      { ...data.features, values: data.features.values.map((x, i) => (i % 6 === 1 ? 0 : x)) },
      drawn,
    ),
    residuals: takeRows(data.residuals, drawn),
    ...{ tasks, importance },
  };
  const said = async (given: LearnerData) => {
    const classifier = (await fitTaskClassifier(given))!;
    const { values } = predictRows(chainHead([classifier]), data.features);
    return values.reduce((sum, p, i) => sum + (i % 2 === 1 ? p : 0), 0) / data.features.rows;
  };
  const truth = rare.reduce((sum, x) => sum + x, 0) / rare.length;
  expect(share[1]).toBeCloseTo(truth, 1);
  expect(await said(sample)).toBeCloseTo(truth, 2);
  expect(await said({ ...sample, importance: null })).toBeGreaterThan(2 * truth);
});
