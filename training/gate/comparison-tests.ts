import { takeDoubt } from '../off-policy/score-doubt.ts';
import { type ScoreDoubt, scoreInterval } from '../off-policy/score-interval.ts';
import type { ValueTable } from '../retrain/gate/values.ts';
import {
  formatApart,
  formatConfidence,
  formatPoints,
  formatSignedPoints,
  type Interval,
} from '../words/format-number.ts';
import type { GateOptions } from './gate-options.ts';
import type { GateTest } from './gate-verdict.ts';

/** What a challenger is compared with. */
export interface Opponent {
  readonly kind: 'champion' | 'best single' | 'best fixed mix';
  /** In the middle of a sentence. */
  readonly name: string;
  /** What differences are counted in: "points", or points with something taken off. */
  readonly unit: string;
  /** Challenger minus this one: `[rows]` */
  readonly difference: Float64Array;
  /** What the differences do not show. */
  readonly doubt: ScoreDoubt;
}

/**
 * What is sure of an opponent's difference on some rows, at a one-sided confidence. NaN: nothing.
 * @param rows numbers of those that count. @default all
 */
export function sureOf(
  { difference, doubt }: Opponent,
  { groups }: ValueTable,
  confidence: number,
  rows: ArrayLike<number> = Int32Array.from(difference.keys()),
): Interval {
  const found = scoreInterval(
    Float64Array.from(rows, (row) => difference[row]),
    Array.from(rows, (row) => groups[row]),
    { level: 2 * confidence - 1, doubt: takeDoubt(doubt, rows) },
  );
  return Number.isNaN(found.estimate) ? { ...found, estimate: null, low: null, high: null } : found;
}

/** Passes where the challenger is surely no worse than `tolerance`. */
export function testNotWorse(
  opponent: Opponent,
  table: ValueTable,
  { confidence, tolerance }: Required<GateOptions>,
): GateTest {
  const { kind, name, unit } = opponent;
  const interval = sureOf(opponent, table, confidence);
  const passed = interval.low !== null && interval.low >= -tolerance;
  return {
    kind,
    passed,
    sentence: sayNotWorse(interval, { confidence, name, tolerance, unit }),
    difference: interval,
    limit: -tolerance,
  };
}

/**
 * What was found against an opponent, what is sure of it, and what is allowed.
 * @param together says of what the confidence is a part
 */
export function sayNotWorse(
  { estimate, low }: Interval,
  {
    confidence,
    name,
    tolerance,
    unit,
  }: Pick<Opponent, 'name' | 'unit'> & Pick<Required<GateOptions>, 'confidence' | 'tolerance'>,
  together = '',
): string {
  if (estimate === null || low === null) return `It could not be compared with ${name}.`;
  const [sure, allowed] = formatApart(low, -tolerance, formatSignedPoints, 1);
  const short = formatPoints(-tolerance - low, allowed.split('.')[1]?.length ?? 0);
  return (
    `${formatSignedPoints(estimate)} ${unit} against ${name}, and with ${formatConfidence(confidence)} confidence${together} at least ` +
    `${sure}; ${allowed} is allowed.${low >= -tolerance ? '' : ` That is ${short} points too low.`}`
  );
}
