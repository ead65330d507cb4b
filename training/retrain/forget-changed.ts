import { type CandidateShift, dayName, dayOf } from '../drift/index.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Forgotten } from './retrain-run.ts';

/** So many outcomes since the change must be left to learn from; with fewer, the old ones are better than nothing. */
const FEWEST_LEFT = 30;

/**
 * Outcomes of a candidate from before it changed teach what is no longer so: they become unobserved among the rows that are
 * learned from.
 *
 * @param learn prompts of the matrix that are learned from
 */
export function forgetChanged(
  matrix: OutcomeMatrix,
  learn: Int32Array,
  shifts: readonly CandidateShift[],
): { matrix: OutcomeMatrix; forgotten: Forgotten[] } {
  const columns = matrix.candidates.length;
  const cells = {
    quality: matrix.quality.slice(),
    costUsd: matrix.costUsd.slice(),
    latencyMs: matrix.latencyMs.slice(),
  };
  const forgotten: Forgotten[] = [];
  for (const { alarm, candidate, changedAtMs, measure } of shifts) {
    const c = matrix.candidates.indexOf(candidate);
    if (!alarm || changedAtMs === null || c === -1) continue;
    const observed = learn.filter((row) => !Number.isNaN(cells[measure][row * columns + c]));
    const before = observed.filter((row) => (matrix.prompts[row].timestampMs ?? 0) < changedAtMs);
    if (before.length === 0 || observed.length - before.length < FEWEST_LEFT) continue;
    for (const row of before) cells[measure][row * columns + c] = Number.NaN;
    forgotten.push({ candidate, measure, before: dayName(dayOf(changedAtMs)), outcomes: before.length });
  }
  return { matrix: { ...matrix, ...cells }, forgotten };
}
