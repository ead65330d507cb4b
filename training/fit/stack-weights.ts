import { InvalidInputError } from 'pointsman';
import { argMax } from 'pointsman/internal';
import { type FitData, type Loss, residualsInto, targetWeights, weightedMeanLoss } from './loss.ts';
import { clusteredMean, FEWEST_GROUPS, type Matrix } from './rows.ts';

interface StackFit {
  /** One a member, >= 0, on the scale of the members' outputs. */
  readonly weights: readonly number[];
  /** Mean loss of the stack on the rows it was fitted on. */
  readonly loss: number;
}

/**
 * Weights >= 0 for which offset + sum of weight times member has the least loss. Members must be OUT-OF-FOLD
 * predictions: a member that saw a row would be believed too much on it. Convex; each step minimises an upper bound
 * of the loss exactly, so it never rises.
 * @param members each `[rows, outputs]`
 * @param offset added to every row. `[outputs]` @default 0
 */
export function fitStack(
  members: readonly Matrix[],
  data: Omit<FitData, 'features'>,
  loss: Loss,
  offset: ArrayLike<number> = new Float64Array(data.targets.columns),
): StackFit {
  const { rows, columns, values } = data.targets;
  if (members.length === 0 || members.some((m) => m.rows !== rows || m.columns !== columns)) {
    throw new InvalidInputError(
      `\`members\` of fitStack must be [${rows}, ${columns}] each, at least one. Got ${members.length}.`,
    );
  }
  const cells = targetWeights(data, loss);
  const bounds = curvatureBounds(members, cells, bend[loss]);
  const weights = new Float64Array(members.length).fill(1 / members.length);
  const logits = new Float32Array(cells.length);
  const slopes = new Float32Array(cells.length);
  for (let step = 0; step < 200; step++) {
    combine(members, weights, offset, logits);
    residualsInto(loss, { rows, outputs: columns, logits, targets: values, weights: cells }, slopes);
    const gradient = members.map((member) => againstByOutput(member, slopes));
    if (descendWithin(bounds, gradient, weights) < 1e-7) break;
  }
  combine(members, weights, offset, logits);
  return { weights: [...weights], loss: weightedMeanLoss(loss, logits, data.targets, cells) };
}

/** The most a loss can bend, by logit (Böhning 1992 for softmax). */
const bend: Record<Loss, number> = { softmax: 0.5, sigmoid: 0.25, squared: 1 };

function combine(
  members: readonly Matrix[],
  weights: Float64Array,
  offset: ArrayLike<number>,
  out: Float32Array,
): void {
  for (let i = 0; i < out.length; i++) {
    let sum = offset[i % offset.length];
    for (let m = 0; m < members.length; m++) sum += weights[m] * members[m].values[i];
    out[i] = sum;
  }
}

/** Sum of member times slope; slopes are by output. */
function againstByOutput({ rows, columns, values }: Matrix, slopes: Float32Array): number {
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < columns; c++) {
      const slope = slopes[c * rows + row];
      if (slope !== 0) sum += values[row * columns + c] * slope;
    }
  }
  return sum;
}

function curvatureBounds(members: readonly Matrix[], cells: Float32Array, most: number): number[][] {
  return members.map((a) =>
    members.map((b) => {
      let sum = 0;
      for (let i = 0; i < cells.length; i++) {
        if (cells[i] > 0) sum += cells[i] * a.values[i] * b.values[i];
      }
      return most * sum;
    }),
  );
}

/** Minimises the quadratic bound over weights >= 0, one weight at a time. Returns the largest move. */
function descendWithin(
  bounds: readonly number[][],
  gradient: readonly number[],
  weights: Float64Array,
): number {
  const start = weights.slice();
  for (let round = 0; round < 100; round++) {
    let moved = 0;
    for (let m = 0; m < weights.length; m++) {
      if (!(bounds[m][m] > 0)) continue;
      let slope = gradient[m];
      for (let k = 0; k < weights.length; k++) slope += bounds[m][k] * (weights[k] - start[k]);
      const next = Math.max(0, weights[m] - slope / bounds[m][m]);
      moved = Math.max(moved, Math.abs(next - weights[m]));
      weights[m] = next;
    }
    if (moved < 1e-10) break;
  }
  return weights.reduce((most, weight, m) => Math.max(most, Math.abs(weight - start[m])), 0);
}

interface ShrinkageOptions {
  /** Strengths to weigh against 0, ascending. @default 0.1, 0.2, ... 1 */
  readonly strengths?: readonly number[];
  /** A gain must exceed this many of its standard errors to count. @default 1.645: one-sided 95 % */
  readonly standardErrors?: number;
  /** Group of each row (near-duplicates). @default each row its own */
  readonly groups?: ArrayLike<number>;
}

interface ShrinkageChoice {
  /** Of the prediction, the rest being the prior. 0: best single. */
  readonly strength: number;
  /** Mean utility won over best single at that strength, out of fold; 0 at strength 0. */
  readonly gain: number;
  readonly standardError: number;
}

/**
 * First, do no harm: how far to trust a choice head beyond "always the best single candidate". Takes the strength
 * whose gain in utility has the highest lower confidence bound, and 0 unless that bound is above 0; so with no signal
 * it is exactly 0, but for the share of mistakes that `standardErrors` allows. Fewer than `FEWEST_GROUPS` groups show nothing.
 * @param scores out-of-fold scores `[rows, candidates]`
 * @param prior score of each candidate with no prompt looked at, on the same scale
 * @param utility what choosing it was worth `[rows, candidates]`; a row where the choice was not observed is left out
 */
export function chooseShrinkage(
  scores: Matrix,
  prior: ArrayLike<number>,
  utility: Matrix,
  options: ShrinkageOptions = {},
): ShrinkageChoice {
  const { rows, columns } = scores;
  const single = argMax(prior);
  const shrunk = new Float64Array(columns);
  const gainsAt = (strength: number) =>
    Float64Array.from({ length: rows }, (_, row) => {
      for (let c = 0; c < columns; c++) {
        shrunk[c] = prior[c] + strength * (scores.values[row * columns + c] - prior[c]);
      }
      const chosen = argMax(shrunk);
      const at = (c: number) => utility.values[row * columns + c];
      return chosen < 0 || chosen === single ? 0 * at(single) : at(chosen) - at(single);
    });
  return highestBound(rows, gainsAt, options);
}

/**
 * How far to trust a head of probabilities or amounts beyond its overall means: as `chooseShrinkage`, with the loss
 * saved in place of the utility won.
 * @param scores out-of-fold outputs `[rows, outputs]`
 */
export function chooseLossShrinkage(
  scores: Matrix,
  prior: ArrayLike<number>,
  data: Omit<FitData, 'features'>,
  loss: Loss,
  options: ShrinkageOptions = {},
): ShrinkageChoice {
  const { rows, columns } = scores;
  const cells = targetWeights(data, loss);
  const lossesAt = (strength: number) => {
    const logits = scores.values.map((x, i) => prior[i % columns] + strength * (x - prior[i % columns]));
    return Float64Array.from({ length: rows }, (_, row) => {
      const [from, to] = [row * columns, (row + 1) * columns];
      const targets = { rows: 1, columns, values: data.targets.values.subarray(from, to) };
      return weightedMeanLoss(loss, logits.subarray(from, to), targets, cells.subarray(from, to));
    });
  };
  const still = lossesAt(0);
  const savedAt = (strength: number) => lossesAt(strength).map((value, row) => still[row] - value);
  return highestBound(rows, savedAt, options);
}

/** @param gainsAt what each row gains at a strength; NaN: not to be told. `[rows]` */
function highestBound(
  rows: number,
  gainsAt: (strength: number) => Float64Array,
  options: ShrinkageOptions,
): ShrinkageChoice {
  const strengths = options.strengths ?? Array.from({ length: 10 }, (_, i) => (i + 1) / 10);
  const sure = options.standardErrors ?? 1.645;
  const groups = options.groups ?? Int32Array.from({ length: rows }, (_, i) => i);
  let best: ShrinkageChoice = { strength: 0, gain: 0, standardError: 0 };
  let bestBound = 0;
  for (const strength of strengths) {
    const { mean, standardError, groups: told } = clusteredMean(gainsAt(strength), groups);
    const bound = mean - sure * standardError;
    if (told >= FEWEST_GROUPS && bound > bestBound) {
      best = { strength, gain: mean, standardError };
      bestBound = bound;
    }
  }
  return best;
}
