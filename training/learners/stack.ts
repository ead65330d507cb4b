import { argMax } from 'pointsman/internal';
import { createMatrix, FEWEST_GROUPS, type Matrix } from '../fit/rows.ts';
import { chooseShrinkage, fitStack } from '../fit/stack-weights.ts';
import {
  isFullyObserved,
  type LearnerData,
  splitDifficulty,
  type TunedLearner,
  trainMeans,
} from './learner.ts';

/** How the learners add up. */
export interface Stack {
  /** Weight of each learner's row means and of its differences to them, shrinkage included: `[learners]` */
  readonly difficulty: Float64Array;
  readonly advantage: Float64Array;
  /** How much of the differences is told from noise, 0 to 1: 0 is "no signal, use the best single". */
  readonly strength: number;
  /** How far they may be believed without harm, 0 to 1; see `guardStrength`. */
  readonly guard: number;
  /** What the stack says of each row by fits that did not see its fold: `[rows, candidates]` */
  readonly outOfFold: Matrix;
}

/** What a stack needs of a learner: what it says of rows that it has not seen. */
type Predicted = Pick<TunedLearner, 'outOfFold'>;

/**
 * Weighs learners by non-negative least squares on their out-of-fold predictions (Breiman 1996, "Stacked
 * regressions"), then shrinks the sum by how surely it says anything at all, difficulties and differences apart.
 */
export function stackLearners(learners: readonly Predicted[], data: LearnerData): Stack {
  const { residuals } = data;
  const parts = learners.map((learner) => splitDifficulty(learner.outOfFold));
  const difficulties = parts.map((part) => part.difficulty);
  const advantages = parts.map((part) => part.advantage);
  const { difficulty, advantage } = isFullyObserved(residuals)
    ? fitApart(difficulties, advantages, data)
    : fitTogether(difficulties, advantages, data);
  const guard = guardStrength(addUp(learners, difficulty.weights, advantage.weights, residuals), data);
  const guarded = advantage.weights.map((weight) => weight * guard);
  return {
    difficulty: difficulty.weights,
    advantage: guarded,
    strength: advantage.strength,
    guard,
    outOfFold: addUp(learners, difficulty.weights, guarded, residuals),
  };
}

/** One part of the sum, weighed and shrunk. */
interface FittedPart {
  readonly weights: Float64Array;
  readonly strength: number;
}

interface FittedParts {
  readonly difficulty: FittedPart;
  readonly advantage: FittedPart;
}

/** Rows with every outcome are in two parts themselves. */
function fitApart(
  difficulties: readonly Matrix[],
  advantages: readonly Matrix[],
  data: LearnerData,
): FittedParts {
  const truth = splitDifficulty(data.residuals);
  return {
    advantage: fitPart(advantages, truth.advantage, data),
    difficulty: fitPart(difficulties, truth.difficulty, data),
  };
}

/** Of rows with an outcome or two, learners alone can say what is difficulty and what is difference. */
function fitTogether(
  difficulties: readonly Matrix[],
  advantages: readonly Matrix[],
  data: LearnerData,
): FittedParts {
  const { residuals, weights, groups } = data;
  const fitted = fitStack([...difficulties, ...advantages], weighed(residuals, weights), 'squared').weights;
  const shrunk = (learners: readonly Matrix[], own: readonly number[], truth: Matrix): FittedPart => {
    const strength = shrinkage(sumOf(learners, own, truth), truth, weights, groups);
    return { weights: Float64Array.from(own, (weight) => weight * strength), strength };
  };
  const difficulty = shrunk(difficulties, fitted.slice(0, difficulties.length), residuals);
  const explained = sumOf(difficulties, difficulty.weights, residuals);
  const rest = { ...residuals, values: residuals.values.map((value, i) => value - explained.values[i]) };
  return { difficulty, advantage: shrunk(advantages, fitted.slice(difficulties.length), rest) };
}

function fitPart(learners: readonly Matrix[], truth: Matrix, { weights, groups }: LearnerData): FittedPart {
  const fitted = fitStack(learners, weighed(truth, weights), 'squared').weights;
  const strength = shrinkage(sumOf(learners, fitted, truth), truth, weights, groups);
  return { weights: Float64Array.from(fitted, (w) => w * strength), strength };
}

function weighed(targets: Matrix, weights: Float32Array | null) {
  return weights === null ? { targets } : { targets, weights };
}

function sumOf(learners: readonly Matrix[], weights: ArrayLike<number>, { rows, columns }: Matrix): Matrix {
  const sum = createMatrix(rows, columns);
  for (let i = 0; i < sum.values.length; i++)
    for (let j = 0; j < learners.length; j++) sum.values[i] += weights[j] * learners[j].values[i];
  return sum;
}

function addUp(
  learners: readonly Predicted[],
  difficulty: Float64Array,
  advantage: Float64Array,
  { rows, columns }: Matrix,
): Matrix {
  const sum = createMatrix(rows, columns);
  learners.forEach(({ outOfFold: { values } }, j) => {
    for (let row = 0; row < rows; row++) {
      const from = row * columns;
      let mean = 0;
      for (let c = 0; c < columns; c++) mean += values[from + c] / columns;
      for (let c = 0; c < columns; c++)
        sum.values[from + c] += difficulty[j] * mean + advantage[j] * (values[from + c] - mean);
    }
  });
  return sum;
}

/** Parts of the size that the outcomes give, the largest first. */
const PARTS = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];

/**
 * Leaving the best single candidate must have paid, out of fold, by more than its squared standard error times this: what it
 * pays is then above 0 in the mean of a posterior whose prior has so much less than 0 for a mean, in terms of its variance. -0.005 with
 * a standard deviation of 0.01, say. Few rows must show much (1.2 standard errors on some 250 prompts), many rows little.
 * Chosen on half of the sets of `bench/small.ts`: bench/experiments.md.
 */
const DOUBT = 50;

/** What is learned from a log is believed at the lower end of so many standard errors. */
const LOGGED_STANDARD_ERRORS = 1;

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
export function guardStrength(differences: Matrix, data: LearnerData): number {
  const means = trainMeans(data);
  const { rows, columns } = data.residuals;
  const scores = createMatrix(rows, columns);
  for (let i = 0; i < scores.values.length; i++)
    scores.values[i] = means[i % columns] + differences.values[i];
  const proven = data.logged ? loggedStrength(differences, data) : provenStrength(scores, differences, data);
  if (proven > 0) return proven;
  const harmless = PARTS.find((strength) => leavingShare(scores, means, strength) <= HARMLESS_SHARE);
  return harmless ?? harmlessBelow(scores, means);
}

/** The size that the outcomes give, or the largest part of it at which leaving best single has paid; 0: at none. */
function provenStrength(scores: Matrix, differences: Matrix, data: LearnerData): number {
  const { groups, candidateMeans, residuals } = data;
  const size = Math.min(1, differenceSlope(differences, data)?.slope ?? 0);
  if (!(size > 0)) return 0;
  const { columns, values } = residuals;
  const quality = { ...residuals, values: values.map((x, i) => candidateMeans[i % columns] + x) };
  const options = { standardErrors: 0, groups };
  for (const part of PARTS) {
    const strengths = [part * size];
    const { gain, standardError } = chooseShrinkage(scores, trainMeans(data), quality, {
      ...options,
      strengths,
    });
    if (gain > DOUBT * standardError ** 2) return strengths[0];
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
function loggedStrength(differences: Matrix, data: LearnerData): number {
  const found = differenceSlope(differences, data);
  if (found === null) return 1;
  return Math.min(1, Math.max(0, found.slope - LOGGED_STANDARD_ERRORS * found.standardError));
}

/** Share of rows on which the shrunk scores choose another candidate than the best single one. */
function leavingShare(
  { rows, columns, values }: Matrix,
  candidateMeans: readonly number[],
  strength: number,
): number {
  const single = argMax(candidateMeans);
  const shrunk = new Float64Array(columns);
  let leaving = 0;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < columns; c++)
      shrunk[c] = candidateMeans[c] + strength * (values[row * columns + c] - candidateMeans[c]);
    if (argMax(shrunk) !== single) leaving++;
  }
  return leaving / rows;
}

/** Candidates that tie from the start need the differences smaller yet. */
function harmlessBelow(scores: Matrix, candidateMeans: readonly number[]): number {
  for (let strength = 0.05; strength > 1e-3; strength /= 2)
    if (leavingShare(scores, candidateMeans, strength) <= HARMLESS_SHARE) return strength;
  return 0;
}

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
export function differenceSlope(differences: Matrix, data: LearnerData): DifferenceSlope | null {
  const contenders = contending(differences, trainMeans(data));
  if (contenders.length < 2) return null;
  const { residuals, weights, groups } = data;
  const { rows, columns, values } = residuals;
  const scores = new Map<number, { product: number; square: number }>();
  let [products, squares] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    const difficulty = meanOf(differences.values, from, contenders);
    const own = meanOf(values, from, contenders);
    const base = Number.isNaN(own) ? difficulty : own;
    for (const c of contenders) {
      const i = from + c;
      if (Number.isNaN(values[i])) continue;
      const weight = weights === null ? 1 : weights[i];
      const difference = differences.values[i] - difficulty;
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
function contending({ rows, columns, values }: Matrix, candidateMeans: readonly number[]): number[] {
  const chosen = new Float64Array(columns);
  const scores = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < columns; c++) scores[c] = candidateMeans[c] + values[row * columns + c];
    chosen[argMax(scores)]++;
  }
  const single = argMax(candidateMeans);
  return candidateMeans
    .map((_, c) => c)
    .filter((c) => c === single || chosen[c] >= Math.max(1, CONTENDING_SHARE * rows));
}

function meanOf(values: Float32Array, from: number, candidates: readonly number[]): number {
  let sum = 0;
  for (const c of candidates) sum += values[from + c];
  return sum / candidates.length;
}

/** Predictions less sure than this many standard errors are noise: the strength is 0. */
const NOISE = 2;

/**
 * How much of out-of-fold predictions to keep: the positive part of 1 - (NOISE / t)², t being how many standard
 * errors the slope of the truth on the predictions is above 0 (after James and Stein 1961). Clear signals are left
 * alone, weak ones are held back, and what cannot be told from noise gives exactly 0; so does what fewer than
 * `FEWEST_GROUPS` near-duplicate groups say.
 *
 * @param predictions `[rows, outputs]`, out of fold
 * @param truth `[rows, outputs]`, NaN: unobserved
 * @param groups near-duplicate group of each row: these are independent; rows of one, and outputs of a row, need not be
 */
export function shrinkage(
  predictions: Matrix,
  truth: Matrix,
  weights: Float32Array | null,
  groups: ArrayLike<number>,
): number {
  const { columns } = truth;
  let products = 0;
  let squares = 0;
  for (let i = 0; i < truth.values.length; i++) {
    if (Number.isNaN(truth.values[i])) continue;
    const weight = weights === null ? 1 : weights[i];
    products += weight * predictions.values[i] * truth.values[i];
    squares += weight * predictions.values[i] ** 2;
  }
  if (!(squares > 0) || !(products > 0)) return 0;
  const slope = products / squares;
  // Sandwich variance, one cluster a group (White 1980; Liang and Zeger 1986).
  const scores = new Map<number, number>();
  for (let i = 0; i < truth.values.length; i++) {
    if (Number.isNaN(truth.values[i])) continue;
    const weight = weights === null ? 1 : weights[i];
    const score = weight * predictions.values[i] * (truth.values[i] - slope * predictions.values[i]);
    const group = groups[Math.floor(i / columns)];
    scores.set(group, (scores.get(group) ?? 0) + score);
  }
  if (scores.size < FEWEST_GROUPS) return 0;
  let variance = 0;
  for (const score of scores.values()) variance += score * score;
  const t = products / Math.sqrt((variance * scores.size) / (scores.size - 1));
  return Math.max(0, 1 - (NOISE / t) ** 2);
}
