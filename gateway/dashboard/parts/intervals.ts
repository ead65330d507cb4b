import { UNKNOWN } from './format.ts';

interface Known {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** `[$0.0010 to $0.0014]`, `[75 to 87 %]`: a unit that both have is said once. */
function bracketOf(low: string, high: string): string {
  const unit = / [^ ]+$/.exec(high)?.[0] ?? '';
  return `[${unit !== '' && low.endsWith(unit) ? low.slice(0, -unit.length) : low} to ${high}]`;
}

/** `$0.0012 [$0.0010 to $0.0014]`, and without an interval that it is only expected. */
export function formatInterval({ high, low, value }: Known, format: (value: number) => string): string {
  return low === null || high === null
    ? `${format(value)} (expected)`
    : `${format(value)} ${bracketOf(format(low), format(high))}`;
}

/** A difference of two shares, in points of a hundred. */
export function formatPoints(difference: number): string {
  const points = 100 * difference;
  const text = Math.abs(points).toFixed(1);
  return `${text === '0.0' ? '' : points < 0 ? '−' : '+'}${text} points`;
}

/** So few say nothing of how far a mean is off. */
const LEAST = 30;

/** A mean of so many values with its 95 % interval, from their sum and that of their squares; only the mean where they are few. */
export function meanOf(count: number, sum: number, squares: number): Known | null {
  if (count === 0) return null;
  const value = sum / count;
  if (count < LEAST) return { value, low: null, high: null };
  const variance = Math.max(0, squares / count - value ** 2) * (count / (count - 1));
  const half = 1.96 * Math.sqrt(variance / count);
  return { value, low: Math.max(0, value - half), high: Math.min(1, value + half) };
}

export function formatMean(mean: Known | null, format: (value: number) => string): string {
  if (mean === null) return UNKNOWN;
  return mean.low === null || mean.high === null
    ? format(mean.value)
    : `${format(mean.value)} ${bracketOf(format(mean.low), format(mean.high))}`;
}
