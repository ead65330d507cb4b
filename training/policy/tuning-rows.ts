import { InvalidInputError } from 'pointsman';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

/** What is known of prompts: outcomes, and what the router says of them. */
export interface TuningRows {
  /** How many candidates a row of the arrays has. */
  readonly columns: number;
  readonly quality: Float32Array; // [rows, candidates], NaN: unobserved
  readonly costUsd: Float32Array; // [rows, candidates]
  /** What is held against the thresholds: calibrated success, or the score of the answer that was given. */
  readonly success: Float32Array; // [rows, candidates]
  /** Near-duplicate group of each row: rows of one count as one draw. */
  readonly groups: Int32Array; // [rows]
}

/**
 * The rows on which every one of these candidates was observed.
 *
 * @param success calibrated success of each row, `[rows, candidates]`
 * @param groups near-duplicate group of each prompt of the matrix
 * @throws InvalidInputError when there are fewer than `least`
 */
export function tuningRows(
  matrix: Pick<OutcomeMatrix, 'quality' | 'costUsd' | 'candidates'>,
  rows: Int32Array,
  success: Float32Array,
  candidates: readonly number[],
  groups: Int32Array,
  { least = 50 }: { readonly least?: number } = {},
): TuningRows {
  const columns = matrix.candidates.length;
  const kept: number[] = [];
  rows.forEach((row, i) => {
    if (candidates.every((c) => !Number.isNaN(matrix.quality[row * columns + c]))) kept.push(i);
  });
  if (kept.length < least) {
    throw new InvalidInputError(
      `Tuning needs ${least} prompts on which ${candidates.map((c) => matrix.candidates[c]).join(' and ')} were all ` +
        `observed. Got ${kept.length}. Collect answers of all of them for some prompts.`,
    );
  }
  const gather = (values: Float32Array, at: (i: number) => number) => {
    const out = new Float32Array(kept.length * columns);
    kept.forEach((i, k) => {
      out.set(values.subarray(at(i) * columns, (at(i) + 1) * columns), k * columns);
    });
    return out;
  };
  return {
    columns,
    quality: gather(matrix.quality, (i) => rows[i]),
    costUsd: gather(matrix.costUsd, (i) => rows[i]),
    success: gather(success, (i) => i),
    groups: Int32Array.from(kept, (i) => groups[rows[i]]),
  };
}
