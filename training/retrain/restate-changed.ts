import { type CandidateShift, dayName, dayOf, type ScoredTraffic } from '../drift/index.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Restated } from './retrain-run.ts';

/** So many outcomes since the change must be among those learned from, to say by how much it changed. */
const FEWEST = 15;

/**
 * Outcomes of a candidate from before it changed say what is no longer so. They are brought up to date: a quality is lowered, a
 * cost or latency multiplied, by the factor that its outcomes changed by, beside what the champion predicts of both. To
 * drop them instead would leave only what the champion chose to ask it since: it would look good at everything.
 * The factor comes from rows that are learned from; those that judge have no part in it. A quality is never raised.
 *
 * @param learn prompts of the matrix that are learned from @param champion what it predicts of the same matrix
 */
export function restateChanged(
  matrix: OutcomeMatrix,
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
  for (const { alarm, candidate, changedAtMs, measure } of shifts) {
    const c = matrix.candidates.indexOf(candidate);
    if (!alarm || changedAtMs === null || c === -1) continue;
    const predicted = measure === 'quality' ? champion.success : champion[measure];
    const known = learn.filter((row) => {
      const cell = row * columns + c;
      return !Number.isNaN(cells[measure][cell]) && predicted[cell] > 0;
    });
    const isOld = (row: number) => (matrix.prompts[row].timestampMs ?? 0) < changedAtMs;
    const [old, since] = [known.filter(isOld), known.filter((row) => !isOld(row))];
    if (old.length < FEWEST || since.length < FEWEST) continue;
    const ratio = (rows: Int32Array) =>
      sum(rows, (row) => cells[measure][row * columns + c]) /
      sum(rows, (row) => predicted[row * columns + c]);
    const factor = ratio(since) / ratio(old);
    if (!Number.isFinite(factor) || (measure === 'quality' && factor >= 1)) continue;
    for (const row of old) cells[measure][row * columns + c] *= factor;
    restated.push({ candidate, measure, before: dayName(dayOf(changedAtMs)), outcomes: old.length, factor });
  }
  return { matrix: { ...matrix, ...cells }, restated };
}

function sum(rows: Int32Array, value: (row: number) => number): number {
  let total = 0;
  for (const row of rows) total += value(row);
  return total;
}
