import type { Matrix } from '../head/matrix.ts';
import type { MemberData } from '../learners/learner.ts';

/**
 * By how many standard errors candidates' mean qualities, as expected without weights, are off when outcomes are
 * weighed by inverse propensity. Both are right when all that decided who answers can be seen in the features; weights
 * alone are right when it cannot (the idea of Hausman 1978). The candidates' squared z-scores add up to a chi-square,
 * which is put on the scale of a normal variable (Wilson and Hilferty 1931).
 *
 * @param expected differences to the candidates' means, by a fit that did not see the row: `[rows, candidates]`
 * @param weights inverse propensities: `[rows, candidates]`
 */
export function disagreement(
  { residuals, groups }: Pick<MemberData, 'residuals' | 'groups'>,
  expected: Matrix,
  weights: Float32Array,
): number {
  const { rows, columns, values } = residuals;
  let statistic = 0;
  let degrees = 0;
  for (let c = 0; c < columns; c++) {
    const seen = Array.from({ length: rows }, (_, row) => row).filter(
      (row) => !Number.isNaN(values[row * columns + c]),
    );
    const errors = seen.map((row) => values[row * columns + c] - expected.values[row * columns + c]);
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    // Near-duplicates count as one.
    const sums = new Map<number, number>();
    errors.forEach((error, i) => {
      const weighted = weights[seen[i] * columns + c] * (error - mean);
      sums.set(groups[seen[i]], (sums.get(groups[seen[i]]) ?? 0) + weighted);
    });
    const total = [...sums.values()].reduce((sum, value) => sum + value, 0);
    const squares = [...sums.values()].reduce((sum, value) => sum + value * value, 0);
    if (sums.size < 2 || !(squares > 0)) continue;
    statistic += (total * total) / squares;
    degrees++;
  }
  if (degrees === 0) return 0;
  const spread = 2 / (9 * degrees);
  return (Math.cbrt(statistic / degrees) - (1 - spread)) / Math.sqrt(spread);
}
