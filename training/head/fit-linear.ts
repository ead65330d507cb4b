import { InvalidInputError } from 'pointsman';
import { useBackend } from '../fit/backend.ts';
import { createLinearProblem, type LinearSolution } from '../fit/linear.ts';
import { checkFitData, type FitData, type Loss } from '../fit/loss.ts';
import type { DenseLayer } from './dense-chain.ts';
import type { LinearOptions, LinearPathOptions } from './linear-options.ts';

/** A fitted linear head and how it came about. */
export interface LinearFit {
  readonly layer: DenseLayer;
  readonly l2: number;
  /** Mean loss per unit of weight, without the penalty. */
  readonly loss: number;
  readonly steps: number;
}

/**
 * Fits logits = x W + b by L-BFGS over all rows, preconditioned with the features' second moments. The problem is
 * convex and nothing is drawn at random: the same rows give the same bytes.
 * @throws InvalidInputError
 */
export async function fitLinear(data: FitData, loss: Loss, options: LinearOptions): Promise<LinearFit> {
  const [fit] = await fitLinearPath(data, loss, { ...options, l2s: [options.l2] });
  return fit;
}

/** The same rows at several strengths: rows and curvature are prepared once, and each fit starts warm. */
export async function fitLinearPath(
  data: FitData,
  loss: Loss,
  options: LinearPathOptions,
): Promise<LinearFit[]> {
  checkFitData(data, loss);
  for (const l2 of options.l2s) {
    if (l2 >= 0 && Number.isFinite(l2)) continue;
    throw new InvalidInputError(`\`l2\` of fitLinear must be a number >= 0. Got ${l2}.`);
  }
  const { tf } = await useBackend();
  const problem = createLinearProblem(tf, data, loss, options);
  try {
    let last: LinearSolution | undefined;
    return options.l2s.map((l2) => {
      last = problem.solve(l2, last);
      return { layer: last.layer, l2, loss: last.loss, steps: last.steps };
    });
  } finally {
    problem.dispose();
  }
}
