import type { Matrix } from '../head/matrix.ts';
import type { MemberData } from '../learners/learner.ts';
import { pseudoOutcomes } from '../off-policy/pseudo-outcomes.ts';

/**
 * Member data in which every row has an outcome of every candidate: the doubly robust score of each cell, whose mean is
 * right when either the propensities or the expectations are (Dudík, Langford and Li 2011). What was learned from
 * complete tables can then be learned from a log, with more noise in each cell.
 *
 * @param expected differences to the candidates' means that a fit expects which did not see the row: `[rows, candidates]`
 * @param propensities of each observed cell: `[rows, candidates]`
 * @param clip inverse propensities above this are cut
 */
export function doublyRobustData(
  data: MemberData,
  expected: Matrix,
  propensities: ArrayLike<number>,
  clip: number,
): MemberData {
  const { residuals, prior } = data;
  const { rows, columns } = residuals;
  const scores = pseudoOutcomes({
    quality: residuals.values,
    propensities,
    expected: expected.values,
    clip,
  });
  // The candidates' means over all rows, and not only over those that each one answered.
  const shifts = new Float64Array(columns);
  for (let i = 0; i < scores.length; i++) shifts[i % columns] += scores[i] / rows;
  return {
    ...data,
    residuals: {
      ...residuals,
      values: Float32Array.from(scores, (score, i) => score - shifts[i % columns]),
    },
    weights: null,
    prior: prior.map((mean, c) => mean + shifts[c]),
  };
}
