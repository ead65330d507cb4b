import type { OutcomeMatrix } from './outcome-matrix.ts';

/** Puts each of a matrix's tables of cells through the same: whatever rows or columns are taken, all of them must follow. */
export function mapCells(
  { costUsd, expected, latencyMs, propensity, quality }: OutcomeMatrix,
  map: (cells: Float32Array) => Float32Array,
): Omit<OutcomeMatrix, 'candidates' | 'prompts'> {
  return {
    quality: map(quality),
    costUsd: map(costUsd),
    latencyMs: map(latencyMs),
    propensity: map(propensity),
    ...(expected === undefined ? {} : { expected: map(expected) }),
  };
}
