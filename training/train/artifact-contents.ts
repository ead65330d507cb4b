import type { Candidate } from 'pointsman';
import type { ManifestCandidate } from 'pointsman/artifact';
import { quantileSorted } from 'pointsman/math';
import { columnMeans, trainMeans, trainRows } from '../evaluation/train-means.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Splits } from '../split/split.ts';

/**
 * Every candidate of the traffic with its means over the fit and calibrate splits, and what the config says of it.
 * @param propensities of what was observed, by whose inverse it counts; null where nothing was left to a logging policy
 */
export function manifestCandidates(
  matrix: OutcomeMatrix,
  splits: Splits,
  configured: Readonly<Record<string, Partial<Candidate>>>,
  propensities: LoggingPropensities | null = null,
): ManifestCandidate[] {
  const rows = trainRows(splits);
  const { quality, costUsd } = trainMeans(matrix, rows, propensities);
  // Costs of calls that nobody rated, which no propensity weighs: all there are in a log whose ratings have none.
  const anyCostUsd = columnMeans(matrix.costUsd, matrix.candidates.length, rows);
  const latencyMs = columnMeans(matrix.latencyMs, matrix.candidates.length, rows);
  return matrix.candidates.map((name, c) => {
    const p95LatencyMs = observedQuantile(matrix.latencyMs, rows, matrix.candidates.length, c, 0.95);
    return {
      ...configured[name],
      name,
      meanQuality: orNull(quality[c]) ?? 0,
      meanCostUsd: orNull(costUsd[c]) ?? orNull(anyCostUsd[c]),
      meanLatencyMs: orNull(latencyMs[c]),
      ...(p95LatencyMs === null ? {} : { p95LatencyMs }),
    };
  });
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/** Null where fewer than twenty were observed: a tail needs as many. */
function observedQuantile(
  values: Float32Array,
  rows: Int32Array,
  columns: number,
  c: number,
  q: number,
): number | null {
  const seen = Float64Array.from(rows, (row) => values[row * columns + c]).filter((x) => !Number.isNaN(x));
  return seen.length < 20 ? null : quantileSorted(seen.sort(), q);
}
