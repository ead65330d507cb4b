import { expect, test } from 'vitest';
import { evaluate } from '../../../training/evaluate/evaluate.ts';
import { trainMeans, trainRows } from '../../../training/evaluate/evaluation-input.ts';
import { headlineMetrics } from '../../../training/evaluate/verdict.ts';
import { loggedWorld } from './logged-world.ts';

const quick = { resamples: 100 };

const strategy = (evaluation: ReturnType<typeof evaluate>, id: string) =>
  evaluation.strategies.find((one) => one.id === id)!;

test('a log of one candidate per prompt measures its router, within what full information says', async () => {
  const { log, full } = await loggedWorld();
  const evaluation = evaluate(log, quick);
  const truth = evaluate(full, quick);
  expect(evaluation.coverage.kind).toBe('single');
  expect(evaluation.verdict.outcome).toBe('better');
  expect(evaluation.verdict.sentence).toMatch(
    /^This router is better than no router: on 3,000 test prompts, by doubly robust estimation .* always using great/,
  );
  expect(evaluation.verdict.caveats[0]).toMatch(/^This rests on logged propensities\./);
  for (const id of ['router', 'bestSingle', 'fixedMix', 'shuffled', 'task', 'nearest']) {
    const { quality } = strategy(evaluation, id);
    const known = strategy(truth, id).quality.estimate!;
    expect(quality.low!).toBeLessThan(known);
    expect(quality.high!).toBeGreaterThan(known);
  }
  expect(strategy(evaluation, 'router').costUsd!.estimate).toBeCloseTo(
    strategy(truth, 'router').costUsd!.estimate!,
    3,
  );
  expect(evaluation.verdict.againstFixedMix!.low).toBeGreaterThan(0.1);
  expect(headlineMetrics(evaluation).gainOverBestSingle).toBeGreaterThan(0.1);
  // What needs every candidate's outcome is left out.
  expect(strategy(evaluation, 'oracle')).toBeUndefined();
  expect([evaluation.regret, evaluation.confusion, evaluation.costQuality]).toEqual([null, null, null]);
  expect(evaluation.tasks.map(({ oracle }) => oracle)).toEqual([null, null, null]);
});

test('a log that prefers the right candidate per task fools the plain means, not the estimates', async () => {
  const prefer = (task: number) => [0.1, 0.1, 0.1].map((p, c) => (c === task ? 0.8 : p));
  const { log, full } = await loggedWorld({ choose: () => 2 }, prefer, false);
  const evaluation = evaluate(log, quick);
  const truth = strategy(evaluate(full, quick), 'router').quality.estimate!;
  const { quality } = strategy(evaluation, 'router');
  const seen = log.splits.test.rows.filter((row) => !Number.isNaN(log.matrix.quality[row * 3 + 2]));
  const plain = seen.reduce((sum, row) => sum + log.matrix.quality[row * 3 + 2] / seen.length, 0);
  expect(plain - truth).toBeGreaterThan(0.1);
  expect(Math.abs(quality.estimate! - truth)).toBeLessThan(0.05);
  expect(evaluation.offPolicy!.propensities).toBe('fitted');
  expect(evaluation.verdict.caveats[0]).toContain('no unobserved confounding');
  // So it is with the means that best single is chosen by.
  const train = trainRows(log.splits);
  const known = trainMeans(full.matrix, train).quality;
  const off = (means: Float64Array) => Math.max(...means.map((value, c) => Math.abs(value - known[c])));
  expect(off(trainMeans(log.matrix, train).quality)).toBeGreaterThan(0.15);
  expect(off(trainMeans(log.matrix, train, log.propensities).quality)).toBeLessThan(0.1);
});
