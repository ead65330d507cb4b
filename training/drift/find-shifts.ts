import { DAY_MS, dayName, dayOf, type ScoredTraffic } from './scored-traffic.ts';

/** What one day of a candidate was beside what the router predicts. */
export interface DayResidual {
  /** "2026-11-25" */
  readonly day: string;
  readonly rows: number;
  /** Mean of observed minus predicted quality; of cost and latency, of the logarithm of observed over predicted. */
  readonly residual: number;
  readonly standardError: number;
}

export type ShiftMeasure = 'quality' | 'costUsd' | 'latencyMs';

/** One candidate's outcomes beside what the router predicts of them, over time. */
export interface CandidateShift {
  readonly candidate: string;
  readonly measure: ShiftMeasure;
  readonly days: readonly DayResidual[];
  /** The day from which on outcomes differ most from those before; null where there are too few to tell. */
  readonly changedOn: string | null;
  /** Milliseconds since 1970 at which that day begins. */
  readonly changedAtMs: number | null;
  /** Mean residual from that day on, minus that before. */
  readonly shift: number | null;
  /** In standard errors. */
  readonly z: number | null;
  readonly alarm: boolean;
}

export interface ShiftOptions {
  /** Standard errors, in the largest of all places to part the days. @default 5 */
  readonly z?: number;
  /** Smallest shift of quality that matters. @default 0.1 */
  readonly quality?: number;
  /** Smallest factor by which cost or latency changes that matters. @default 1.2 */
  readonly factor?: number;
}

const FEWEST_BEFORE = 20;
const FEWEST_AFTER = 10;

/**
 * Calibration over time, candidate by candidate. The router is the yardstick: it predicts every row by the same heads, so a
 * change of its errors from some day on is a change of the candidate. The day is the one that parts the errors most
 * clearly (a scan for a change of the mean, in place of a CUSUM chart with a reference of its own: Hinkley 1970), among rows
 * of which the router expects about the same.
 */
export function findShifts(traffic: ScoredTraffic, options: ShiftOptions = {}): CandidateShift[] {
  const { z = 5, quality = 0.1, factor = 1.2 } = options;
  const found: CandidateShift[] = [];
  for (const [measure, least] of [
    ['quality', quality],
    ['costUsd', Math.log(factor)],
    ['latencyMs', Math.log(factor)],
  ] as const) {
    traffic.matrix.candidates.forEach((candidate, c) => {
      const days = residualsByDay(traffic, measure, c);
      const change = largestChange(days);
      found.push({
        candidate,
        measure,
        days: days.map(summarise),
        changedOn: change && dayName(change.day),
        changedAtMs: change && change.day * DAY_MS,
        shift: change?.shift ?? null,
        z: change?.z ?? null,
        alarm: change !== null && Math.abs(change.z) >= z && Math.abs(change.shift) >= least,
      });
    });
  }
  return found;
}

/** Strata of predictions: what is asked of a candidate changes with who routes, and must not look like a change of its own. */
const STRATA = 4;

interface Sums {
  count: number;
  sum: number;
  squares: number;
}

interface DaySums {
  readonly day: number;
  readonly strata: readonly Sums[];
}

function residualsByDay(traffic: ScoredTraffic, measure: ShiftMeasure, c: number): DaySums[] {
  const { candidates, prompts } = traffic.matrix;
  const observed = traffic.matrix[measure];
  const predicted = measure === 'quality' ? traffic.success : traffic[measure];
  const seen: { day: number; expected: number; residual: number }[] = [];
  prompts.forEach(({ timestampMs }, row) => {
    const cell = row * candidates.length + c;
    const residual =
      measure === 'quality'
        ? observed[cell] - predicted[cell]
        : Math.log(observed[cell]) - Math.log(predicted[cell]);
    if (!Number.isFinite(residual) || timestampMs === null) return;
    seen.push({ day: dayOf(timestampMs), expected: predicted[cell], residual });
  });
  const sorted = seen.map(({ expected }) => expected).sort((a, b) => a - b);
  const edges = Array.from(
    { length: STRATA - 1 },
    (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / STRATA)],
  );
  const byDay = new Map<number, DaySums>();
  for (const { day, expected, residual } of seen) {
    const sums = byDay.get(day) ?? { day, strata: Array.from({ length: STRATA }, empty) };
    byDay.set(day, sums);
    const stratum = edges.filter((edge) => expected >= edge).length;
    add(sums.strata[stratum], { count: 1, sum: residual, squares: residual * residual }, 1);
  }
  return [...byDay.values()].sort((a, b) => a.day - b.day);
}

function largestChange(days: readonly DaySums[]): { day: number; shift: number; z: number } | null {
  const before = Array.from({ length: STRATA }, empty);
  const after = Array.from({ length: STRATA }, empty);
  for (const { strata } of days) for (const [s, sums] of strata.entries()) add(after[s], sums, 1);
  let best: { day: number; shift: number; z: number } | null = null;
  for (const { day, strata } of days) {
    const found = changeBetween(before, after);
    if (found !== null && (best === null || Math.abs(found.z) > Math.abs(best.z))) best = { day, ...found };
    strata.forEach((sums, s) => {
      add(before[s], sums, 1);
      add(after[s], sums, -1);
    });
  }
  return best;
}

/** Differences of the strata, weighed by what each can tell (as Mantel and Haenszel 1959 weigh their tables). */
function changeBetween(before: readonly Sums[], after: readonly Sums[]): { shift: number; z: number } | null {
  let [total, shift, variance, rowsBefore, rowsAfter] = [0, 0, 0, 0, 0];
  before.forEach((old, s) => {
    const now = after[s];
    if (old.count < 2 || now.count < 2) return;
    const weight = (old.count * now.count) / (old.count + now.count);
    total += weight;
    shift += weight * (now.sum / now.count - old.sum / old.count);
    // Pooled: a handful of outcomes that are all alike are no proof that they always would be.
    const spread = (squaresAbout(old) + squaresAbout(now)) / (old.count + now.count - 2);
    variance += weight * weight * spread * (1 / old.count + 1 / now.count);
    rowsBefore += old.count;
    rowsAfter += now.count;
  });
  if (rowsBefore < FEWEST_BEFORE || rowsAfter < FEWEST_AFTER) return null;
  return { shift: shift / total, z: shift / Math.sqrt(variance + 1e-12) };
}

function empty(): Sums {
  return { count: 0, sum: 0, squares: 0 };
}

function add(sums: Sums, { count, sum, squares }: Sums, sign: 1 | -1): void {
  sums.count += sign * count;
  sums.sum += sign * sum;
  sums.squares += sign * squares;
}

/** Sum of squared distances from the mean. */
function squaresAbout({ count, squares, sum }: Sums): number {
  return Math.max(0, squares - (sum * sum) / count);
}

function summarise({ day, strata }: DaySums): DayResidual {
  const sums = empty();
  for (const one of strata) add(sums, one, 1);
  return {
    day: dayName(day),
    rows: sums.count,
    residual: sums.sum / sums.count,
    standardError: Math.sqrt(squaresAbout(sums) / Math.max(1, sums.count - 1) / sums.count),
  };
}
