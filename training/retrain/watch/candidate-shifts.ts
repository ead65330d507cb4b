import type { PolicySpec, Router } from 'pointsman';
import { type LoadOptions, loadRouter, readArtifactFolder } from 'pointsman/node';
import type { PlanOutcomes } from '../../evaluate/evaluation-input.ts';
import { clusteredMean, type Matrix, numberClusters } from '../../fit/rows.ts';
import type { OutcomeMatrix } from '../../outcomes/matrix.ts';
import { predictTest } from '../../train/evaluate-router.ts';

/** What one day of a candidate was beside what the router predicts. */
interface DayResidual {
  /** "2026-11-25" */
  readonly day: string;
  readonly rows: number;
  /** Mean of observed minus predicted quality; of cost and latency, of the logarithm of observed over predicted. */
  readonly residual: number;
  /** Of near-duplicate groups; null of one alone. */
  readonly standardError: number | null;
}

type ShiftMeasure = 'quality' | 'costUsd' | 'latencyMs';

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

/** Of near-duplicate groups: copies of one prompt say what one says. */
const FEWEST_BEFORE = 20;
const FEWEST_AFTER = 10;

/**
 * Calibration over time, candidate by candidate. The router is the yardstick: it predicts every row by the same heads, so a
 * change of its errors from some day on is a change of the candidate. The day is the one that parts the errors most
 * clearly (a scan for a change of the mean, in place of a CUSUM chart with a reference of its own: Hinkley 1970), among rows
 * of which the router expects about the same, of the candidate and of how it does beside the others.
 *
 * @param groups near-duplicate group of each prompt: those of one are one observation before and one after
 */
export function findShifts(
  traffic: ScoredTraffic,
  groups: ArrayLike<number>,
  options: ShiftOptions = {},
): CandidateShift[] {
  const { z = 5, quality = 0.1, factor = 1.2 } = options;
  const found: CandidateShift[] = [];
  for (const [measure, least] of [
    ['quality', quality],
    ['costUsd', Math.log(factor)],
    ['latencyMs', Math.log(factor)],
  ] as const) {
    traffic.matrix.candidates.forEach((candidate, c) => {
      const seen = residualsOf(traffic, groups, measure, c);
      const days = daysOf(seen);
      const change = largestChange(seen, days);
      found.push({
        candidate,
        measure,
        days: days.map(({ from, to }) => summarise(seen.slice(from, to))),
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

interface Residual {
  readonly day: number;
  readonly group: number;
  readonly expected: number;
  /** How much likelier than the best of the others the router expects it to answer well. */
  readonly advantage: number;
  readonly residual: number;
}

/** By day. */
function residualsOf(
  traffic: ScoredTraffic,
  groups: ArrayLike<number>,
  measure: ShiftMeasure,
  c: number,
): Residual[] {
  const { candidates, prompts } = traffic.matrix;
  const observed = traffic.matrix[measure];
  const predicted = measure === 'quality' ? traffic.success : traffic[measure];
  const seen: Residual[] = [];
  prompts.forEach(({ timestampMs }, row) => {
    const cell = row * candidates.length + c;
    const residual =
      measure === 'quality'
        ? observed[cell] - predicted[cell]
        : Math.log(observed[cell]) - Math.log(predicted[cell]);
    if (!Number.isFinite(residual) || timestampMs === null) return;
    seen.push({
      day: dayOf(timestampMs),
      group: groups[row],
      expected: predicted[cell],
      advantage: advantageOf(traffic, row, c),
      residual,
    });
  });
  return seen.sort((a, b) => a.day - b.day);
}

/** Where a day's rows are. */
interface DayRows {
  readonly from: number;
  readonly to: number;
}

function daysOf(seen: readonly Residual[]): DayRows[] {
  const days: DayRows[] = [];
  for (let from = 0; from < seen.length; ) {
    let to = from;
    while (to < seen.length && seen[to].day === seen[from].day) to++;
    days.push({ from, to });
    from = to;
  }
  return days;
}

const QUARTERS = 4;

/**
 * Quarters of the predictions times quarters of the candidate's advantage over the others, by which a router chooses: what is
 * asked of a candidate changes with who routes, and must not look like a change of its own (strata of what decides who is asked:
 * Rosenbaum and Rubin 1984).
 */
const STRATA = QUARTERS * QUARTERS;

/** Near-duplicate groups of a stratum on one side of a day, by the mean residual of each. */
interface Sums {
  count: number;
  sum: number;
  squares: number;
}

function largestChange(
  seen: readonly Residual[],
  days: readonly DayRows[],
): { day: number; shift: number; z: number } | null {
  const strata = strataOf(seen);
  const units = numberClusters(Float64Array.from(seen, ({ group }, i) => group * STRATA + strata[i]));
  const stratumOf = new Int32Array(units.count);
  units.of.forEach((unit, i) => {
    stratumOf[unit] = strata[i];
  });
  const before = sideOf(units.count);
  const after = sideOf(units.count);
  seen.forEach(({ residual }, i) => {
    put(after, units.of[i], stratumOf, residual, 1);
  });
  let best: { day: number; shift: number; z: number } | null = null;
  for (const { from, to } of days) {
    const found = changeBetween(before.strata, after.strata);
    if (found !== null && (best === null || Math.abs(found.z) > Math.abs(best.z)))
      best = { day: seen[from].day, ...found };
    for (let i = from; i < to; i++) {
      put(before, units.of[i], stratumOf, seen[i].residual, 1);
      put(after, units.of[i], stratumOf, seen[i].residual, -1);
    }
  }
  return best;
}

/** Stratum that each row is in. */
function strataOf(seen: readonly Residual[]): Int32Array {
  const byPrediction = quartersOf(seen.map(({ expected }) => expected));
  const byAdvantage = quartersOf(seen.map(({ advantage }) => advantage));
  return byPrediction.map((quarter, i) => quarter * QUARTERS + byAdvantage[i]);
}

function quartersOf(values: readonly number[]): Int32Array {
  const sorted = [...values].sort((a, b) => a - b);
  const edges = Array.from(
    { length: QUARTERS - 1 },
    (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / QUARTERS)],
  );
  return Int32Array.from(values, (value) => edges.filter((edge) => value >= edge).length);
}

function advantageOf({ matrix, success }: ScoredTraffic, row: number, c: number): number {
  const columns = matrix.candidates.length;
  let best = Number.NEGATIVE_INFINITY;
  for (let other = 0; other < columns; other++) {
    const probability = success[row * columns + other];
    if (other !== c && probability > best) best = probability;
  }
  return best === Number.NEGATIVE_INFINITY ? 0 : success[row * columns + c] - best;
}

/** What is on one side of a day: rows of each unit (a group in a stratum), and units of each stratum. */
interface Side {
  readonly counts: Float64Array; // [units]
  readonly sums: Float64Array; // [units]
  readonly strata: readonly Sums[];
}

function sideOf(units: number): Side {
  return {
    counts: new Float64Array(units),
    sums: new Float64Array(units),
    strata: Array.from({ length: STRATA }, empty),
  };
}

/** Adds a row to its unit, or takes it away, and keeps the stratum's sums of unit means. */
function put(
  { counts, strata, sums }: Side,
  unit: number,
  stratumOf: Int32Array,
  value: number,
  sign: 1 | -1,
): void {
  const stratum = strata[stratumOf[unit]];
  if (counts[unit] > 0) add(stratum, sums[unit] / counts[unit], -1);
  counts[unit] += sign;
  sums[unit] += sign * value;
  if (counts[unit] > 0) add(stratum, sums[unit] / counts[unit], 1);
}

/** Differences of the strata, weighed by what each can tell (as Mantel and Haenszel 1959 weigh their tables). */
function changeBetween(before: readonly Sums[], after: readonly Sums[]): { shift: number; z: number } | null {
  let [total, shift, variance, unitsBefore, unitsAfter] = [0, 0, 0, 0, 0];
  before.forEach((old, s) => {
    const now = after[s];
    if (old.count === 0 || now.count === 0 || old.count + now.count < 3) return;
    const weight = (old.count * now.count) / (old.count + now.count);
    total += weight;
    shift += weight * (now.sum / now.count - old.sum / old.count);
    // Pooled: a handful of outcomes that are all alike are no proof that they always would be.
    const spread = (squaresAbout(old) + squaresAbout(now)) / (old.count + now.count - 2);
    variance += weight * weight * spread * (1 / old.count + 1 / now.count);
    unitsBefore += old.count;
    unitsAfter += now.count;
  });
  if (unitsBefore < FEWEST_BEFORE || unitsAfter < FEWEST_AFTER) return null;
  return { shift: shift / total, z: shift / Math.sqrt(variance + 1e-12) };
}

function empty(): Sums {
  return { count: 0, sum: 0, squares: 0 };
}

function add(sums: Sums, value: number, sign: 1 | -1): void {
  sums.count += sign;
  sums.sum += sign * value;
  sums.squares += sign * value * value;
}

/** Sum of squared distances from the mean. */
function squaresAbout({ count, squares, sum }: Sums): number {
  return Math.max(0, squares - (sum * sum) / count);
}

function summarise(rows: readonly Residual[]): DayResidual {
  const { mean, standardError } = clusteredMean(
    Float64Array.from(rows, ({ residual }) => residual),
    rows.map(({ group }) => group),
  );
  return {
    day: dayName(rows[0].day),
    rows: rows.length,
    residual: mean,
    standardError: Number.isFinite(standardError) ? standardError : null,
  };
}

/** Traffic with what one router says of it, whoever served it. */
export interface ScoredTraffic {
  /** Its candidates are those of the tables below. */
  readonly matrix: OutcomeMatrix;
  /** What the router predicts; NaN for candidates it does not know. */
  readonly success: Float64Array; // [prompts, candidates]
  readonly costUsd: Float64Array; // [prompts, candidates]
  readonly latencyMs: Float64Array; // [prompts, candidates]
  /** Numbers of the candidates it would choose: those that are asked first. */
  readonly chosen: Int32Array; // [prompts]
  /** What comes of its plans, where some may ask several candidates. Null or absent: whoever is chosen answers. */
  readonly plans?: PlanOutcomes | null;
}

export const DAY_MS = 86_400_000;

/** Days since 1970 in UTC; prompts without a time have none, and are not asked. */
export function dayOf(timestampMs: number | null): number {
  return Math.floor((timestampMs ?? Number.NaN) / DAY_MS);
}

/** "2026-11-25" */
export function dayName(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** Loads one version to be judged: it chooses by its policy, but explores nothing. */
export async function loadForGate(folder: string, options: LoadOptions = {}): Promise<Router> {
  const { manifest } = await readArtifactFolder(folder);
  return loadRouter(folder, { ...options, policy: withoutExploring(manifest.policy) });
}

/**
 * Lets a router look at every prompt.
 * @param matrix the router's candidates must be among the columns; others stay NaN
 * @param embeddings of every prompt, by the router's embedder; null lets it embed them
 */
export async function scoreTraffic(
  router: Router,
  matrix: OutcomeMatrix,
  embeddings: Matrix | null,
): Promise<ScoredTraffic> {
  const rows = Int32Array.from(matrix.prompts.keys());
  const said = await predictTest(router, matrix, { role: 'test', rows }, embeddings);
  return {
    matrix,
    success: Float64Array.from(said.success),
    costUsd: Float64Array.from(said.expectedCostUsd),
    latencyMs: Float64Array.from(said.expectedLatencyMs),
    chosen: said.chosen,
    plans: said.plans ?? null,
  };
}

/** The policy without its exploring: what it would choose when it is not out to learn. */
export function withoutExploring(policy: unknown): PolicySpec {
  const spec = policy as PolicySpec;
  return spec.kind === 'explore' ? withoutExploring(spec.policy) : spec;
}

/** Whether a policy explores, itself or anywhere inside it. */
export function explores(policy: unknown): boolean {
  if (policy === null || typeof policy !== 'object') return false;
  return ('kind' in policy && policy.kind === 'explore') || Object.values(policy).some(explores);
}
