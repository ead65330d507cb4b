import { numberClusters } from '../clusters/number-clusters.ts';
import { dayName, dayOf, type ScoredTraffic } from '../drift/scored-traffic.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Restated } from './retrain-run.ts';
import type { CandidateShift } from './watch/candidate-shifts.ts';

/** So many near-duplicate groups since the change must be among those learned from, to say by how much it changed. */
const FEWEST = 15;

/** Standard errors by which the rows that are learned from must show the change too: a false alarm must not rewrite the past. */
const SURE = 2;

/**
 * Outcomes of a candidate from before it changed say what is no longer so. They are brought up to date: a quality is lowered, a
 * cost or latency multiplied, by the factor that its outcomes changed by, beside what the champion predicts of both. To
 * drop them instead would leave only what the champion chose to ask it since: it would look good at everything.
 * The factor comes from rows that are learned from; those that judge have no part in it. A quality is never raised.
 *
 * @param groups near-duplicate group of each prompt of the matrix
 * @param learn prompts of the matrix that are learned from @param champion what it predicts of the same matrix
 */
export function restateChanged(
  matrix: OutcomeMatrix,
  groups: ArrayLike<number>,
  learn: Int32Array,
  champion: ScoredTraffic,
  shifts: readonly CandidateShift[],
): { matrix: OutcomeMatrix; restated: Restated[] } {
  const columns = matrix.candidates.length;
  const cells = {
    quality: matrix.quality.slice(),
    costUsd: matrix.costUsd.slice(),
    latencyMs: matrix.latencyMs.slice(),
  };
  const restated: Restated[] = [];
  for (const { alarm, candidate, changedAtMs, measure, shift } of shifts) {
    const c = matrix.candidates.indexOf(candidate);
    if (!alarm || changedAtMs === null || shift === null || c === -1) continue;
    const predicted = measure === 'quality' ? champion.success : champion[measure];
    const known = learn.filter((row) => {
      const cell = row * columns + c;
      return !Number.isNaN(cells[measure][cell]) && predicted[cell] > 0;
    });
    const isOld = (row: number) => (matrix.prompts[row].timestampMs ?? 0) < changedAtMs;
    const old = known.filter(isOld);
    const ratioOf = (rows: Int32Array) => {
      const of = (table: ArrayLike<number>) => Float64Array.from(rows, (row) => table[row * columns + c]);
      return ratio(
        of(cells[measure]),
        of(predicted),
        rows.map((row) => groups[row]),
      );
    };
    const [then, since] = [ratioOf(old), ratioOf(known.filter((row) => !isOld(row)))];
    if (then.groups < FEWEST || since.groups < FEWEST) continue;
    const factor = since.value / then.value;
    const error = Math.hypot(since.standardError, factor * then.standardError) / then.value;
    if (!Number.isFinite(factor) || (measure === 'quality' && factor >= 1)) continue;
    if (Math.abs(factor - 1) < SURE * error || factor < 1 !== shift < 0) continue;
    for (const row of old) cells[measure][row * columns + c] *= factor;
    restated.push({ candidate, measure, before: dayName(dayOf(changedAtMs)), outcomes: old.length, factor });
  }
  return { matrix: { ...matrix, ...cells }, restated };
}

/** Sum of what was seen over sum of what was predicted, by the mean of each group; its error by linearisation (Cochran 1977, section 6.4). */
function ratio(seen: Float64Array, predicted: Float64Array, of: Int32Array) {
  const clusters = numberClusters(of);
  const [sums, expected, counts] = [0, 1, 2].map(() => new Float64Array(clusters.count));
  clusters.of.forEach((group, row) => {
    sums[group] += seen[row];
    expected[group] += predicted[row];
    counts[group]++;
  });
  let [total, totalExpected] = [0, 0];
  counts.forEach((count, group) => {
    total += sums[group] / count;
    totalExpected += expected[group] / count;
  });
  const value = total / totalExpected;
  let squares = 0;
  counts.forEach((count, group) => {
    squares += ((sums[group] - value * expected[group]) / count) ** 2;
  });
  return { value, standardError: Math.sqrt(squares) / totalExpected, groups: clusters.count };
}
