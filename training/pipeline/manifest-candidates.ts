import type { Candidate } from 'pointsman';
import type { ManifestCandidate } from 'pointsman/artifact';
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
    return {
      ...configured[name],
      name,
      meanQuality: mean(matrix.quality) ?? 0,
      meanCostUsd: mean(matrix.costUsd),
      meanLatencyMs: mean(matrix.latencyMs),
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
