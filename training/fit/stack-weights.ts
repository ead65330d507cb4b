import { InvalidInputError } from 'pointsman';
import type { Matrix } from '../head/matrix.ts';
import { weightedMeanLoss } from '../head/mean-loss.ts';
import { residualsInto } from '../head/residuals.ts';
import { type FitData, type Loss, targetWeights } from './loss.ts';

export interface StackFit {
  /** One a member, >= 0, on the scale of the members' outputs. */
  readonly weights: readonly number[];
  /** Mean loss of the stack on the rows it was fitted on. */
  readonly loss: number;
}

/** The most a loss can bend, by logit (Böhning 1992 for softmax). */
const bend: Record<Loss, number> = { softmax: 0.5, sigmoid: 0.25, squared: 1 };

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
