import { logit, readKnnFile } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { LEARNER_NAMES, type LearnerName } from '../../../training/config.ts';
import { meanLoss } from '../../../training/fit/loss.ts';
import { predictRows, takeRows } from '../../../training/fit/rows.ts';
import { sharedTaskMeans, taskMeans } from '../../../training/learners/domain.ts';
import { squaredError } from '../../../training/learners/learner.ts';
import { fitKnn, tuneLearners } from '../../../training/learners/tune-learners.ts';
import { encodeKnn } from '../../../training/train/quality.ts';
import { linearFixture } from '../fit/fixtures.ts';
import { memberFixture } from './fixture.ts';

const side = (x: number) => (x > 0 ? 1 : -1);
const planted = memberFixture({
  rows: 400,
  candidates: 3,
  seed: 1,
  truth: (x, c) => 0.3 * side(x[0]) * [1, 0, -1][c],
  noise: 0.3,
  task: (x) => (x[0] > 0 ? 1 : 0),
});
const nothing = squaredError(
  { ...planted.expected, values: planted.expected.values.map(() => 0) },
  planted.expected,
  'all',
);

test.each(LEARNER_NAMES)(
  '%s finds a planted truth, out of fold and fitted on all rows',
  async (name: LearnerName) => {
    const members = await tuneLearners(planted.data, [name]);
    const member = members.find((candidate) => candidate.name === name)!;
    expect(squaredError(member.outOfFold, planted.expected, 'all')).toBeLessThan(0.6 * nothing);
    const { head } = await member.fit();
    const out = new Float32Array(3);
    head.predictInto(Float32Array.of(1.5, 0, 0, 0, 0, 0), out);
    expect(out[0]).toBeGreaterThan(0.1);
    expect(out[2]).toBeLessThan(-0.1);
  },
  60_000,
);

test('the same seed gives the same member', async () => {
  const tuned = async () => (await tuneLearners(planted.data, ['curve']))[0].outOfFold.values;
  expect(await tuned()).toEqual(await tuned());
});

test('a hump over difficulty is seen by the curve member, and not by the linear one', async () => {
  const hump = memberFixture({
    rows: 800,
    candidates: 2,
    seed: 2,
    truth: (x, c) => 0.3 * x[0] + (c === 0 ? 1 : -1) * 0.3 * Math.exp(-(x[0] ** 2)),
    noise: 0.2,
  });
  const [linear, curve] = await tuneLearners(hump.data, ['linear', 'curve']);
  const error = (member: typeof linear) => squaredError(member.outOfFold, hump.expected, 'advantage');
  expect(error(curve)).toBeLessThan(0.3 * error(linear));
});

test('without tasks there is no domain member', async () => {
  const data = { ...planted.data, tasks: null, taskCount: 0 };
  expect((await tuneLearners(data, ['domain'])).length).toBe(0);
});

test('task means that do not differ are shrunk to 0, those that do are hardly shrunk', () => {
  const { data } = planted;
  const rows = Int32Array.from({ length: 400 }, (_, i) => i);
  const real = taskMeans({ ...data, tasks: data.tasks! }, rows);
  expect(real[3]).toBeGreaterThan(0.25);
  expect(real[0]).toBeLessThan(-0.25);
  const parity = Int32Array.from(rows, (i) => i % 2);
  const noise = taskMeans({ ...data, tasks: parity }, rows);
  expect(Math.max(...noise.map(Math.abs))).toBeLessThan(0.05);
});

test('rows with one outcome each give a task its level by all candidates, and their differences by each', () => {
  const rows = 600;
  const tasks = Int32Array.from({ length: rows }, (_, row) => row % 2);
  // Hard and easy tasks, 0.3 apart either way; the first candidate is 0.1 better on easy ones, the second on hard ones.
  const values = Float32Array.from({ length: 2 * rows }, (_, i) => {
    const [row, c] = [Math.floor(i / 2), i % 2];
    if (c !== Math.floor(row / 2) % 2) return Number.NaN;
    const noise = row % 8 < 4 ? 0.05 : -0.05;
    return (tasks[row] === 0 ? 0.3 : -0.3) + (tasks[row] === c ? 0.1 : -0.1) + noise;
  });
  const means = sharedTaskMeans(
    {
      residuals: { rows, columns: 2, values },
      weights: null,
      tasks,
      taskCount: 2,
      groups: Int32Array.from({ length: rows }, (_, row) => row),
    },
    Int32Array.from({ length: rows }, (_, row) => row),
  );
  [0.4, 0.2, -0.4, -0.2].forEach((mean, i) => {
    expect(means[i]).toBeCloseTo(mean, 1);
  });
});

describe('kNN', () => {
  const { features, success } = linearFixture(400, 10, 3, 3, 6);

  test('predicts from its neighbours, better than the mean', () => {
    const train = Int32Array.from({ length: 300 }, (_, i) => i);
    const test = Int32Array.from({ length: 100 }, (_, i) => 300 + i);
    const { head } = fitKnn(takeRows(features, train), takeRows(success, train), { neighbours: 25 });
    const targets = takeRows(success, test);
    const predicted = predictRows(head, takeRows(features, test));
    const logits = { ...predicted, values: predicted.values.map(logit) };
    expect(meanLoss('sigmoid', logits, { targets })).toBeLessThan(0.62);
  });

  test('encode and decode are inverse, NaN included', () => {
    const holes = { ...success, values: success.values.map((y, i) => (i % 4 === 0 ? Number.NaN : y)) };
    const { table } = fitKnn(features, holes, { from: 2, to: 9, shrinkage: 0.3 });
    expect(readKnnFile(encodeKnn(table))).toEqual(table);
  });
});
