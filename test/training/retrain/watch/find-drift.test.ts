import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { findShifts, type ScoredTraffic } from '../../../../training/retrain/watch/candidate-shifts.ts';
import {
  categoryStability,
  findDrift,
  populationStability,
  twoSampleTest,
} from '../../../../training/retrain/watch/drift.ts';
import { driftWorld } from './drift-world.ts';

/** Every prompt its own group. */
const itself = ({ matrix }: ScoredTraffic) => Int32Array.from(matrix.prompts.keys());
const shiftsOf = (traffic: ScoredTraffic) => findShifts(traffic, itself(traffic));

const normals = (count: number, mean: number, seed: number) => {
  const random = createRandom(seed);
  return Float64Array.from({ length: count }, () => mean + random.normal());
};

test('the stability index of known shares is what its definition gives, less what chance adds', () => {
  const reference = [...Array(500).fill('a'), ...Array(500).fill('b')];
  const current = [...Array(800).fill('a'), ...Array(200).fill('b')];
  const [before, now] = [500.5 / 1001, 800.5 / 1001];
  const plain = (now - before) * (Math.log(now / before) - Math.log((1 - now) / (1 - before)));
  // Of two categories about (1/n + 1/m).
  expect(categoryStability(reference, current).index).toBeCloseTo(plain - 2 / 1000, 3);
  expect(categoryStability(reference, current).pValue).toBeCloseTo(1 / 201, 10);
  expect(categoryStability(reference, reference)).toMatchObject({ index: 0, pValue: 1 });
});

test('a rare category that happens to be missing is no shift, and one that comes up is', () => {
  // 57 equally rare ones: a hundred newest prompts leave some ten of them out.
  const random = createRandom(1);
  const draw = (count: number) => Array.from({ length: count }, () => `task ${random.integer(57)}`);
  let alarms = 0;
  for (let night = 0; night < 100; night++) {
    const { index, pValue } = categoryStability(draw(500), draw(100), { seed: night });
    if (index >= 0.2 && pValue <= 0.01) alarms++;
  }
  expect(alarms).toBeLessThanOrEqual(4);
  const moved = categoryStability(draw(500), [...draw(80), ...new Array(20).fill('new')]);
  expect(moved.index).toBeGreaterThan(0.2);
  expect(moved.pValue).toBeLessThanOrEqual(0.01);
});

test('two samples of one thing are stable, a shifted one is not, and an empty one has no index', () => {
  for (let seed = 0; seed < 20; seed++)
    expect(populationStability(normals(1000, 0, seed), normals(200, 0, 100 + seed)).index).toBeLessThan(0.1);
  expect(populationStability(normals(1000, 0, 1), normals(200, 1, 2)).index).toBeGreaterThan(0.5);
  expect(populationStability(normals(100, 0, 1), []).index).toBeNaN();
  expect(populationStability(new Float64Array(50), new Float64Array(50)).index).toBe(0);
});

test('the distance of two samples is how far their values moved, however close together they lie', () => {
  const near = normals(500, 0, 1).map((value) => 0.9 + value * 1e-3);
  const moved = populationStability(
    near,
    near.map((value) => value + 2e-3),
  );
  expect(moved.index).toBeGreaterThan(0.5);
  expect(moved.distance).toBeCloseTo(2e-3, 10);
  expect(populationStability(near, near).distance).toBe(0);
  expect(populationStability(near, []).distance).toBeNaN();
});

test('scores alarm where they moved far enough to matter, not by a hair', () => {
  const alarmsAt = (by: number) => {
    const traffic = driftWorld({ days: 10, perDay: 60, seed: 1, truth: (predicted) => predicted });
    const rows = Int32Array.from(traffic.matrix.prompts.keys());
    const columns = traffic.matrix.candidates.length;
    const newest = rows.subarray(480);
    const success = new Float64Array(traffic.success.length).fill(0.5);
    for (const row of rows)
      for (let c = 0; c < columns; c++)
        success[row * columns + c] = 0.9 + (row % 60) * 1e-4 + (row < 480 ? 0 : by);
    return findDrift({ ...traffic, success }, rows, newest, rows.subarray(0, 480), null).alarms.filter(
      ({ kind }) => kind === 'population',
    );
  };
  expect(alarmsAt(0.005)).toEqual([]);
  expect(alarmsAt(-0.1).map(({ subject }) => subject)).toEqual(['the score of the chosen candidate']);
});

test('the two-sample test finds a shift, and of equal samples it alarms no more often than it may', () => {
  const dimensions = 8;
  const rows = (seed: number, shift: number) => {
    const values = Float32Array.from(normals(200 * dimensions, 0, seed));
    for (let i = 100 * dimensions; i < values.length; i++) values[i] += shift;
    return values;
  };
  const [a, b] = [0, 100].map((from) => Array.from({ length: 100 }, (_, i) => from + i));
  const p = (seed: number, shift: number) =>
    twoSampleTest(rows(seed, shift), dimensions, a, b, { permutations: 99, seed }).pValue;
  expect(p(1, 0.5)).toBeLessThanOrEqual(0.01);
  const equal = Array.from({ length: 40 }, (_, seed) => p(seed, 0));
  // 2 expected of 40 at 0.05.
  expect(equal.filter((value) => value <= 0.05).length).toBeLessThanOrEqual(6);
  expect(twoSampleTest(rows(1, 0), dimensions, [0], b).pValue).toBeNaN();
});

test('a candidate that gets worse is named, with the day and how much, and no other is', () => {
  const traffic = driftWorld({
    days: 14,
    perDay: 90,
    seed: 1,
    truth: (predicted, candidate, day) => (candidate === 1 && day >= 9 ? 0.4 * predicted : predicted),
  });
  const alarms = shiftsOf(traffic).filter(({ alarm }) => alarm);
  expect(alarms.map(({ candidate, measure }) => [candidate, measure])).toEqual([['reckoner', 'quality']]);
  expect(['2026-01-09', '2026-01-10', '2026-01-11']).toContain(alarms[0].changedOn);
  // 0.6 of a mean prediction of 0.5.
  expect(alarms[0].shift).toBeGreaterThan(-0.42);
  expect(alarms[0].shift).toBeLessThan(-0.18);
});

test('a price that triples is found on its day, as a factor', () => {
  const traffic = driftWorld({
    days: 10,
    perDay: 60,
    seed: 2,
    cost: (c, day) => (c === 2 && day >= 6 ? 0.03 : 0.01),
  });
  const alarms = shiftsOf(traffic).filter(({ alarm }) => alarm);
  expect(alarms).toMatchObject([{ candidate: 'strong', measure: 'costUsd', changedOn: '2026-01-07' }]);
  expect(Math.exp(alarms[0].shift!)).toBeCloseTo(3, 0);
});

test('nothing is said of a quiet month, whichever seed it has', () => {
  let alarms = 0;
  for (let seed = 0; seed < 100; seed++)
    alarms += shiftsOf(driftWorld({ days: 14, perDay: 60, seed })).filter(({ alarm }) => alarm).length;
  expect(alarms).toBeLessThanOrEqual(2);
});

test('a new way to route is no change of a candidate, though the router is too cautious about all of them', () => {
  const traffic = driftWorld({
    days: 14,
    perDay: 150,
    seed: 3,
    // What is thought 0.8 is 0.95, what is thought 0.2 is 0.05.
    truth: (predicted) => Math.min(1, Math.max(0, 0.5 + 1.5 * (predicted - 0.5))),
    asked: (predictions, day, row) => (day < 7 ? row % 3 : predictions.indexOf(Math.max(...predictions))),
  });
  expect(shiftsOf(traffic).filter(({ alarm }) => alarm)).toEqual([]);
});

test('the report has an alarm for each thing that changed, in a sentence', () => {
  const traffic = driftWorld({
    days: 10,
    perDay: 60,
    seed: 4,
    truth: (predicted, candidate, day) => (candidate === 0 && day >= 6 ? 0 : predicted),
  });
  const rows = Int32Array.from({ length: 600 }, (_, row) => row);
  // Prompts are about something else from day 7 on.
  const values = Float32Array.from(normals(600 * 4, 0, 5)).map((value, i) => value + (i >= 420 * 4 ? 1 : 0));
  const report = findDrift(
    traffic,
    rows,
    rows.slice(420),
    rows.slice(0, 420),
    { values, columns: 4 },
    { seed: 1 },
  );
  expect(report.alarms.map(({ kind, subject }) => [kind, subject])).toEqual([
    ['candidate', 'poet'],
    ['embeddings', 'prompts'],
  ]);
  expect(report.alarms[0].sentence).toMatch(
    /^Worse answers of poet since 2026-01-0[678]: beside what the router expects, −\d+\.\d points/,
  );
  const quiet = findDrift(
    driftWorld({ days: 10, perDay: 60, seed: 6 }),
    rows,
    rows.slice(420),
    rows.slice(0, 420),
    null,
  );
  expect(quiet.alarms).toEqual([]);
});

/** Evenly drawn for six days; then the best is asked, but for one prompt in five. A candidate costs more where it is better than others. */
const routedWorld = (seed: number, dearerFrom = Number.POSITIVE_INFINITY) =>
  driftWorld({
    days: 12,
    perDay: 150,
    seed,
    asked: (predictions, day, row) =>
      day < 6 || row % 5 === 0 ? (row + day) % 3 : predictions.indexOf(Math.max(...predictions)),
    cost: (candidate, day, predictions) => {
      const others = predictions.filter((_, other) => other !== candidate);
      const price = day >= dearerFrom && candidate === 0 ? 2 : 1;
      return 0.01 * price * Math.exp(predictions[candidate] - Math.max(...others));
    },
  });

test('who routes from some day on is no change of the candidates, whatever their answers cost where they are good', () => {
  for (let seed = 0; seed < 10; seed++)
    expect(shiftsOf(routedWorld(seed)).filter(({ alarm }) => alarm)).toEqual([]);
});

test('a price that doubles is found beside a change of who routes', () => {
  const found = shiftsOf(routedWorld(1, 9)).filter(({ alarm }) => alarm);
  expect(found).toMatchObject([{ candidate: 'poet', measure: 'costUsd', changedOn: '2026-01-10' }]);
});
