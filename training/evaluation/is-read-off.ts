import type { Coverage } from '../evaluate/evaluation.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

/**
 * Whether a comparison may rest on the prompts that every compared candidate answered: they must be at least half of
 * those with an outcome. Of a log of single answers with a few complete prompts in it, most would be thrown away.
 * @param rows of the test split
 */
export function isReadOff(
  { candidates, quality }: OutcomeMatrix,
  rows: Int32Array,
  { comparedRows, unmeasuredChoices }: Coverage,
): boolean {
  const columns = candidates.length;
  const answered = rows.filter((row) =>
    quality.subarray(row * columns, (row + 1) * columns).some((value) => !Number.isNaN(value)),
  );
  return comparedRows > 0 && 2 * (comparedRows + unmeasuredChoices) >= answered.length;
}
