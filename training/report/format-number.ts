import type { Interval } from '../evaluation/bootstrap.ts';
import { formatPoints, formatSignedPoints } from '../evaluation/format-points.ts';

const NONE = '–';

/** "71.2 (69.0 to 73.4)", in points. */
export function formatQuality({ estimate, low, high }: Interval): string {
  if (estimate === null) return NONE;
  return low === null || high === null
    ? formatPoints(estimate)
    : `${formatPoints(estimate)} (${formatPoints(low)} to ${formatPoints(high)})`;
}

/** "+1.2 (−0.3 to +2.7)", in points. */
export function formatDifference(interval: Interval | null): string {
  if (!interval || interval.estimate === null) return NONE;
  const { estimate, low, high } = interval;
  return low === null || high === null
    ? formatSignedPoints(estimate)
    : `${formatSignedPoints(estimate)} (${formatSignedPoints(low)} to ${formatSignedPoints(high)})`;
}

/** Three decimals with their interval, for figures without a unit. */
export function formatFigure({ estimate, low, high }: Interval): string {
  if (estimate === null) return NONE;
  return low === null || high === null
    ? estimate.toFixed(3)
    : `${estimate.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}

/** "35.4 (33.0 to 38.1)", in per cent. */
export function formatShareNumber({ estimate, low, high }: Interval): string {
  if (estimate === null) return NONE;
  const percent = (share: number) => (100 * share).toFixed(1);
  return low === null || high === null
    ? percent(estimate)
    : `${percent(estimate)} (${percent(low)} to ${percent(high)})`;
}

export function formatPercent(share: number | null): string {
  return share === null ? NONE : `${(100 * share).toFixed(1)} %`;
}

/** Dollars of 1,000 requests, given those of one. */
export function formatCost(costUsd: number | null | undefined): string {
  if (costUsd === null || costUsd === undefined) return NONE;
  return formatDollars(1000 * costUsd);
}

/** Three digits that count: "$12.3", "$0.0412". */
export function formatDollars(dollars: number): string {
  if (dollars === 0) return '$0';
  if (dollars >= 1000) return `$${Math.round(dollars).toLocaleString('en-US')}`;
  return `$${significant(dollars)}`;
}

/** "85.0 µs", "1.20 ms", "3.40 s". */
export function formatDuration(microseconds: number): string {
  if (microseconds < 1000) return `${significant(microseconds)} µs`;
  if (microseconds < 1e6) return `${significant(microseconds / 1000)} ms`;
  return `${significant(microseconds / 1e6)} s`;
}

export function formatDecimal(value: number | null): string {
  return value === null ? NONE : value.toFixed(3);
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

function significant(value: number): string {
  if (value >= 100) return value.toFixed(0);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(value)));
  return digits > 6 ? value.toExponential(2) : value.toFixed(digits);
}
