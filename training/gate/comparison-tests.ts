import { bootstrapMeans } from '../evaluation/bootstrap-means.ts';
import { formatPoints, formatSignedPoints } from '../evaluation/format-points.ts';
import type { GateOptions } from './gate-options.ts';
import type { GateTest } from './gate-verdict.ts';
import type { ValueTable } from './value-table.ts';

/** What a challenger is compared with. */
export interface Opponent {
  readonly kind: 'champion' | 'best single' | 'best fixed mix';
  readonly name: string;
  /** Challenger minus this one: `[rows]` */
  readonly difference: Float64Array;
}

/** Passes where the challenger is surely no worse than `tolerance`. */
export function testNotWorse(
  { difference, kind, name }: Opponent,
  { groups }: ValueTable,
  { confidence, resamples, seed, tolerance }: Required<GateOptions>,
): GateTest {
  const [interval] = bootstrapMeans([difference], {
    resamples,
    seed,
    clusters: groups,
    level: 2 * confidence - 1,
  });
  const low = interval.low ?? interval.estimate ?? Number.NEGATIVE_INFINITY;
  const passed = low >= -tolerance;
  const figures =
    `${formatSignedPoints(interval.estimate ?? 0)} points against ${name}, and with ${Math.round(100 * confidence)} % ` +
    `confidence at least ${formatSignedPoints(low)}; ${formatSignedPoints(-tolerance)} is allowed.`;
  return {
    kind,
    passed,
    sentence: passed ? figures : `${figures} It falls short by ${formatPoints(-tolerance - low)} points.`,
    difference: interval,
    limit: -tolerance,
  };
}
