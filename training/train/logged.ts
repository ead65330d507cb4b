import type { TrainConfig } from '../config.ts';
import type { Matrix } from '../fit/rows.ts';
import type { LearnerData } from '../learners/learner.ts';
import { clipWeights, effectiveSampleSize, highestWeight } from '../off-policy/estimate.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import { pseudoOutcomes } from '../off-policy/score-interval.ts';
import { takeCells } from '../outcomes/matrix.ts';
import { formatPercent, formatSample, plural } from '../words.ts';
import { fitTuned, type LearnedQuality, type TunedQuality, tuneQuality, weightedMeans } from './quality.ts';
import { learnerData, type TrainingRun } from './training-run.ts';

/**
 * Fits the quality heads, to a log as a log.
 * @returns and how the traffic was learned from where a policy chose what was seen; null where it was not
 */
export async function learnQuality(
  run: TrainingRun,
): Promise<LearnedQuality & { readonly log: LogReport | null }> {
  const { config, matrix, onStep, propensities, splits } = run;
  const data = learnerData(run);
  if (propensities === null || (!data.logged && config.offPolicy.weights === 'auto')) {
    const quality = await fitTuned(data, await tuneQuality(data, config.heads, onStep), onStep);
    return { data, quality, log: null };
  }
  const clip =
    config.offPolicy.clip ?? highestWeight(propensities.values, propensities.source, propensities.policy);
  const weights = logWeights(propensities, splits.fit.rows, matrix.candidates.length, clip);
  return fitLoggedQuality({ ...run, propensities }, data, weights);
}

/** Weights are used where, without them, qualities are off by more than this, in standard errors. */
const TOLERATED = 2.33;

/**
 * Fits the quality heads to a log. Unless told otherwise all outcomes count alike: what decided who answers is in the
 * prompt, and so is what the heads are fitted on. Where inverse propensities show that it was not, they are used.
 */
export async function fitLoggedQuality(
  {
    config,
    onStep,
    propensities,
  }: Pick<TrainingRun, 'config' | 'onStep'> & {
    readonly propensities: LoggingPropensities;
  },
  data: LearnerData,
  weights: LogWeights,
): Promise<LearnedQuality & { readonly log: LogReport }> {
  const finish = async (used: LearnerData, method: LogMethod, reason: string, tuned?: TunedQuality) => ({
    data: used,
    quality: await fitTuned(used, tuned ?? (await tuneQuality(used, config.heads, onStep)), onStep),
    log: logReport(method, reason, weights, propensities),
  });
  const asked = config.offPolicy.weights;
  // Learner data come with weights where they hold what a router in use expects, and only there.
  if (data.weights !== null) return finish(data, 'anchored', IN_USE);
  if (asked === 'ipw') return finish(inverselyWeighted(data, weights), 'ipw', ASKED);
  const tuned = await tuneQuality(data, config.heads, onStep);
  const expected = tuned.stack.outOfFold;
  if (asked === 'doublyRobust') {
    const scores = doublyRobustData(data, expected, weights.propensities, weights.clip);
    return finish(scores, 'doublyRobust', ASKED);
  }
  if (asked === 'none') return finish(data, 'none', ASKED, tuned);
  const off = disagreement(data, expected, weights.inverse);
  if (off <= TOLERATED) return finish(data, 'none', ALIKE, tuned);
  return finish(inverselyWeighted(data, weights), 'ipw', apart(off));
}

const ASKED = 'The config asks for it.';
const IN_USE = 'A log of what a router chose says too little of the other choices to be learned from alone.';
const ALIKE =
  'Inverse propensity weights are not used: qualities with and without them do not differ significantly, and the variance ' +
  'is lower without.';

function apart(off: number): string {
  return (
    `Inverse propensity weights are used: qualities with and without them differ significantly, by ${off.toFixed(1)} standard errors: ` +
    'which candidate answered a prompt depended on more than the heads can see of it.'
  );
}

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
  { residuals, groups }: Pick<LearnerData, 'residuals' | 'groups'>,
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
  data: LearnerData,
  expected: Matrix,
  propensities: ArrayLike<number>,
  clip: number,
): LearnerData {
  const { residuals, candidateMeans } = data;
  const { columns } = residuals;
  const scores = pseudoOutcomes({
    quality: residuals.values,
    propensities,
    expected: expected.values,
    clip,
  });
  // The candidates' means over all rows, and not only over those that each one answered.
  const weightOf = (cell: number) => data.importance?.[cell] ?? 1;
  const totals = new Float64Array(columns);
  for (let i = 0; i < scores.length; i++) totals[i % columns] += weightOf(i);
  const shifts = new Float64Array(columns);
  for (let i = 0; i < scores.length; i++)
    shifts[i % columns] += (weightOf(i) * scores[i]) / totals[i % columns];
  const means = candidateMeans.map((mean, c) => mean + shifts[c]);
  return {
    ...data,
    residuals: {
      ...residuals,
      values: Float32Array.from(scores, (score, i) => score - shifts[i % columns]),
    },
    weights: null,
    candidateMeans: means,
    trainMeans: means,
  };
}

/**
 * How a log is learned from: all outcomes alike, weighed, filled up with doubly robust scores, or held to what the router
 * expects that is in use.
 */
type LogMethod = Exclude<TrainConfig['offPolicy']['weights'], 'auto'> | 'anchored';

/** What training says of traffic in which a policy chose what was seen. */
export interface LogReport {
  readonly method: LogMethod;
  /** What was learned from and how, in a sentence. */
  readonly summary: string;
  /** Why so, in a sentence. */
  readonly reason: string;
  readonly propensities: LoggingPropensities['source'];
  /** What must hold for them to be right, in a sentence. */
  readonly assumption: string;
  /** Quality scores of the fit split. */
  readonly outcomes: number;
  /** How many outcomes of equal weight say as much as these do weighed by inverse propensity. */
  readonly effectiveOutcomes: number;
  /** Inverse propensities above this are cut. */
  readonly clip: number;
  readonly clippedShare: number;
}

const HOW: Readonly<Record<LogMethod, string>> = {
  none: 'all of them alike',
  ipw: 'weighed by inverse propensity',
  doublyRobust: 'filled up with doubly robust scores',
  anchored: 'held to what the router in use expects',
};

function logReport(
  method: LogMethod,
  reason: string,
  { outcomes, effectiveOutcomes, clip, clippedShare }: LogWeights,
  { source, assumption }: LoggingPropensities,
): LogReport {
  const cut = clippedShare > 0 ? `, ${formatPercent(clippedShare)} of them cut at ${clip}` : '';
  return {
    method,
    summary:
      `${plural(outcomes, 'outcome')} of a log that holds some candidates of each prompt, ${HOW[method]}; by inverse ` +
      `propensity (${source}${cut}) their effective sample size is ${formatSample(effectiveOutcomes)}.`,
    reason,
    propensities: source,
    assumption,
    outcomes,
    effectiveOutcomes,
    clip,
    clippedShare,
  };
}

/** How the outcomes of a log are to be weighed. Rows are those of the split they are for. */
export interface LogWeights {
  /** Inverse propensities, cut, and with mean 1 over what was observed; 0: unobserved. `[rows, candidates]` */
  readonly inverse: Float32Array;
  /** NaN: unobserved. `[rows, candidates]` */
  readonly propensities: Float64Array;
  readonly outcomes: number;
  /** How many outcomes of equal weight say as much as these (Kish 1965). */
  readonly effectiveOutcomes: number;
  /** Inverse propensities above this were cut. */
  readonly clip: number;
  /** Share of the outcomes whose weight was cut, 0 to 1. */
  readonly clippedShare: number;
}

/**
 * Inverse propensities of the outcomes of the named rows.
 *
 * @param candidates how many there are
 * @param clip inverse propensities above this are cut
 */
export function logWeights(
  { values }: Pick<LoggingPropensities, 'values'>,
  rows: Int32Array,
  candidates: number,
  clip: number,
): LogWeights {
  const propensities = takeCells(values, candidates, rows);
  const { weights, clippedShare } = clipWeights(
    propensities.map((propensity) => (Number.isNaN(propensity) ? 0 : 1 / propensity)),
    clip,
  );
  const outcomes = weights.filter((weight) => weight > 0).length;
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / Math.max(1, outcomes);
  return {
    inverse: Float32Array.from(weights, (weight) => (mean > 0 ? weight / mean : 0)),
    propensities,
    outcomes,
    effectiveOutcomes: effectiveSampleSize(weights),
    clip,
    clippedShare,
  };
}

/**
 * Member data weighed by inverse propensity: each candidate is learned as if it had answered all prompts and not those
 * that it was given (Horvitz and Thompson 1952), its mean included.
 */
export function inverselyWeighted(data: LearnerData, { inverse }: LogWeights): LearnerData {
  const { residuals } = data;
  const { columns, values } = residuals;
  const { importance } = data;
  const shifts = weightedMeans(residuals, importance ? inverse.map((x, i) => x * importance[i]) : inverse);
  const means = data.candidateMeans.map((mean, c) => mean + shifts[c]);
  return {
    ...data,
    residuals: { ...residuals, values: values.map((value, i) => value - shifts[i % columns]) },
    weights: inverse,
    candidateMeans: means,
    trainMeans: means,
  };
}
