import { expect, test } from 'vitest';
import { evaluate } from '../../../training/evaluate/evaluate.ts';
import { headlineMetrics } from '../../../training/evaluate/verdict.ts';
import { syntheticWorld } from './synthetic-world.ts';

const quick = { resamples: 400 };
/** Evaluated once: most tests look at the same world. */
const known = evaluate(syntheticWorld({ rows: 6000 }), quick);
const strategy = (evaluation: ReturnType<typeof evaluate>, id: string) =>
  evaluation.strategies.find((one) => one.id === id)!;

test('a router that knows the truth beats every baseline and says so', () => {
  const evaluation = known;
  // Best per task: (0.9 + 0.9 + 0.95) / 3. Best single is "great": (0.6 + 0.6 + 0.95) / 3.
  expect(strategy(evaluation, 'router').quality.estimate).toBeCloseTo(0.9167, 1);
  expect(strategy(evaluation, 'bestSingle').quality.estimate).toBeCloseTo(0.7167, 1);
  expect(evaluation.verdict.bestSingle).toBe('great');
  expect(evaluation.verdict.outcome).toBe('better');
  expect(evaluation.verdict.sentence).toMatch(
    /^This router is better than no router: on 3,000 test prompts it is \d\d\.\d points better/,
  );
  expect(evaluation.verdict.caveats).toEqual([]);
  expect(evaluation.verdict.againstFixedMix!.low).toBeGreaterThan(0.1);
  const oracle = strategy(evaluation, 'oracle').quality.estimate!;
  expect(oracle).toBeGreaterThan(strategy(evaluation, 'router').quality.estimate!);
  expect(oracle - strategy(evaluation, 'router').quality.estimate!).toBeCloseTo(
    evaluation.regret!.mean.estimate!,
    9,
  );
});

test('neighbours and tasks find the same structure as the router, and a shuffled copy does not', () => {
  const evaluation = known;
  const router = strategy(evaluation, 'router').quality.estimate!;
  expect(strategy(evaluation, 'nearest').quality.estimate).toBeCloseTo(router, 1);
  expect(strategy(evaluation, 'task').quality.estimate).toBeCloseTo(router, 2);
  // Each candidate a third of the time, whatever the task: the mean of the truth table.
  expect(strategy(evaluation, 'shuffled').quality.estimate).toBeCloseTo(0.639, 1);
});

test('the fixed mix spends what the router spends', () => {
  const evaluation = known;
  const mix = strategy(evaluation, 'fixedMix');
  expect(mix.costUsd!.estimate).toBeCloseTo(strategy(evaluation, 'router').costUsd!.estimate!, 6);
  expect(mix.shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
});

test('a calibrated head shows a small debiased ECE, and beats always saying the mean', () => {
  const { calibration } = known;
  for (const head of calibration.success) {
    expect(head.debiasedEce).toBeLessThan(0.02);
    expect(head.brier!).toBeLessThan(head.brierOfMean! - 0.002);
    expect(head.tasks).toHaveLength(3);
  }
});

test('the router of a world without signal is not called better', () => {
  const truth = [[0.5, 0.6, 0.62]];
  const lost = evaluate(syntheticWorld({ truth, choose: (_, random) => Math.floor(3 * random()) }), quick);
  expect(['unclear', 'worse']).toContain(lost.verdict.outcome);
  const single = evaluate(syntheticWorld({ truth, choose: () => 2, costs: null }), quick);
  expect(single.verdict.outcome).toBe('same');
  expect(single.verdict.sentence).toContain(
    'no different from no router: it chose great, the best single candidate in training, for all 1,000',
  );
});

test('a router that chooses the worst is called worse', () => {
  const evaluation = evaluate(
    syntheticWorld({ rows: 6000, choose: (truth) => truth.indexOf(Math.min(...truth)) }),
    quick,
  );
  expect(evaluation.verdict.outcome).toBe('worse');
  expect(evaluation.verdict.sentence).toMatch(/^This router is worse than no router: .* points worse than/);
});

test('a log of one candidate per prompt is not scored, and the reason is given', () => {
  const evaluation = evaluate(syntheticWorld({ observed: 1 }), quick);
  expect(evaluation.verdict.outcome).toBe('unmeasured');
  expect(evaluation.verdict.sentence).toContain('one candidate per prompt');
  expect(evaluation.coverage.kind).toBe('single');
  expect(evaluation.strategies).toEqual([]);
  expect(headlineMetrics(evaluation).routedQuality).toBeNull();
  // The logged candidates' heads can still be checked.
  const rows = evaluation.calibration.success.map((head) => head.rows);
  expect(rows.reduce((sum, count) => sum + count, 0)).toBe(evaluation.prompts.test);
});

test('a candidate that few prompts were sent to is left out, and what rests on how many rows is said', () => {
  const world = syntheticWorld({ rows: 1000 });
  const quality = world.matrix.quality.map((value, i) => (i % 3 === 0 && i % 30 !== 0 ? Number.NaN : value));
  const evaluation = evaluate({ ...world, matrix: { ...world.matrix, quality } }, quick);
  expect(evaluation.coverage.notCompared).toEqual(['basic']);
  expect(evaluation.coverage.unmeasuredChoices).toBeGreaterThan(0);
  expect(evaluation.coverage.comparedRows + evaluation.coverage.unmeasuredChoices).toBe(500);
  expect(evaluation.verdict.caveats.join(' ')).toContain('Not compared for lack of outcomes: basic.');
});

test('without costs and tasks the rest still stands', () => {
  const evaluation = evaluate(
    { ...syntheticWorld({ costs: null, latencies: null, tasks: null, rows: 300 }), embeddings: null },
    quick,
  );
  expect(evaluation.strategies.map(({ id }) => id)).toEqual(['router', 'bestSingle', 'shuffled', 'oracle']);
  expect(evaluation.costQuality).toBeNull();
  expect(evaluation.strongWeak!.task).toBeNull();
  expect(evaluation.tasks).toEqual([]);
  expect(evaluation.routedLatencyMs).toBeNull();
  expect(evaluation.verdict.caveats).toHaveLength(2);
  expect(evaluation.verdict.caveats[0]).toMatch(/^Only 150 test prompts/);
});

test('a few missing costs become the mean and are counted', () => {
  const world = syntheticWorld({ rows: 400 });
  const costUsd = world.matrix.costUsd.map((value, i) => (i > 1000 && i % 50 === 0 ? Number.NaN : value));
  const { coverage } = evaluate({ ...world, matrix: { ...world.matrix, costUsd } }, quick);
  expect(coverage.imputedCosts).toBe(costUsd.slice(600).filter((value) => Number.isNaN(value)).length);
  expect(coverage.imputedCosts).toBeGreaterThan(0);
});

test('the AIQ of a router that knows the truth lies between mixes and oracle', () => {
  const { aiq } = known.costQuality!;
  expect(aiq!.router.estimate).toBeGreaterThan(aiq!.mixes.estimate!);
  expect(aiq!.oracle.estimate).toBeGreaterThan(aiq!.router.estimate!);
  expect(aiq!.difference.low).toBeGreaterThan(0);
});

test('the result is plain JSON, and the same seed gives the same bytes', () => {
  const once = evaluate(syntheticWorld({ rows: 400 }), { ...quick, seed: 7 });
  const again = evaluate(syntheticWorld({ rows: 400 }), { ...quick, seed: 7 });
  expect(JSON.stringify(once)).toBe(JSON.stringify(again));
  expect(JSON.parse(JSON.stringify(once))).toEqual(once);
  expect(once.seed).toBe(7);
});

test('predictions of the wrong shape are refused with what to do', () => {
  const world = syntheticWorld({ rows: 100 });
  const wrong = (change: object) => () =>
    evaluate({ ...world, predictions: { ...world.predictions, ...change } }, quick);
  expect(wrong({ success: new Float32Array(5) })).toThrow(/`predictions.success` .* must have 150 entries/);
  expect(wrong({ chosen: new Int32Array(50).fill(9) })).toThrow(/from 0 to 2. Got 9/);
  expect(() =>
    evaluate({ ...world, splits: { ...world.splits, test: { role: 'test', rows: new Int32Array(0) } } }),
  ).toThrow(/at least one row/);
  expect(() => evaluate(world, { ...quick, strong: 'nobody' })).toThrow(/`strong` of EvaluationOptions/);
});
