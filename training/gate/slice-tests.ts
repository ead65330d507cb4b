import type { ValueTable } from '../retrain/gate/values.ts';
import { formatApart, formatPoints, formatSignedPoints, plural } from '../words/format-number.ts';
import { type Opponent, sureOf } from './comparison-tests.ts';
import type { GateOptions } from './gate-options.ts';
import type { GateTest } from './gate-verdict.ts';

/**
 * Fails a slice (a task, a tier) where the challenger is surely worse than `sliceTolerance`. Slices are small, so the burden
 * is the other way about than for the whole: were each to be shown not to be worse, chance alone would refuse everything.
 * Bonferroni's correction holds over all slices tested. One test for all that pass.
 */
export function testSlices(
  opponent: Opponent,
  table: ValueTable,
  { sliceAlpha, sliceGroups, sliceTolerance }: Required<GateOptions>,
): GateTest[] {
  const { name, unit } = opponent;
  const { groups, slices } = table;
  const groupsOf = (rows: readonly number[]) => new Set(rows.map((row) => groups[row])).size;
  const found = slices.flatMap(({ by, of }) => {
    const rowsOf = new Map<string, number[]>();
    of.forEach((value, row) => {
      if (value === null) return;
      const rows = rowsOf.get(value);
      if (rows === undefined) rowsOf.set(value, [row]);
      else rows.push(row);
    });
    // A slice of all rows is the whole, which is tested already.
    return [...rowsOf]
      .filter(([, rows]) => groupsOf(rows) >= sliceGroups && rows.length < of.length)
      .map(([value, rows]) => ({ by, value, rows }));
  });
  const failed: GateTest[] = [];
  for (const { by, value, rows } of found) {
    const interval = sureOf(opponent, table, 1 - sliceAlpha / found.length, rows);
    if (interval.high === null || interval.high >= -sliceTolerance) continue;
    const [most, allowed] = formatApart(interval.high, -sliceTolerance, formatSignedPoints, 1);
    failed.push({
      kind: 'slice',
      passed: false,
      sentence:
        `${formatSignedPoints(interval.estimate ?? 0)} ${unit} against ${name} on the ${plural(rows.length, 'prompt')} of ${by} ` +
        `"${value}", and at most ${most}; ${allowed} is allowed.`,
      difference: interval,
      limit: -sliceTolerance,
    });
  }
  if (failed.length > 0 || found.length === 0) return failed;
  return [
    {
      kind: 'slice',
      passed: true,
      sentence:
        `It is not surely worse than ${name} by more than ${formatPoints(sliceTolerance)} ${unit} in ` +
        `${found.length === 1 ? 'the one slice' : `any of ${found.length} slices`} that is large enough.`,
      difference: null,
      limit: -sliceTolerance,
    },
  ];
}
