import { binaryCrossEntropy, sigmoid } from 'pointsman/math';
import type { ObservedRows } from '../calibrator/calibration-data.ts';

interface LogisticPenalty {
  /** Where the parameters are pulled to. */
  readonly towards: readonly number[];
  /** How hard, per parameter; a few pseudo-rows' worth keeps tiny and degenerate sets finite. */
  readonly strength: readonly number[];
  /** Parameters that may not fall below 0. */
  readonly nonNegative: readonly boolean[];
}

/**
 * Newton's method for the few parameters of a calibrator: p = sigmoid(sum of parameter times basis). Damped, so the
 * loss never rises; a parameter at its bound stays there while it would leave.
 * @param basis per parameter, `[rows]`
 */
export function fitLogistic(
  data: ObservedRows,
  basis: readonly Float64Array[],
  penalty: LogisticPenalty,
): number[] {
  let parameters = [...penalty.towards];
  let value = lossAt(data, basis, penalty, parameters);
  for (let step = 0; step < 100; step++) {
    const { slope, curvature } = derivatives(data, basis, penalty, parameters);
    const free = parameters.map((p, k) => !(penalty.nonNegative[k] && p <= 0 && slope[k] > 0));
    const direction = solve(curvature, slope, free);
    let next = parameters;
    let nextValue = value;
    for (let length = 1; length > 1e-6; length /= 2) {
      next = parameters.map((p, k) => {
        const moved = p - length * direction[k];
        return penalty.nonNegative[k] ? Math.max(0, moved) : moved;
      });
      nextValue = lossAt(data, basis, penalty, next);
      if (nextValue < value) break;
    }
    if (!(nextValue < value - 1e-12 * Math.abs(value))) break;
    parameters = next;
    value = nextValue;
  }
  return parameters;
}

function logitAt(basis: readonly Float64Array[], parameters: readonly number[], i: number): number {
  let z = 0;
  for (let k = 0; k < basis.length; k++) z += parameters[k] * basis[k][i];
  return z;
}

function lossAt(
  { labels, weights }: ObservedRows,
  basis: readonly Float64Array[],
  { towards, strength }: LogisticPenalty,
  parameters: readonly number[],
): number {
  let total = 0;
  for (let i = 0; i < labels.length; i++) {
    total += weights[i] * binaryCrossEntropy(logitAt(basis, parameters, i), labels[i]);
  }
  parameters.forEach((p, k) => {
    total += 0.5 * strength[k] * (p - towards[k]) ** 2;
  });
  return total;
}

function derivatives(
  { labels, weights }: ObservedRows,
  basis: readonly Float64Array[],
  { towards, strength }: LogisticPenalty,
  parameters: readonly number[],
): { slope: number[]; curvature: number[][] } {
  const size = basis.length;
  const slope = parameters.map((p, k) => strength[k] * (p - towards[k]));
  const curvature = parameters.map((_, a) => parameters.map((_, b) => (a === b ? strength[a] + 1e-9 : 0)));
  for (let i = 0; i < labels.length; i++) {
    const p = sigmoid(logitAt(basis, parameters, i));
    const error = weights[i] * (p - labels[i]);
    const bend = weights[i] * Math.max(p * (1 - p), 1e-9);
    for (let a = 0; a < size; a++) {
      slope[a] += error * basis[a][i];
      for (let b = 0; b < size; b++) curvature[a][b] += bend * basis[a][i] * basis[b][i];
    }
  }
  return { slope, curvature };
}

/** Gaussian elimination over the free parameters; the others get 0. */
function solve(
  curvature: readonly (readonly number[])[],
  slope: readonly number[],
  free: readonly boolean[],
): number[] {
  const size = slope.length;
  const rows = curvature.map((row, a) => [
    ...row.map((x, b) => (free[a] && free[b] ? x : a === b ? 1 : 0)),
    free[a] ? slope[a] : 0,
  ]);
  for (let k = 0; k < size; k++) {
    for (let a = k + 1; a < size; a++) {
      const factor = rows[a][k] / rows[k][k];
      for (let b = k; b <= size; b++) rows[a][b] -= factor * rows[k][b];
    }
  }
  const solution = new Array<number>(size).fill(0);
  for (let k = size - 1; k >= 0; k--) {
    let rest = rows[k][size];
    for (let b = k + 1; b < size; b++) rest -= rows[k][b] * solution[b];
    solution[k] = rest / rows[k][k];
  }
  return solution;
}
