import { expect, test } from 'vitest';
import { toBanditLog } from '../../../bench/bandit-log.ts';
import { evaluate } from '../../../training/evaluate/evaluate.ts';
import type { EvaluationInput, TestPredictions } from '../../../training/evaluate/evaluation-input.ts';
import { takeRows } from '../../../training/fit/rows.ts';
import { loggingPropensities } from '../../../training/off-policy/propensities.ts';
import { takePrompts } from '../../../training/outcomes/matrix.ts';
import type { Interval } from '../../../training/words.ts';
import { syntheticWorld } from './synthetic-world.ts';

const TIMES = 3;

/** The same world with every prompt of the test and the calibrate split three times. */
function repeated(input: EvaluationInput): EvaluationInput {
  const { matrix, splits, groups, predictions, dial, propensities, embeddings } = input;
  const rows: number[] = [...splits.fit.rows];
  const add = (some: Int32Array) =>
    Int32Array.from({ length: TIMES * some.length }, (_, i) => rows.push(some[i % some.length]) - 1);
  const [calibrate, test] = [add(splits.calibrate.rows), add(splits.test.rows)];
  const taken = Int32Array.from(rows);
  const gather = <Cells extends Float32Array | Float64Array>(cells: Cells, columns: number, out: Cells) => {
    taken.forEach((row, i) => {
      out.set(cells.subarray(row * columns, (row + 1) * columns), i * columns);
    });
    return out;
  };
  const width = matrix.candidates.length;
  return {
    ...input,
    matrix: takePrompts(matrix, taken),
    groups: taken.map((row) => groups[row]),
    splits: {
      fit: { role: 'fit', rows: splits.fit.rows.map((_, i) => i) },
      calibrate: { role: 'calibrate', rows: calibrate },
      test: { role: 'test', rows: test },
    },
    predictions: tile(predictions),
    dial: { ...dial!, calibrate: { rows: calibrate, predictions: tile(dial!.calibrate!.predictions) } },
    embeddings: takeRows(embeddings!, taken),
    // Baselines go by what they learned from the training rows; these stay as they were.
    means: { quality: Float64Array.of(0.53, 0.67, 0.72), costUsd: Float64Array.of(0.001, 0.004, 0.016) },
    ...(propensities
      ? {
          propensities: {
            ...propensities,
            values: gather(propensities.values, width, new Float64Array(taken.length * width)),
            policy: gather(propensities.policy!, width, new Float64Array(taken.length * width)),
            answered: taken.map((row) => propensities.answered[row]) as unknown as Uint8Array,
          },
        }
      : {}),
  };
}

function tile(predictions: TestPredictions): TestPredictions {
  const times = <Cells extends Float32Array | Int32Array>(cells: Cells): Cells => {
    const out = new (cells.constructor as new (length: number) => Cells)(TIMES * cells.length);
    for (let i = 0; i < TIMES; i++) out.set(cells, i * cells.length);
    return out;
  };
  return {
    success: times(predictions.success),
    choice: predictions.choice && times(predictions.choice),
    expectedCostUsd: times(predictions.expectedCostUsd),
    expectedLatencyMs: times(predictions.expectedLatencyMs),
    chosen: times(predictions.chosen),
    decisionMicroseconds: null,
  };
}

/** Every interval of a result, by its path. */
function intervals(value: unknown, path = ''): [string, Interval][] {
  if (typeof value !== 'object' || value === null) return [];
  if ('estimate' in value && 'low' in value) return [[path, value as Interval]];
  return Object.entries(value).flatMap(([key, part]) => intervals(part, `${path}.${key}`));
}

const settings = { resamples: 200 };
const means = {
  quality: Float64Array.of(0.53, 0.67, 0.72),
  costUsd: Float64Array.of(0.001, 0.004, 0.016),
};

test('prompts that stand three times move no interval of an evaluation, nor what is said or guaranteed', () => {
  // Predictions all differ, so that copies alone are equal.
  const world = syntheticWorld({
    rows: 900,
    choose: (truth, random) => (random() < 0.6 ? 2 : truth.length - 2),
  });
  const { success } = world.predictions;
  success.forEach((p, i) => {
    success[i] = p * (1 - 0.02 * Math.sin(i));
  });
  const once = evaluate({ ...world, embeddings: null, means }, settings);
  const many = evaluate({ ...repeated(world), embeddings: null }, settings);
  const [expected, found] = [intervals(once), intervals(many)];
  expect(expected.length).toBeGreaterThan(60);
  expect(found.map(([path]) => path)).toEqual(expected.map(([path]) => path));
  for (const [i, [path, { estimate, low, high, rows, groups }]] of expected.entries()) {
    const [, other] = found[i];
    for (const [own, again] of [
      [estimate, other.estimate],
      [low, other.low],
      [high, other.high],
    ])
      expect(again, path).toBeCloseTo(own!, 3);
    expect([other.rows, other.groups], path).toEqual([TIMES * rows, groups]);
  }
  expect(many.verdict.outcome).toBe(once.verdict.outcome);
  expect(many.verdict.sentence).toContain('1,350 test prompts in 450 near-duplicate groups');
  const guarantees = (evaluation: typeof once) =>
    evaluation.dial!.settings.map(({ id, weights, reason }) => [id, weights, reason === null]);
  expect(guarantees(many)).toEqual(guarantees(once));
  for (const [c, head] of once.calibration.success.entries()) {
    expect(many.calibration.success[c].debiasedEce).toBeCloseTo(head.debiasedEce!, 6);
    head.bins.forEach(({ standardError }, b) => {
      expect(many.calibration.success[c].bins[b].standardError).toBeCloseTo(standardError!, 6);
    });
  }
});

test('nor do they of an evaluation off-policy', async () => {
  const full = syntheticWorld({ rows: 3000 });
  const matrix = toBanditLog(full.matrix, { seed: 4, keepPropensities: true });
  const log = {
    ...full,
    matrix,
    embeddings: full.embeddings!,
    propensities: await loggingPropensities(matrix),
  };
  const once = evaluate({ ...log, embeddings: null, means }, settings);
  const many = evaluate({ ...repeated(log), embeddings: null }, settings);
  const [expected, found] = [intervals(once), intervals(many)];
  expect(expected.length).toBeGreaterThan(40);
  expect(found.map(([path]) => path)).toEqual(expected.map(([path]) => path));
  for (const [i, [path, { estimate, low, high }]] of expected.entries()) {
    const [, other] = found[i];
    for (const [own, again] of [
      [estimate, other.estimate],
      [low, other.low],
      [high, other.high],
    ])
      expect(again, path).toBeCloseTo(own!, 2);
  }
});
