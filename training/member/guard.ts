import { argMax } from 'pointsman/math';
import { chooseShrinkage, createMatrix, type Matrix } from '../head/index.ts';
import { loggedStrength } from './logged-guard.ts';
import type { MemberData } from './member.ts';

const STRENGTHS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
/** Leaving the best single candidate must have paid by this many standard errors, out of fold. */
const STANDARD_ERRORS = 1;
/** Of prompts: a router that leaves the best single candidate on fewer is, for quality, the best single candidate. */
const HARMLESS_SHARE = 0.005;

/**
 * First, do no harm: how far the candidates' differences may be believed, so that choosing by quality alone is not
 * worse than always choosing the best single candidate. Where leaving it cannot be shown to pay, differences
 * shrink until they (almost) never leave it; they still rank prompts by how little a cheaper candidate would lose.
 *
 * @param differences out-of-fold, `[rows, candidates]`, as differences to the candidates' means
 */
export function guardStrength(differences: Matrix, data: MemberData): number {
  const { prior, residuals, groups } = data;
  const { rows, columns } = residuals;
  const scores = createMatrix(rows, columns);
  const quality = createMatrix(rows, columns);
  for (let i = 0; i < scores.values.length; i++) {
    scores.values[i] = prior[i % columns] + differences.values[i];
    quality.values[i] = prior[i % columns] + residuals.values[i];
  }
  const proven = data.logged
    ? loggedStrength(differences, data)
    : chooseShrinkage(scores, prior, quality, {
        strengths: STRENGTHS,
        standardErrors: STANDARD_ERRORS,
        groups,
      }).strength;
  if (proven > 0) return proven;
  const harmless = STRENGTHS.filter((strength) => leavingShare(scores, prior, strength) <= HARMLESS_SHARE);
  return harmless.at(-1) ?? harmlessBelow(scores, prior);
}

/** Share of rows on which the shrunk scores choose another candidate than the best single one. */
function leavingShare({ rows, columns, values }: Matrix, prior: readonly number[], strength: number): number {
  const single = argMax(prior);
  const shrunk = new Float64Array(columns);
  let leaving = 0;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < columns; c++)
      shrunk[c] = prior[c] + strength * (values[row * columns + c] - prior[c]);
    if (argMax(shrunk) !== single) leaving++;
  }
  return leaving / rows;
}

/** Candidates that tie from the start need the differences smaller yet. */
function harmlessBelow(scores: Matrix, prior: readonly number[]): number {
  for (let strength = STRENGTHS[0] / 2; strength > 1e-3; strength /= 2)
    if (leavingShare(scores, prior, strength) <= HARMLESS_SHARE) return strength;
  return 0;
}
