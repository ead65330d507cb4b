import { quantile } from 'pointsman/math';

/** Bins of equal width on a log scale, and the quantiles people ask for. */
export interface LogHistogram {
  readonly values: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly maximum: number;
  /** `[bins + 1]`, ascending. */
  readonly edges: readonly number[];
  /** `[bins]` */
  readonly counts: readonly number[];
}

/**
 * @param values amounts > 0, such as durations; others and NaN are left out
 * @returns null when nothing is left
 */
export function logHistogram(values: ArrayLike<number>, bins = 30): LogHistogram | null {
  const kept = Float64Array.from(values)
    .filter((value) => value > 0 && Number.isFinite(value))
    .sort();
  if (kept.length === 0) return null;
  const maximum = kept[kept.length - 1];
  // One value alone still needs a bin that has a width.
  const low = Math.log10(kept[0]) - 0.01;
  const high = Math.log10(maximum) + 0.01;
  const counts = new Array<number>(bins).fill(0);
  let sum = 0;
  for (const value of kept) {
    sum += value;
    counts[Math.min(bins - 1, Math.floor(((Math.log10(value) - low) / (high - low)) * bins))]++;
  }
  return {
    values: kept.length,
    mean: sum / kept.length,
    p50: quantile(kept, 0.5),
    p95: quantile(kept, 0.95),
    p99: quantile(kept, 0.99),
    maximum,
    edges: Array.from({ length: bins + 1 }, (_, i) => 10 ** (low + ((high - low) * i) / bins)),
    counts,
  };
}
