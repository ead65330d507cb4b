import { bootstrapMeans } from '../evaluation/bootstrap-means.ts';
import {
  formatApart,
  formatConfidence,
  formatPoints,
  formatSignedPoints,
  type Interval,
} from '../words/format-number.ts';
import type { GateOptions } from './gate-options.ts';
import type { GateTest } from './gate-verdict.ts';
import type { ValueTable } from './value-table.ts';

/** What a challenger is compared with. */
export interface Opponent {
  readonly kind: 'champion' | 'best single' | 'best fixed mix';
  /** In the middle of a sentence. */
  readonly name: string;
  /** What differences are counted in: "points", or points with something taken off. */
  readonly unit: string;
  /** Challenger minus this one: `[rows]` */
  readonly difference: Float64Array;
}

/** Passes where the challenger is surely no worse than `tolerance`. */
export function testNotWorse(
  { difference, kind, name, unit }: Opponent,
  { groups }: ValueTable,
  { confidence, resamples, seed, tolerance }: Required<GateOptions>,
): GateTest {
  const [interval] = bootstrapMeans([difference], {
    resamples,
    seed,
    clusters: groups,
    level: 2 * confidence - 1,
  });
  const passed = interval.low !== null && interval.low >= -tolerance;
  return {
    kind,
    passed,
    sentence: sayNotWorse(interval, { confidence, name, tolerance, unit }),
    difference: interval,
    limit: -tolerance,
  };
}

/** What was found against an opponent, what is sure of it, and what is allowed. */
export function sayNotWorse(
  { estimate, low }: Interval,
  {
    confidence,
    name,
    tolerance,
    unit,
  }: Pick<Opponent, 'name' | 'unit'> & Pick<Required<GateOptions>, 'confidence' | 'tolerance'>,
): string {
  if (estimate === null || low === null) return `It could not be compared with ${name}.`;
  const [sure, allowed] = formatApart(low, -tolerance, formatSignedPoints, 1);
  const short = formatPoints(-tolerance - low, allowed.split('.')[1]?.length ?? 0);
  return (
    `${formatSignedPoints(estimate)} ${unit} against ${name}, and with ${formatConfidence(confidence)} confidence at least ` +
    `${sure}; ${allowed} is allowed.${low >= -tolerance ? '' : ` It falls short by ${short} points.`}`
  );
}
