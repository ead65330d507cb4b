import { argMax } from 'pointsman/math';
import { FEWEST_GROUPS } from '../fit/rows.ts';
import type { Matrix } from '../head/matrix.ts';
import type { MemberData } from '../learners/learner.ts';

/** A candidate in contention is chosen for at least this share of the rows, or is the best single one. */
const CONTENDING_SHARE = 0.01;

/** How much better a candidate is for each point that the differences say it is. */
interface DifferenceSlope {
  readonly slope: number;
  readonly standardError: number;
}

/**
 * Regression of the outcomes' differences on those that were predicted, among candidates in contention: 1 where they are
 * exactly right, 1/2 where they are twice too large. A row is compared with itself where all contenders were seen, else with
 * what is expected of it. Null where one candidate alone is in contention; 0 on fewer than `FEWEST_GROUPS` near-duplicate groups.
 *
 * @param differences out-of-fold, `[rows, candidates]`, as differences to the candidates' means
 */
export function differenceSlope(differences: Matrix, data: MemberData): DifferenceSlope | null {
  const contenders = contending(differences, data.prior);
  if (contenders.length < 2) return null;
  const { residuals, weights, groups } = data;
  const { rows, columns, values } = residuals;
  const scores = new Map<number, { product: number; square: number }>();
  let [products, squares] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    const level = meanOf(differences.values, from, contenders);
    const own = meanOf(values, from, contenders);
    const base = Number.isNaN(own) ? level : own;
    for (const c of contenders) {
      const i = from + c;
      if (Number.isNaN(values[i])) continue;
      const weight = weights === null ? 1 : weights[i];
      const difference = differences.values[i] - level;
      const product = weight * difference * (values[i] - base);
      const square = weight * difference * difference;
      const group = scores.get(groups[row]) ?? { product: 0, square: 0 };
      scores.set(groups[row], { product: group.product + product, square: group.square + square });
      products += product;
      squares += square;
    }
  }
  if (!(squares > 0) || scores.size < FEWEST_GROUPS) return { slope: 0, standardError: 0 };
  const slope = products / squares;
  // Sandwich variance, one cluster a group (White 1980; Liang and Zeger 1986).
  let variance = 0;
  for (const { product, square } of scores.values()) variance += (product - slope * square) ** 2;
  variance *= scores.size / (scores.size - 1);
  return { slope, standardError: Math.sqrt(variance) / squares };
}

/** The best single candidate, and whoever the differences choose on more than a few rows. */
function contending({ rows, columns, values }: Matrix, prior: readonly number[]): number[] {
  const chosen = new Float64Array(columns);
  const scores = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < columns; c++) scores[c] = prior[c] + values[row * columns + c];
    chosen[argMax(scores)]++;
  }
  const single = argMax(prior);
  return prior
    .map((_, c) => c)
    .filter((c) => c === single || chosen[c] >= Math.max(1, CONTENDING_SHARE * rows));
}

function meanOf(values: Float32Array, from: number, candidates: readonly number[]): number {
  let sum = 0;
  for (const c of candidates) sum += values[from + c];
  return sum / candidates.length;
}
