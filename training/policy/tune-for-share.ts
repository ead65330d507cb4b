import { InvalidInputError } from 'pointsman';
import { quantileSorted } from 'pointsman/math';
import type { TuningRows } from './tuning-rows.ts';

/**
 * The threshold at which this share of the rows goes to the strong candidate. Needs no outcomes.
 *
 * @param strong @param weak columns @param share 0 to 1
 */
export function tuneForShare(
  { columns, success }: Pick<TuningRows, 'columns' | 'success'>,
  strong: number,
  weak: number,
  share: number,
): number {
  if (!(share >= 0 && share <= 1)) {
    throw new InvalidInputError(`\`strongShare\` must be from 0 to 1. Got ${share}.`);
  }
  const gaps = Float64Array.from(
    { length: success.length / columns },
    (_, row) => success[row * columns + strong] - success[row * columns + weak],
  ).sort();
  if (share === 1) return -1;
  if (share === 0) return 1;
  return Math.max(-1, Math.min(1, quantileSorted(gaps, 1 - share)));
}
