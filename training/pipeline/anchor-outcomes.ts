import type { Matrix } from '../head/matrix.ts';

/** Outcomes with as much of an expectation in every cell. */
interface AnchoredOutcomes {
  readonly quality: Matrix; // [rows, candidates]
  /** How many outcomes each cell counts for: `memory` where none was seen, 1 + `memory` where one was. */
  readonly weights: Float32Array; // [rows, candidates]
}

/**
 * Holds what is learned from a log to what a router knows that serves already. Its log is nearly all of its own choices: learned
 * from alone, each candidate looks as good everywhere as where it was chosen, and what was known of it elsewhere is
 * forgotten. So every cell has, beside its outcome or in place of one, a share of an outcome of what that router expects
 * (Li and Hoiem 2016, "Learning without forgetting"; the share is a prior's number of pseudo-observations).
 *
 * @param quality NaN: unobserved @param expected as `quality`; a cell of neither stays NaN, with a weight of 0
 * @param memory how much of an outcome an expectation counts for
 */
export function anchorOutcomes(quality: Matrix, expected: Matrix, memory: number): AnchoredOutcomes {
  const values = new Float32Array(quality.values.length);
  const weights = new Float32Array(quality.values.length);
  for (let i = 0; i < values.length; i++) {
    const [seen, known] = [quality.values[i], expected.values[i]];
    const [seenWeight, knownWeight] = [Number.isNaN(seen) ? 0 : 1, Number.isNaN(known) ? 0 : memory];
    weights[i] = seenWeight + knownWeight;
    const sum = (seenWeight && seen) + (knownWeight && knownWeight * known);
    values[i] = weights[i] > 0 ? sum / weights[i] : Number.NaN;
  }
  return { quality: { ...quality, values }, weights };
}
