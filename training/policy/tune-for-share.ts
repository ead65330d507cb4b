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
  return shortened(Math.max(-1, Math.min(1, nearestThreshold(gaps, share))), gaps);
}

/** The same in as few digits as send the same rows over it. @param gaps ascending */
function shortened(threshold: number, gaps: Float64Array): number {
  const over = (at: number) => gaps.reduce((count, gap) => count + Number(gap > at), 0);
  for (let digits = 3; digits < 17; digits++) {
    const short = Number(threshold.toPrecision(digits));
    if (over(short) === over(threshold)) return short;
  }
  return threshold;
}

/** Rows over the threshold go to the strong one. Rows of equal gap go together: to the side that is nearer to the share. */
function nearestThreshold(gaps: Float64Array, share: number): number {
  const at = quantileSorted(gaps, 1 - share);
  const from = gaps.findIndex((gap) => gap >= at);
  let to = from;
  while (to < gaps.length && gaps[to] === at) to++;
  // Under `at` all of those that tie with it go to the strong one, at it none of them.
  if (to - from < 2) return at;
  const wanted = share * gaps.length;
  const none = Math.abs(gaps.length - to - wanted);
  const all = Math.abs(gaps.length - from - wanted);
  if (none <= all) return at;
  return from === 0 ? -1 : (gaps[from - 1] + at) / 2;
}
