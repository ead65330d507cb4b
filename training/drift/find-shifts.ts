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
  /** Standard errors, in the largest of all places to part the days. @default 4 */
  readonly z?: number;
  /** Smallest shift of quality that matters. @default 0.1 */
  readonly quality?: number;
  /** Smallest factor by which cost or latency changes that matters. @default 1.15 */
  readonly factor?: number;
}

const FEWEST_BEFORE = 20;
const FEWEST_AFTER = 10;

/**
 * Calibration over time, candidate by candidate. The router is the yardstick: it predicts every row by the same heads, so a
 * change of its errors from some day on is a change of the candidate. The day is the one that parts the errors most
 * clearly (a scan for a change of the mean, in place of a CUSUM chart with a reference of its own: Hinkley 1970).
 */
export function findShifts(traffic: ScoredTraffic, options: ShiftOptions = {}): CandidateShift[] {
  const { z = 4, quality = 0.1, factor = 1.15 } = options;
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

interface DaySums {
  readonly day: number;
  count: number;
  sum: number;
  squares: number;
}

function residualsByDay(traffic: ScoredTraffic, measure: ShiftMeasure, c: number): DaySums[] {
  const { candidates, prompts } = traffic.matrix;
  const observed = traffic.matrix[measure];
  const predicted = measure === 'quality' ? traffic.success : traffic[measure];
  const byDay = new Map<number, DaySums>();
  prompts.forEach(({ timestampMs }, row) => {
    const cell = row * candidates.length + c;
    const residual =
      measure === 'quality'
        ? observed[cell] - predicted[cell]
        : Math.log(observed[cell]) - Math.log(predicted[cell]);
    if (!Number.isFinite(residual) || timestampMs === null) return;
    const day = dayOf(timestampMs);
    const sums = byDay.get(day) ?? { day, count: 0, sum: 0, squares: 0 };
    byDay.set(day, sums);
    sums.count++;
    sums.sum += residual;
    sums.squares += residual * residual;
  });
  return [...byDay.values()].sort((a, b) => a.day - b.day);
}

function largestChange(days: readonly DaySums[]): { day: number; shift: number; z: number } | null {
  const before = { day: 0, count: 0, sum: 0, squares: 0 };
  const after = { ...before };
  for (const day of days) add(after, day, 1);
  let best: { day: number; shift: number; z: number } | null = null;
  for (const day of days) {
    if (before.count >= FEWEST_BEFORE && after.count >= FEWEST_AFTER) {
      const shift = after.sum / after.count - before.sum / before.count;
      const z = shift / Math.sqrt(squaredError(before) + squaredError(after) + 1e-12);
      if (best === null || Math.abs(z) > Math.abs(best.z)) best = { day: day.day, shift, z };
    }
    add(before, day, 1);
    add(after, day, -1);
  }
  return best;
}

function add(sums: DaySums, { count, sum, squares }: DaySums, sign: 1 | -1): void {
  sums.count += sign * count;
  sums.sum += sign * sum;
  sums.squares += sign * squares;
}

function squaredError({ count, squares, sum }: DaySums): number {
  return Math.max(0, squares - (sum * sum) / count) / Math.max(1, count - 1) / count;
}

function summarise(sums: DaySums): DayResidual {
  return {
    day: dayName(sums.day),
    rows: sums.count,
    residual: sums.sum / sums.count,
    standardError: Math.sqrt(squaredError(sums)),
  };
}
