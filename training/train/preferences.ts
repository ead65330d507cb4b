import { expectedScore, fieldScores, fitBradleyTerry } from '../fit/bradley-terry.ts';
import { clusteredMean, type Matrix } from '../fit/rows.ts';
import { squaredError, trainMeans } from '../learners/learner.ts';
import { comparisonsOf, isByPreference, type OutcomeMatrix } from '../outcomes/matrix.ts';
import { type LearnedQuality, weightedMeans } from './logged.ts';
import { fitTuned, tuneQuality } from './quality.ts';
import type { TrainingRun } from './training-run.ts';

/** What training made of comparisons. */
export interface PreferenceReport {
  /** Of the fit split. */
  readonly comparisons: number;
  /** Whether they are all that there is, and quality is the share of them won; else they teach beside scores. */
  readonly alone: boolean;
  /** Whether heads were learned from them: beside scores, only where they predict these no worse. */
  readonly used: boolean;
  /** Bradley and Terry's, whatever the prompt: logarithms with mean 0. */
  readonly strengths: Readonly<Record<string, number>>;
  /** Davidson's ν: how often equals tie, against how often one of them wins. */
  readonly ties: number;
}

/**
 * Where quality is by preference: the matrix with what each comparison says of a candidate against all others, and not against the one
 * that it met. Who met a strong one is not the worse for it: the score is raised by what Bradley and Terry's model, with ties, expects
 * more of the candidate against the field than against that opponent. So comparisons teach the same however pairs were drawn.
 *
 * @param rows prompts to learn from: only these are changed, and they alone tell strengths
 */
export function againstTheField(matrix: OutcomeMatrix, rows: Int32Array): OutcomeMatrix {
  const columns = matrix.candidates.length;
  if (!isByPreference(matrix) || columns < 3) return matrix;
  const compared = comparisonsOf(matrix, rows);
  const model = fitBradleyTerry(compared, columns);
  const field = fieldScores(model);
  const quality = matrix.quality.slice();
  for (const { a, b, first, second } of compared)
    for (const [cell, own, other] of [
      [first, a, b],
      [second, b, a],
    ])
      quality[cell] += field[own] - expectedScore(model, own, other);
  return { ...matrix, quality };
}

/** @returns null where nothing was compared */
export function describePreferences(run: TrainingRun, used: boolean): PreferenceReport | null {
  const { matrix, splits } = run;
  const compared = comparisonsOf(matrix, splits.fit.rows);
  if (compared.length === 0) return null;
  const { strengths, ties } = fitBradleyTerry(compared, matrix.candidates.length);
  const rounded = (x: number) => Number(x.toFixed(4));
  return {
    comparisons: compared.length,
    alone: isByPreference(matrix),
    used,
    strengths: Object.fromEntries(matrix.candidates.map((name, c) => [name, rounded(strengths[c])])),
    ties: rounded(ties),
  };
}

/** A preference is worth between a quarter and four times what it is where each answer is either good or bad. */
const MOST_WORTH = 4;

/** Of a normal distribution, so many standard deviations below the mean are 95 %. */
const SURELY = 1.645;

/** As many comparisons as hold the worth of a preference to 1, times the variance of what they are compared with. */
const PRIOR = 2;

/**
 * Learns from comparisons beside scores. What scores alone teach says what to expect of the opponent; a comparison then says of
 * a candidate: as good as that, and better or worse by what a preference is worth. How much that is, the slope of comparisons
 * on expected differences says, of candidates that both have scores: of others the difference is not known. Each counts as its
 * noise allows, and as half, for it speaks of two candidates.
 *
 * @returns what was learned from the scores, where comparisons make it predict scores worse; surely so, where a candidate has none
 */
export async function learnBesideScores(
  run: TrainingRun,
  learned: LearnedQuality,
): Promise<LearnedQuality & { readonly used: boolean }> {
  const { matrix, splits } = run;
  const { data, quality } = learned;
  const { residuals, candidateMeans } = data;
  const columns = matrix.candidates.length;
  const placeOf = new Map(Array.from(splits.fit.rows, (row, i) => [row, i]));
  const compared = comparisonsOf(matrix, splits.fit.rows).filter(({ first, second }) =>
    [first, second].every((cell) => Number.isNaN(matrix.quality[cell])),
  );
  if (isByPreference(matrix) || compared.length === 0) return { ...learned, used: isByPreference(matrix) };
  const known = quality.outOfFold.values;
  const pairs = compared.map((one) => {
    const from = placeOf.get(one.row)! * columns;
    const [a, b] = [from + one.a, from + one.b];
    const gap = candidateMeans[a % columns] + known[a] - candidateMeans[b % columns] - known[b];
    return { a, b, gap, preferred: 2 * one.won - 1 };
  });
  const scored = scoredColumns(residuals.values, columns);
  const judged = pairs.filter(({ a, b }) => scored.has(a % columns) && scored.has(b % columns));
  const products = judged.reduce((sum, { gap, preferred }) => sum + gap * preferred, PRIOR);
  const squares = judged.reduce((sum, { gap }) => sum + gap * gap, PRIOR);
  const worth = 1 / Math.min(MOST_WORTH, Math.max(1 / MOST_WORTH, products / squares));
  const noise = pairs.reduce((sum, { gap, preferred }) => sum + (worth * preferred - gap) ** 2, 0);
  const error = squaredError(quality.outOfFold, residuals, 'all', data.weights);
  const weight = Math.min(1, error / (2 * Math.max(noise / pairs.length, 1e-6)));

  const values = residuals.values.slice();
  const weights = data.weights?.slice() ?? new Float32Array(values.length).fill(1);
  for (const { a, b, preferred } of pairs)
    for (const [own, other, won] of [
      [a, b, preferred],
      [b, a, -preferred],
    ]) {
      const opponent = candidateMeans[other % columns] + known[other];
      values[own] = opponent + worth * won - candidateMeans[own % columns];
      weights[own] = weight;
    }
  const { means, centred } = centreUnscored(
    { ...residuals, values },
    weights,
    residuals.values,
    candidateMeans,
  );
  const levels = {
    candidateMeans: means,
    trainMeans: trainMeans(data).map((mean, c) => mean + means[c] - candidateMeans[c]),
  };
  const both = {
    ...data,
    ...levels,
    residuals: { ...residuals, values: centred },
    weights,
    logged: true,
  };
  const again = await fitTuned(both, await tuneQuality(both, run.config.heads, run.onStep), run.onStep);
  const worse = clusteredMean(
    Float64Array.from(
      residuals.values,
      (score, i) => (score - again.outOfFold.values[i]) ** 2 - (score - known[i]) ** 2,
    ),
    Array.from(residuals.values, (_, i) => run.groups[splits.fit.rows[Math.floor(i / columns)]]),
    data.weights,
  );
  // Of a candidate without a score nothing is known but by comparisons: they are left out only if they surely do harm.
  const used = worse.mean <= (scored.size < columns ? SURELY * worse.standardError : 0);
  return used ? { ...learned, data: { ...data, ...levels }, quality: again, used } : { ...learned, used };
}

/** A candidate without a score has the mean of what its comparisons say. */
function centreUnscored(
  said: Matrix,
  weights: Float32Array,
  scores: Float32Array,
  candidateMeans: readonly number[],
): { readonly means: number[]; readonly centred: Float32Array } {
  const { columns, values } = said;
  const scored = scoredColumns(scores, columns);
  const shifts = weightedMeans(said, weights).map((mean, c) => (scored.has(c) ? 0 : mean));
  return {
    means: candidateMeans.map((mean, c) => mean + shifts[c]),
    centred: values.map((value, i) => value - shifts[i % columns]),
  };
}

/** Candidates with a score. */
function scoredColumns(scores: Float32Array, columns: number): ReadonlySet<number> {
  const scored = new Set<number>();
  scores.forEach((score, i) => {
    if (!Number.isNaN(score)) scored.add(i % columns);
  });
  return scored;
}
