import { HIGHEST_WEIGHT } from './clip-weights.ts';
import { type LoggedTable, type TargetPolicy, targetShare } from './logged-table.ts';

/**
 * How much each observed cell counts for a policy: the probability that the policy takes it over the probability that
 * the log did, the inverse propensity cut at `clip`. 0 where nothing was observed. Without cutting, their mean over
 * rows is 1 in expectation if the log could have held every choice of the policy.
 * @returns `[rows, candidates]`
 */
export function policyWeights(
  { candidates, quality, propensities }: Pick<LoggedTable, 'candidates' | 'quality' | 'propensities'>,
  policy: TargetPolicy,
  clip = HIGHEST_WEIGHT,
): Float64Array {
  return Float64Array.from(quality, (value, cell) => {
    if (Number.isNaN(value)) return 0;
    const candidate = cell % candidates;
    const share = targetShare(policy, (cell - candidate) / candidates, candidate);
    return share === 0 ? 0 : share * Math.min(1 / propensities[cell], clip);
  });
}

/** Sums over the candidates of each row. @param cells `[rows, candidates]` @returns `[rows]` */
export function rowSums(cells: Float64Array, candidates: number): Float64Array {
  const sums = new Float64Array(cells.length / candidates);
  cells.forEach((value, cell) => {
    sums[(cell - (cell % candidates)) / candidates] += value;
  });
  return sums;
}
