import fc from 'fast-check';
import { mean } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { nightsUntilPromoted, simulateMonth } from '../../../../bench/simulations/gate-nights.ts';
import { runGate, sayNightsSpent, testNights } from '../../../../training/retrain/gate/gate.ts';
import { GATE_DEFAULTS } from '../../../../training/retrain/gate/tests.ts';
import { gateInput, gateWorld } from './gate-world.ts';

test.each([0, -0.006, -0.015])(
  'months of challengers that are worth %d over the champion of the night promote hardly any, and lose next to nothing',
  (better) => {
    const months = Array.from({ length: 8 }, (_, seed) => simulateMonth(seed, () => better, { rows: 500 }));
    expect(mean(months.map(({ promotions }) => promotions))).toBeLessThan(1);
    expect(months.filter(({ lowest }) => lowest < -0.005).length).toBeLessThanOrEqual(1);
  },
);

test('a challenger that is three points better comes into use within a few nights, whatever was spent before', () => {
  for (const spent of [0, null]) {
    const waits = Array.from({ length: 20 }, (_, seed) => nightsUntilPromoted(seed, 0.03, spent));
    expect(waits.filter((nights) => nights <= 5).length).toBeGreaterThanOrEqual(14);
  }
});

test('when the world has changed, the version that knows of it comes into use at once', () => {
  const months = Array.from({ length: 5 }, (_, seed) =>
    simulateMonth(seed, (night, adapted) => (night < 3 || adapted ? -0.01 : 0.06), { nights: 8 }),
  );
  for (const { adaptedOn } of months) expect(adaptedOn).toBeLessThanOrEqual(4);
});

/** A champion that the challenger differs from by so much, on average, on every prompt. */
function judge(difference: (row: number) => number, rows: number, spent: number | null, drifted = false) {
  const { table } = gateWorld({ rows, seed: 1 });
  const values = Float64Array.from({ length: rows }, (_, row) => difference(row));
  const opponent = {
    kind: 'champion' as const,
    name: 'the champion',
    unit: 'points',
    difference: values,
    doubt: { leverage: values.map((value) => Math.abs(value)) },
  };
  return testNights(opponent, table, GATE_DEFAULTS, spent, drifted);
}
/** Mean `worth`, in rows that gain or lose a fifth of a point: sure within a few hundredths of a point. */
const about = (worth: number) => (row: number) => worth + (row % 2 === 0 ? 0.002 : -0.002);

test('the tolerance is spent once: after two versions that may be a little worse, only one that surely is not passes', () => {
  const first = judge(about(0.0001), 300, 0);
  expect(first.test.passed).toBe(true);
  expect(first.spent).toBe(0.0025);
  const second = judge(about(0.0001), 300, first.spent);
  expect(second.test.passed).toBe(true);
  expect(second.spent).toBe(0.005);
  const third = judge(about(0.0001), 300, second.spent);
  expect(third.test.passed).toBe(false);
  expect(third.test.sentence).toMatch(
    /with 99\.833 % confidence \(95 % over 30 nights\) at least −0\.\d+; 0\.0+ is allowed\. That is .* points too low\. Of the 0\.50 points that all nights together may lose, 0\.50 are spent: only a version that is surely no worse/,
  );
  // What is surely gained is earned back.
  const better = judge(about(0.004), 300, second.spent);
  expect(better.test.passed).toBe(true);
  expect(better.spent).toBeGreaterThan(0.001);
  expect(better.spent).toBeLessThan(0.002);
  expect(judge(about(0.05), 300, second.spent).spent).toBe(0);
});

test('where nobody knows what was spent, all of it counts as spent, and the sentence says so', () => {
  const lost = judge(about(0.0001), 300, null);
  expect(lost.test.passed).toBe(false);
  expect(lost.test.sentence).toContain('nobody knows how much is spent, so all of it counts as spent');
  expect(judge(about(0.01), 300, null).test.passed).toBe(true);
});

test('an estimate below the champion passes only where a candidate has changed', () => {
  const refused = judge(about(-0.0005), 300, 0).test;
  expect(refused.passed).toBe(false);
  expect(refused.sentence).toMatch(
    /Its estimate is −0\.05, and no candidate has changed that would explain it\.$/,
  );
  expect(judge(about(-0.0005), 300, 0, true).test.passed).toBe(true);
  expect(judge(about(-0.01), 300, 0, true).test.passed).toBe(false);
});

test('what is spent stays within the tolerance, and what passes has not spent more than there was', () => {
  const worth = fc.double({ min: -0.02, max: 0.02, noNaN: true });
  const spent = fc.double({ min: 0, max: 0.005, noNaN: true });
  fc.assert(
    fc.property(worth, spent, fc.boolean(), (mean, before, drifted) => {
      const { test: found, spent: after } = judge(about(mean), 200, before, drifted);
      const low = found.difference!.low!;
      expect(after).toBeGreaterThanOrEqual(0);
      expect(after).toBeLessThanOrEqual(GATE_DEFAULTS.nightsTolerance);
      if (low >= 0) expect(after).toBeLessThanOrEqual(before);
      // The chain of what may have been lost since the best version.
      if (found.passed) expect(after).toBeGreaterThanOrEqual(Math.max(0, before - low) - 1e-12);
      expect(/too low/.test(found.sentence)).toBe(low < found.limit);
    }),
  );
});

test('a challenger that chooses as the champion does spends nothing, and the first version has nothing to lose against', () => {
  const { kinds, table } = gateWorld({ rows: 300, seed: 2 });
  const same = runGate(gateInput(table, kinds, kinds, { spent: 0.005 }));
  expect([same.passed, same.spent]).toEqual([true, 0.005]);
  expect(runGate(gateInput(table, null, kinds, { spent: null })).spent).toBe(0);
});

test('the page tells what a promotion may have lost', () => {
  expect(sayNightsSpent(0)).toBe('It is surely no worse than the best version so far.');
  expect(sayNightsSpent(0.0025)).toMatch(
    /it loses 0\.25 points at most; later nights may not spend these again/,
  );
});
