import type { Candidate } from 'pointsman';
import type { ManifestCandidate } from 'pointsman/artifact';
import { quantileSorted } from 'pointsman/math';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Splits } from '../split/split.ts';

/** Every candidate of the traffic with its means over the fit and calibrate splits, and what the config says of it. */
export function manifestCandidates(
  matrix: OutcomeMatrix,
  { fit, calibrate }: Splits,
  configured: Readonly<Record<string, Partial<Candidate>>>,
): ManifestCandidate[] {
  const rows = [...fit.rows, ...calibrate.rows];
  return matrix.candidates.map((name, c) => {
    const mean = (values: Float32Array) => observedMean(values, rows, matrix.candidates.length, c);
    const p95LatencyMs = observedQuantile(matrix.latencyMs, rows, matrix.candidates.length, c, 0.95);
    return {
      ...configured[name],
      name,
      meanQuality: mean(matrix.quality) ?? 0,
      meanCostUsd: mean(matrix.costUsd),
      meanLatencyMs: mean(matrix.latencyMs),
      ...(p95LatencyMs === null ? {} : { p95LatencyMs }),
    };
  });
}

function observedMean(
  values: Float32Array,
  rows: readonly number[],
  columns: number,
  c: number,
): number | null {
  let [sum, count] = [0, 0];
  for (const row of rows) {
    const value = values[row * columns + c];
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return count === 0 ? null : sum / count;
}

/** Null where fewer than twenty were observed: a tail needs as many. */
function observedQuantile(
  values: Float32Array,
  rows: readonly number[],
  columns: number,
  c: number,
  q: number,
): number | null {
  const seen = Float64Array.from(rows, (row) => values[row * columns + c]).filter((x) => !Number.isNaN(x));
  return seen.length < 20 ? null : quantileSorted(seen.sort(), q);
}
