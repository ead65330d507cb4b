import type { OutcomeMatrix } from './outcome-matrix.ts';

/** Puts each of a matrix's tables of cells through the same: whatever rows or columns are taken, all of them must follow. */
export function mapCells(
  matrix: OutcomeMatrix,
  map: (cells: Float32Array) => Float32Array,
): Omit<OutcomeMatrix, 'candidates' | 'prompts'> {
  const { costUsd, expected, inputTokens, latencyMs, outputTokens, policy, propensity, quality } = matrix;
  return {
    quality: map(quality),
    costUsd: map(costUsd),
    latencyMs: map(latencyMs),
    propensity: map(propensity),
    ...(policy === undefined ? {} : { policy: map(policy) }),
    ...(inputTokens === undefined ? {} : { inputTokens: map(inputTokens) }),
    ...(outputTokens === undefined ? {} : { outputTokens: map(outputTokens) }),
    ...(expected === undefined ? {} : { expected: map(expected) }),
  };
}
