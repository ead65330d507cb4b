import { argMax } from 'pointsman/math';
import type { Matrix } from '../head/index.ts';
import type { MemberData } from './member.ts';

/** The slope is believed less this many of its standard errors. */
const STANDARD_ERRORS = 1;
/** A candidate in contention is chosen for at least this share of the rows, or is the best single one. */
const CONTENDING_SHARE = 0.01;

/**
 * How far differences learned from a log may be believed. What leaving the best single candidate paid cannot be read
 * off row by row, as a log holds the outcome of both on few rows or none; summing inverse propensities over those that
 * agree leaves an error several times the gain. So the question is put to every outcome of a candidate in contention:
 * by how much it is better, for each point that the differences among contenders say it is. The lower end of that
 * slope is the strength.
 *
 * It is the strength of the greatest lower bound: at the slope b, choosing by the means plus b times the differences
 * gains most, and gains something or nothing.
 *
 * @param differences out-of-fold, `[rows, candidates]`, as differences to the candidates' means
 * @returns 0 to 1
 */
export function loggedStrength(differences: Matrix, data: MemberData): number {
  const contenders = contending(differences, data.prior);
  if (contenders.length < 2) return 1;
  const { residuals, weights, groups } = data;
  const { rows, columns, values } = residuals;
  const scores = new Map<number, { product: number; square: number }>();
  let [products, squares] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    const level = meanOf(differences.values, from, contenders);
    // Where all of them were seen the row is compared with itself, else with what is expected of it.
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
  if (!(squares > 0)) return 0;
  const slope = products / squares;
  // Sandwich variance, one cluster a group (White 1980; Liang and Zeger 1986).
  let variance = 0;
  for (const { product, square } of scores.values()) variance += (product - slope * square) ** 2;
  return Math.min(1, Math.max(0, slope - (STANDARD_ERRORS * Math.sqrt(variance)) / squares));
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
