import { expect, test } from 'vitest';
import { evaluate } from '../../../training/evaluate/evaluate.ts';
import { headlineMetrics } from '../../../training/evaluate/verdict.ts';
import { loggingPropensities } from '../../../training/off-policy/propensities.ts';
import { loggedWorld } from './logged-world.ts';
import { syntheticWorld } from './synthetic-world.ts';

const quick = { resamples: 100 };

const strategy = (evaluation: ReturnType<typeof evaluate>, id: string) =>
  evaluation.strategies.find((one) => one.id === id)!;
test('all four estimators are there, DR is what the strategies show, and overlap is told per candidate and task', async () => {
  const evaluation = evaluate((await loggedWorld()).log, quick);
  const { estimates, overlap, rows, refusals } = evaluation.offPolicy!;
  expect(estimates.map(({ estimator }) => estimator)).toEqual(['ips', 'snips', 'dr', 'switch-dr']);
  const { difference, quality } = strategy(evaluation, 'bestSingle');
  expect(estimates[2].quality.estimate).toBeCloseTo(strategy(evaluation, 'router').quality.estimate!, 12);
  expect(estimates[2].againstBestSingle.low).toBeCloseTo(difference!.low!, 12);
  expect(quality.rows).toBe(3000);
  for (const { againstBestSingle, againstFixedMix } of estimates) {
    expect(againstBestSingle.low).toBeGreaterThan(0.1);
    expect(againstFixedMix!.low).toBeGreaterThan(0.1);
  }
  expect(rows).toBe(3000);
  expect(refusals).toEqual([]);
  expect(overlap.candidates.map(({ candidate, compared }) => [candidate, compared])).toEqual([
    ['basic', true],
    ['good', true],
    ['great', true],
  ]);
  // A third of the prompts agree with any choice.
  expect(overlap.router.effectiveSampleSize).toBeCloseTo(overlap.router.matchedRows, 6);
  expect(overlap.tasks.reduce((sum, { matchedRows }) => sum + matchedRows, 0)).toBe(
    overlap.router.matchedRows,
  );
});
test.each([
  ['leaves nothing to chance', (task: number) => [0, 1, 2].map((c) => Number(c === task)), /with certainty/],
  [
    'never tries what the router chooses',
    () => [0.5, 0.5, 0],
    /3\d\.\d % of the router's choices are candidates without any outcome/,
  ],
])('a log that %s is refused with the reason', async (_, policy, reason) => {
  const evaluation = evaluate((await loggedWorld({}, policy)).log, quick);
  expect(evaluation.verdict.outcome).toBe('unmeasured');
  expect(evaluation.verdict.sentence).toMatch(reason);
  expect(evaluation.strategies).toEqual([]);
  expect(evaluation.offPolicy!.estimates).toEqual([]);
  expect(evaluation.offPolicy!.refusals.length).toBeGreaterThan(0);
  expect(headlineMetrics(evaluation).routedQuality).toBeNull();
});

test('too few prompts are refused, and a candidate hardly tried is not compared', async () => {
  const few = evaluate((await loggedWorld({ rows: 100 })).log, quick);
  expect(few.verdict.sentence).toMatch(/effective sample size of the router's choices is \d+ prompts/);
  const { log } = await loggedWorld({ choose: () => 2 }, () => [0.002, 0.4, 0.598]);
  const evaluation = evaluate(log, quick);
  expect(evaluation.coverage.notCompared).toEqual(['basic']);
  expect(evaluation.verdict.caveats.join(' ')).toContain('Not compared for lack of outcomes: basic.');
  expect(evaluation.verdict.outcome).toBe('same');
});

test('a few complete prompts among single answers are used with them, not instead of them', async () => {
  const { log, full } = await loggedWorld({ rows: 4000 }, undefined, false);
  const everyTenth = (_: number, cell: number) => Math.floor(cell / 3) % 10 === 0;
  const quality = log.matrix.quality.map((value, cell) =>
    everyTenth(value, cell) ? full.matrix.quality[cell] : value,
  );
  const matrix = { ...log.matrix, quality };
  const mixed = { ...log, matrix, propensities: await loggingPropensities(matrix) };
  const evaluation = evaluate(mixed, quick);
  expect(evaluation.coverage.kind).toBe('partial');
  expect(evaluation.offPolicy!.rows).toBe(2000);
  expect(evaluation.offPolicy!.assumption).toContain('of 4000 prompts');
  expect(evaluation.verdict.outcome).toBe('better');
  const plain = evaluate({ ...mixed, propensities: null }, quick);
  expect(plain.coverage.comparedRows).toBe(200);
  const width = ({ low, high }: { low: number | null; high: number | null }) => high! - low!;
  expect(width(evaluation.verdict.againstBestSingle!)).toBeLessThan(width(plain.verdict.againstBestSingle!));
});

test('asked for where everything is known, it says what is known', async () => {
  const full = syntheticWorld({ rows: 2000 });
  const propensities = await loggingPropensities(full.matrix);
  const forced = evaluate({ ...full, propensities }, { ...quick, offPolicy: 'always' });
  const plain = evaluate(full, quick);
  expect(plain.offPolicy).toBeNull();
  for (const id of ['router', 'bestSingle', 'shuffled'])
    expect(strategy(forced, id).quality.estimate).toBeCloseTo(strategy(plain, id).quality.estimate!, 9);
});

test('without costs the verdict is against best single, and the result is plain JSON with the same bytes', async () => {
  const { log } = await loggedWorld({ costs: null, latencies: null, tasks: null });
  const once = evaluate(log, quick);
  expect(once.verdict.againstFixedMix).toBeNull();
  expect(once.verdict.outcome).toBe('better');
  expect(once.verdict.caveats.join(' ')).toContain('No cost is known of basic, good, great');
  expect(JSON.stringify(evaluate(log, quick))).toBe(JSON.stringify(once));
  expect(JSON.parse(JSON.stringify(once))).toEqual(once);
});

test('propensities and groups of another table are refused', async () => {
  const { log } = await loggedWorld({ rows: 100 });
  const values = log.propensities!.values.slice(3);
  expect(() => evaluate({ ...log, propensities: { ...log.propensities!, values } }, quick)).toThrow(
    /each of 300 cells. Got 297. Find them with loggingPropensities/,
  );
  expect(() => evaluate({ ...log, groups: new Int32Array(7) }, quick)).toThrow(/each of 100 prompts. Got 7/);
});
