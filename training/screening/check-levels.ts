import { largest, moments } from 'pointsman/math';
import { formatPoints, formatSignedPoints } from '../words/format-number.ts';
import { groupBy, type ScoredCell } from './scored-cells.ts';
import type { Suspicion } from './screening.ts';

/** Shifts below this are not looked at: quality, 0 to 1. */
const LEAST_SHIFT = 0.15;
const FEWEST = 10;

/**
 * How far each candidate's scores lie beside what the champion expects, against the same elsewhere. One that falls is a
 * change of the candidate, which the watch over drift names. Two at once are more than a provider can do to us; and
 * nobody rises overnight above the best day that was ever seen.
 */
export function checkLevels(
  cells: readonly ScoredCell[],
  reference: readonly ScoredCell[],
  candidates: readonly string[],
  z: number,
): Suspicion[] {
  const known = ({ predicted }: ScoredCell) => !Number.isNaN(predicted);
  const before = groupBy(reference.filter(known), ({ candidate }) => candidate);
  const shifts: { name: string; shift: number; beyondBestDay: number }[] = [];
  for (const [candidate, own] of groupBy(cells.filter(known), (cell) => cell.candidate)) {
    const theirs = before.get(candidate) ?? [];
    if (own.length < FEWEST || theirs.length < FEWEST) continue;
    const [here, there] = [residuals(own), residuals(theirs)];
    const shift = here.mean - there.mean;
    // The larger spread of the two: scores that are all alike have none of their own.
    const variance = Math.max(here.variance, there.variance);
    const apart = shift / Math.sqrt(variance * (1 / own.length + 1 / theirs.length) + 1e-12);
    if (Math.abs(shift) < LEAST_SHIFT || Math.abs(apart) < z) continue;
    const days = [...groupBy(theirs, ({ day }) => day).values()]
      .filter((day) => day.length >= FEWEST)
      .map((day) => residuals(day).mean);
    const bestDay = Math.max(largest(days), there.mean);
    shifts.push({ name: candidates[candidate], shift, beyondBestDay: here.mean - bestDay });
  }
  if (shifts.length >= 2) {
    const list = shifts.map(({ name, shift }) => `${name} ${formatSignedPoints(shift)}`).join(', ');
    return [{ kind: 'levels', sentence: `several candidates change at once, in points: ${list}` }];
  }
  return shifts
    .filter(({ beyondBestDay, shift }) => shift > 0 && beyondBestDay >= LEAST_SHIFT)
    .map(({ beyondBestDay, name, shift }) => ({
      kind: 'praise',
      sentence:
        `beside what the router expects, ${name} scores ${formatPoints(shift)} points more than elsewhere, and ` +
        `${formatPoints(beyondBestDay)} more than on its best day`,
    }));
}

function residuals(cells: readonly ScoredCell[]): { mean: number; variance: number } {
  return moments(cells.map(({ predicted, quality }) => quality - predicted));
}
