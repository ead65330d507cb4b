import { clusteredMean } from '../fit/rows.ts';
import type { ValueTable } from '../retrain/gate/values.ts';
import { formatSignedPoints, plural } from '../words/format-number.ts';
import type { Opponent } from './comparison-tests.ts';
import type { GateOptions } from './gate-options.ts';
import type { GateTest } from './gate-verdict.ts';

/** Standard errors by which a batch must differ from all others before it is said to disagree with them. */
const DISAGREES = 3;

/**
 * Fails a verdict that one batch (a day of one source) carries: a challenger that is worse on all other rows, while
 * this batch says otherwise, and more clearly than chance would. A log with wrong scores likes the wrong router.
 */
export function testBatches(
  opponents: readonly Opponent[],
  { batches, groups }: ValueTable,
  { tolerance }: Required<GateOptions>,
): GateTest[] {
  const names = [...new Set(batches)];
  if (names.length < 2) return [];
  const failed: GateTest[] = [];
  for (const { difference, name, unit } of opponents) {
    for (const batch of names) {
      const meanWhere = (isIt: (row: number) => boolean) =>
        clusteredMean(
          difference.filter((_, row) => isIt(row)),
          groups.filter((_, row) => isIt(row)),
        );
      const inside = meanWhere((row) => batches[row] === batch);
      const outside = meanWhere((row) => batches[row] !== batch);
      if (outside.mean >= -tolerance) continue;
      const gap = inside.mean - outside.mean;
      const error = Math.hypot(inside.standardError, outside.standardError);
      if (!(gap > DISAGREES * error)) continue;
      failed.push({
        kind: 'batch',
        passed: false,
        sentence:
          `Without the ${plural(batches.filter((one) => one === batch).length, 'prompt')} of ${batch} it scores ${formatSignedPoints(outside.mean)} ${unit} ` +
          `against ${name}, with ${formatSignedPoints(inside.mean)} on those alone; one batch must not carry the verdict.`,
        difference: null,
        limit: -tolerance,
      });
    }
  }
  if (failed.length > 0) return failed;
  return [
    {
      kind: 'batch',
      passed: true,
      sentence: `None of ${names.length} batches carries the verdict by itself.`,
      difference: null,
      limit: -tolerance,
    },
  ];
}
