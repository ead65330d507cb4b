import { argMax } from 'pointsman/math';
import { chooseShrinkage } from '../head/choose-shrinkage.ts';
import { createMatrix, type Matrix } from '../head/matrix.ts';
import type { MemberData } from '../learners/learner.ts';
import { differenceSlope } from './difference-slope.ts';

/** Parts of the size that the outcomes give, the largest first. */
const PARTS = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];

/** Leaving the best single candidate must have paid by this many standard errors, out of fold. */
const STANDARD_ERRORS = 1;

/** Of prompts: a router that leaves the best single candidate on fewer is, for quality, the best single candidate. */
const HARMLESS_SHARE = 0.005;

/**
 * First, do no harm: how far the candidates' differences may be believed, so that choosing by quality alone is not
 * worse than always choosing the best single candidate.
 *
 * Two questions, as what is chosen hardly depends on how large differences are where candidates are about equal.
 * *Whether* to leave the best single candidate is decided by value: it must have paid. *How large* differences are is what the
 * outcomes say: the slope of those on these. Where it did not pay at that size, the largest part of it at which it did is
 * taken; and where it paid at none, differences shrink until they (almost) never leave it. They still rank prompts by how
 * little a cheaper candidate would lose.
 *
 * @param differences out-of-fold, `[rows, candidates]`, as differences to the candidates' means
 */
export function guardStrength(differences: Matrix, data: MemberData): number {
  const { prior, residuals } = data;
  const { rows, columns } = residuals;
  const scores = createMatrix(rows, columns);
  for (let i = 0; i < scores.values.length; i++)
    scores.values[i] = prior[i % columns] + differences.values[i];
  const proven = data.logged ? loggedStrength(differences, data) : provenStrength(scores, differences, data);
  if (proven > 0) return proven;
  const harmless = PARTS.find((strength) => leavingShare(scores, prior, strength) <= HARMLESS_SHARE);
  return harmless ?? harmlessBelow(scores, prior);
}

/** The size that the outcomes give, or the largest part of it at which leaving best single has paid; 0: at none. */
function provenStrength(scores: Matrix, differences: Matrix, data: MemberData): number {
  const { groups, prior, residuals } = data;
  const size = Math.min(1, differenceSlope(differences, data)?.slope ?? 0);
  if (!(size > 0)) return 0;
  const { columns, values } = residuals;
  const quality = { ...residuals, values: values.map((x, i) => prior[i % columns] + x) };
  const options = { standardErrors: STANDARD_ERRORS, groups };
  for (const part of PARTS) {
    const strengths = [part * size];
    if (chooseShrinkage(scores, prior, quality, { ...options, strengths }).strength > 0) return strengths[0];
  }
  return 0;
}

/**
 * How far differences learned from a log may be believed. What leaving the best single candidate paid cannot be read
 * off row by row, as a log holds the outcome of both on few rows or none; summing inverse propensities over those that
 * agree leaves an error several times the gain. So the question is put to every outcome of a candidate in contention:
 * by how much it is better, for each point that the differences among contenders say it is. The lower end of that
 * slope, one standard error below it, is the strength: at the slope b, choosing by the means plus b times the differences
 * gains most, and gains something or nothing.
 */
function loggedStrength(differences: Matrix, data: MemberData): number {
  const found = differenceSlope(differences, data);
  if (found === null) return 1;
  return Math.min(1, Math.max(0, found.slope - STANDARD_ERRORS * found.standardError));
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
  for (let strength = 0.05; strength > 1e-3; strength /= 2)
    if (leavingShare(scores, prior, strength) <= HARMLESS_SHARE) return strength;
  return 0;
}
