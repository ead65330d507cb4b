import type { Matrix } from '../head/index.ts';
import { type LoggingPropensities, loggingPropensities } from '../off-policy/index.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { OnStep } from './train-progress.ts';

export interface TrafficPropensityOptions {
  /** Of every prompt: `[prompts, features]`. */
  readonly features: Matrix;
  /** Near-duplicate group of each prompt. */
  readonly groups: Int32Array;
  readonly folds: number;
  readonly seed: number;
  readonly onStep: OnStep;
}

/**
 * How likely it was that the traffic holds the outcomes that it holds.
 * @returns null where every prompt that has an outcome has one of every candidate: nothing was left to a logging policy
 */
export async function trafficPropensities(
  matrix: OutcomeMatrix,
  { onStep, ...options }: TrafficPropensityOptions,
): Promise<LoggingPropensities | null> {
  if (isComplete(matrix)) return null;
  const what = 'estimating who answers which prompt';
  onStep(what);
  return loggingPropensities(matrix, { ...options, onFold: (progress) => onStep(what, progress) });
}

function isComplete({ candidates, prompts, quality }: OutcomeMatrix): boolean {
  const columns = candidates.length;
  return prompts.every((_, row) => {
    const seen = quality.subarray(row * columns, (row + 1) * columns).filter((value) => !Number.isNaN(value));
    return seen.length === 0 || seen.length === columns;
  });
}
