import { describe, expect, test } from 'vitest';
import type { OutcomeMatrix } from '../../../../training/outcomes/matrix.ts';
import { runGate, testCalibration, testNights } from '../../../../training/retrain/gate/gate.ts';
import {
  GATE_DEFAULTS,
  type Opponent,
  sureOf,
  testBatches,
  testNotWorse,
  testRows,
  testSeen,
  testSlices,
} from '../../../../training/retrain/gate/tests.ts';
import {
  type ValueTable,
  valueTable,
  weightedCalibration,
} from '../../../../training/retrain/gate/values.ts';
import { gateInput, gateWorld } from './gate-world.ts';

const ROWS = 200;
const every = Array.from({ length: ROWS }, (_, row) => row);

/** Rows of two candidates of which everything was seen. */
function tableOf(more: Partial<ValueTable> = {}): ValueTable {
  return {
    candidates: ['a', 'b'],
    quality: new Float64Array(2 * ROWS),
    costUsd: null,
    observed: new Uint8Array(2 * ROWS).fill(1),
    kind: 'full',
    doubt: { candidates: 2, leverage: new Float64Array(2 * ROWS).fill(1), slack: null },
    clippedMass: 0,
    groups: Int32Array.from(every),
    batches: every.map(() => 'a day'),
    slices: [],
    ...more,
  };
}

/** An opponent of whom all is known: what was seen is taken for all there is. */
function opponentOf(difference: (row: number) => number): Opponent {
  return {
    kind: 'best single',
    name: 'b',
    unit: 'points',
    difference: Float64Array.from(every, difference),
    doubt: { leverage: new Float64Array(ROWS).fill(1), range: null },
  };
}

test('as many near-duplicate groups as are needed are enough, one less is not, and copies do not count', () => {
  const options = { ...GATE_DEFAULTS, fewestGroups: 100 };
  const groups = (count: number) => Int32Array.from(every, (row) => row % count);
  expect(testRows(tableOf({ groups: groups(100) }), options).passed).toBe(true);
  expect(testRows(tableOf({ groups: groups(99) }), options).passed).toBe(false);
  expect(testRows(tableOf({ groups: groups(99) }), options).sentence).toContain('99 near-duplicate groups');
});

describe('of choices that differ from the champion', () => {
  const champion = new Int32Array(ROWS);
  const challenger = Int32Array.from(every, (row) => (row < 100 ? 1 : 0));
  /** The log has the outcome of the other candidate on the first so many rows. */
  const seenOn = (count: number, of = (row: number) => row) =>
    testSeen(
      tableOf({
        observed: Uint8Array.from({ length: 2 * ROWS }, (_, i) => Number(i % 2 === 0 || i / 2 < count)),
        groups: Int32Array.from(every, of),
      }),
      champion,
      challenger,
      { ...GATE_DEFAULTS, fewestSeen: 10 },
    );

  test('one in a hundred must have been seen, counted by near-duplicate groups', () => {
    expect(seenOn(1)).toMatchObject({ passed: true, limit: 1 });
    expect(seenOn(0)).toMatchObject({ passed: false, limit: 1 });
  });

  test('no more than `fewestSeen` are asked for', () => {
    const { passed, limit } = testSeen(tableOf(), champion, challenger, { ...GATE_DEFAULTS, fewestSeen: 0 });
    expect([passed, limit]).toEqual([true, 0]);
  });

  test('what is seen where both choose alike does not count', () => {
    const alike = testSeen(tableOf(), champion, champion, GATE_DEFAULTS);
    expect(alike).toMatchObject({ passed: true, limit: 0 });
    expect(alike.sentence).toMatch(/chooses as the champion does/);
  });
});

describe('a difference and the tolerance', () => {
  const table = tableOf();
  const options = { ...GATE_DEFAULTS, tolerance: 0.0625 };

  test('that is exactly what is tolerated passes, and what is below does not', () => {
    expect(
      testNotWorse(
        opponentOf(() => -0.0625),
        table,
        options,
      ).passed,
    ).toBe(true);
    expect(
      testNotWorse(
        opponentOf(() => -0.0626),
        table,
        options,
      ).passed,
    ).toBe(false);
    expect(
      testNotWorse(
        opponentOf(() => -0.0625),
        table,
        options,
      ).limit,
    ).toBe(-0.0625);
  });

  test('an interval is one-sided at its confidence: at 1/2 it is the estimate, and it widens with it', () => {
    const opponent = opponentOf((row) => (row % 2 === 0 ? 0.5 : -0.25));
    expect(sureOf(opponent, table, 0.5).low).toBeCloseTo(0.125, 9);
    const [some, more] = [sureOf(opponent, table, 0.9), sureOf(opponent, table, 0.99)];
    // 0.375 / sqrt(199), times Student's 1.286 and 2.345
    expect(0.125 - some.low!).toBeCloseTo((1.286 * 0.375) / Math.sqrt(199), 4);
    expect(0.125 - more.low!).toBeCloseTo((2.345 * 0.375) / Math.sqrt(199), 4);
    expect(some.high! - 0.125).toBeCloseTo(0.125 - some.low!, 9);
  });

  test('of some rows alone is that of these, and of none nothing', () => {
    const opponent = opponentOf((row) => (row < 50 ? 1 : 0));
    expect(sureOf(opponent, table, 0.9, every.slice(0, 50)).estimate).toBe(1);
    expect(sureOf(opponent, table, 0.9)).toMatchObject({ estimate: 0.25, rows: ROWS });
    expect(sureOf(opponent, table, 0.9, [])).toMatchObject({ estimate: null, low: null, high: null });
  });
});

test('of what the log has seen nothing of, nothing is sure: it passes neither against a champion nor another', () => {
  const unseen = {
    ...opponentOf((row) => (row % 2 === 0 ? 0.5 : 0.25)),
    doubt: { leverage: new Float64Array(ROWS) },
  };
  expect(testNotWorse(unseen, tableOf(), GATE_DEFAULTS)).toMatchObject({
    passed: false,
    sentence: 'It could not be compared with b.',
  });
  const { test: nights, spent } = testNights(unseen, tableOf(), GATE_DEFAULTS, 0.001);
  expect([nights.passed, spent]).toEqual([false, 0.001]);
});

describe('a night', () => {
  const night = (worth: number, before: number | null, drifted = false) =>
    testNights(
      opponentOf(() => worth),
      tableOf(),
      { ...GATE_DEFAULTS, nightsTolerance: 0.25 },
      before,
      drifted,
    );

  test('spends half of the tolerance at least where it is not surely as good, and what it may lose where that is more', () => {
    expect(night(-0.0625, 0, true)).toMatchObject({ test: { passed: true, limit: -0.25 }, spent: 0.125 });
    expect(night(-0.1875, 0, true)).toMatchObject({ test: { passed: true }, spent: 0.1875 });
    expect(night(-0.25, 0, true)).toMatchObject({ test: { passed: true }, spent: 0.25 });
    expect(night(-0.26, 0, true).test.passed).toBe(false);
  });

  test('has nothing left where less than half is, and earns back what it surely gains', () => {
    expect(night(-0.0625, 0.125, true).test).toMatchObject({ passed: true, limit: -0.125 });
    expect(night(-0.0625, 0.1875, true).test.passed).toBe(false);
    expect(night(0, 0.1875)).toMatchObject({ test: { passed: true }, spent: 0.1875 });
    expect(night(0.0625, 0.1875)).toMatchObject({ test: { passed: true }, spent: 0.125 });
    expect(night(0.5, 0.1875).spent).toBe(0);
    expect(night(0.0625, null).spent).toBe(0.1875);
  });

  test('takes no version that looks worse, unless candidates have changed', () => {
    expect(night(-0.0625, 0).test.passed).toBe(false);
    expect(night(0, 0).test.passed).toBe(true);
  });
});

describe('a whole verdict', () => {
  const { kinds, table } = gateWorld({ rows: 600, seed: 12 });
  const strong = kinds.map(() => 2);

  test('goes by quality alone where costs are nowhere known', () => {
    const blind = { ...table, costUsd: null };
    const verdict = runGate(gateInput(blind, strong, kinds, { qualityPerUsd: 20 }));
    expect(verdict).toEqual(runGate(gateInput(blind, strong, kinds)));
    expect(verdict.passed).toBe(true);
    expect(verdict.sentence).toContain(' points against the champion');
  });

  test('compares with the best single candidate among those that training has seen', () => {
    const single = (quality: Float64Array) =>
      runGate(
        gateInput(table, null, kinds, { means: { quality, costUsd: Float64Array.of(1, 2, 3) } }),
      ).tests.find(({ kind }) => kind === 'best single')?.sentence;
    expect(single(Float64Array.of(0.5, 0.6, 0.7))).toContain('against strong,');
    expect(single(Float64Array.of(0.5, 0.6, Number.NaN))).toContain('against reckoner,');
  });
});

describe('slices', () => {
  /** Of the first so many rows. */
  const sliced = (count: number, lost: number, groups = Int32Array.from(every)) =>
    testSlices(
      opponentOf((row) => (row < count ? -lost : 0.5)),
      tableOf({
        groups,
        slices: [{ by: 'tier', of: every.map((row) => (row < count ? 'free' : null)) }],
      }),
      { ...GATE_DEFAULTS, sliceTolerance: 0.0625, sliceGroups: 50 },
    );

  test('fail where one is surely worse than is tolerated, and pass at the tolerance itself', () => {
    expect(sliced(60, 0.125)).toMatchObject([
      { passed: false, limit: -0.0625, difference: { estimate: -0.125 } },
    ]);
    expect(sliced(60, 0.0625)).toMatchObject([{ passed: true, limit: -0.0625 }]);
  });

  test('are not tested where they have too few near-duplicate groups, nor where they are the whole', () => {
    expect(sliced(50, 0.5)).toHaveLength(1);
    expect(sliced(49, 0.5)).toEqual([]);
    const copies = Int32Array.from(every, (row) => row % 49);
    expect(sliced(60, 0.5, copies)).toEqual([]);
    expect(sliced(ROWS, 0.5)).toEqual([]);
  });

  test('each are tested at their part of the chance that all have together', () => {
    const of = every.map((row) => (row < 100 ? 'one' : 'other'));
    const noise = (row: number) => (row < 100 ? -0.1 : 0) + (row % 2 === 0 ? 0.15 : -0.15);
    const found = (sliceAlpha: number) =>
      testSlices(opponentOf(noise), tableOf({ slices: [{ by: 'task', of }] }), {
        ...GATE_DEFAULTS,
        sliceTolerance: 0,
        sliceAlpha,
      })[0].difference;
    // Student's quantile of 99 degrees of freedom at 1 - 0.1 / 2
    expect(found(0.1)!.high! - found(0.1)!.estimate!).toBeCloseTo((1.6604 * 0.15) / Math.sqrt(99), 4);
  });
});

describe('batches', () => {
  const batches = every.map((row) => (row < 50 ? 'monday' : 'tuesday'));
  const judged = (inside: number, outside: number, spread = 0.01) =>
    testBatches(
      [opponentOf((row) => (row < 50 ? inside : outside) + (row % 2 === 0 ? spread : -spread))],
      tableOf({ batches }),
      { ...GATE_DEFAULTS, tolerance: 0.02 },
    ).map(({ passed }) => passed);

  test('that alone speak for a challenger fail it, where all others speak against it', () => {
    expect(judged(0.5, -0.1)).toEqual([false]);
    expect(judged(-0.1, -0.1)).toEqual([true]);
    expect(judged(0.5, -0.01)).toEqual([true]);
  });

  test('must disagree by more than chance', () => {
    // Standard errors of 0.5 / 7 and 0.5 / 12.2, together 0.082
    expect(judged(0.1, -0.1, 0.5)).toEqual([true]);
    expect(judged(0.2, -0.1, 0.5)).toEqual([false]);
  });

  test('of one alone say nothing', () => {
    expect(testBatches([opponentOf(() => 0)], tableOf(), GATE_DEFAULTS)).toEqual([]);
  });
});

test('a calibration error at the limit, or at that of the champion, is allowed; one that is not known is not', () => {
  const passed = (challenger: number | null, champion: number | null) =>
    testCalibration({ challenger, champion }, { ...GATE_DEFAULTS, calibrationLimit: 0.125 }).passed;
  expect([passed(0.125, null), passed(0.126, null), passed(0.126, 0.05)]).toEqual([true, false, false]);
  expect([passed(0.25, 0.25), passed(0.26, 0.25)]).toEqual([true, false]);
  expect([passed(null, 0.25), passed(0, null)]).toEqual([false, true]);
});

describe('costs of choices that were not seen', () => {
  /** The first candidate costs 1 where it was expected to cost 2, on the first so many rows. */
  const costs = (seen: number, expected: (i: number) => number, cost = 1) => {
    const rows = 40;
    const matrix = {
      candidates: ['a', 'b'],
      prompts: Array.from({ length: rows }, () => ({ task: null, tier: null })),
      quality: new Float32Array(2 * rows).fill(1),
      costUsd: Float32Array.from({ length: 2 * rows }, (_, i) =>
        i % 2 === 1 ? 3 : i / 2 < seen ? cost : Number.NaN,
      ),
      propensity: new Float32Array(2 * rows).fill(Number.NaN),
    } as unknown as OutcomeMatrix;
    return valueTable({
      matrix,
      rows: Int32Array.from({ length: rows }, (_, row) => row),
      groups: Int32Array.from({ length: rows }, (_, row) => row),
      batches: matrix.prompts.map(() => 'a day'),
      propensities: new Float64Array(2 * rows).fill(0.5),
      expected: new Float64Array(2 * rows).fill(0.5),
      expectedCostUsd: Float64Array.from({ length: 2 * rows }, (_, i) => expected(i)),
      clip: 10,
    }).costUsd;
  };

  test('are what is expected, put right by those that were seen where these are ten or more', () => {
    expect(costs(10, () => 2)![2 * 39]).toBe(1);
    expect(costs(9, () => 2)![2 * 39]).toBe(2);
    // Half of what was expected where it was seen, so half of what is expected elsewhere.
    expect(costs(10, (i) => (i < 20 ? 2 : 8))![2 * 39]).toBe(4);
    expect(costs(10, () => 2)![1]).toBe(3);
  });

  test('are the mean of those that were seen where nothing is expected, and unknown where nothing was seen', () => {
    expect(costs(10, () => Number.NaN)![2 * 39]).toBe(1);
    expect(costs(10, (i) => (i < 20 ? 2 : Number.NaN), 0.5)![2 * 39]).toBe(0.5);
    expect(costs(0, () => Number.NaN)).toBeNull();
    expect(costs(0, () => 2)![2 * 39]).toBe(2);
    expect(costs(10, () => 0)![2 * 39]).toBe(0);
  });
});

describe('the calibration error of weighted cells', () => {
  const cells = Array.from({ length: 400 }, (_, i) => i);
  const half = (i: number) => Number(i % 2 === 0);

  test('is that of the weights, whichever cells have them', () => {
    // Half of the weight is right at 1/2, half says 0.9 of what comes true half of the time.
    const p = cells.map((i) => (i < 200 ? 0.5 : 0.9));
    const error = (heavy: number) =>
      weightedCalibration(
        p,
        cells.map(half),
        cells.map((i) => (i < 200 ? 1 : heavy)),
        cells,
      )!;
    expect(error(1)).toBeGreaterThan(0.17);
    expect(error(1)).toBeLessThan(0.21);
    expect(error(3)).toBeGreaterThan(0.27);
    expect(error(3)).toBeLessThan(0.31);
  });

  test('leaves out cells without a probability, a label or a weight', () => {
    const p = cells.map(() => 0.75);
    const labels = cells.map((i) => Number(i % 4 !== 0));
    const whole = weightedCalibration(
      p,
      labels,
      cells.map(() => 1),
      cells,
    )!;
    const more = (probability: number, label: number, weight: number) =>
      weightedCalibration(
        [...p, probability, probability],
        [...labels, label, label],
        [...cells.map(() => 1), weight, weight],
        [...cells, 400, 401],
      );
    expect(more(Number.NaN, 0, 100)).toBe(whole);
    expect(more(0.75, Number.NaN, 100)).toBe(whole);
    expect(more(0.75, 0, 0)).toBe(whole);
    expect(more(0.75, 0, 100)).toBeGreaterThan(whole + 0.05);
    expect(weightedCalibration([0.5], [1], [0], [0])).toBeNull();
  });

  test('is of bins: what is too low in one part does not make good what is too high in another', () => {
    const p = cells.map((i) => (i < 200 ? 0.3 : 0.7));
    const error = weightedCalibration(
      p,
      cells.map(half),
      cells.map(() => 1),
      cells,
    )!;
    expect(error).toBeGreaterThan(0.18);
    expect(error).toBeLessThan(0.22);
  });
});
