import { InvalidInputError } from 'pointsman';
import type { TrainConfig } from '../config.ts';
import type { Matrix } from '../head/matrix.ts';
import { type LoggingPropensities, loggingPropensities } from '../off-policy/propensities.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { OnStep } from './train-progress.ts';

interface TrafficPropensityOptions {
  /** Of every prompt: `[prompts, features]`. */
  readonly features: Matrix;
  /** Near-duplicate group of each prompt. */
  readonly groups: Int32Array;
  readonly folds: number;
  readonly seed: number;
  /** Whether they must be logged, or are estimated whatever the log says. */
  readonly use: TrainConfig['offPolicy']['propensities'];
  readonly onStep: OnStep;
}

/**
 * How likely it was that the traffic holds the outcomes that it holds.
 *
 * @returns null where every prompt that has an outcome has one of every candidate: nothing was left to a logging policy
 * @throws InvalidInputError where they must be logged and are not
 */
export async function trafficPropensities(
  matrix: OutcomeMatrix,
  { onStep, use, ...options }: TrafficPropensityOptions,
): Promise<LoggingPropensities | null> {
  if (isComplete(matrix)) return null;
  const what = 'estimating propensities';
  onStep(what);
  const asked = use === 'fitted' ? withoutPropensities(matrix) : matrix;
  const found = await loggingPropensities(asked, {
    ...options,
    onFold: (progress) => onStep(what, progress),
  });
  if (use === 'logged' && found.source === 'fitted') {
    throw new InvalidInputError(
      `\`offPolicy.propensities\` of the training config is "logged", but ${found.fittedRows} of ` +
        `${found.knownRows + found.fittedRows} prompts with an outcome have none. Log them, or use "auto" to have them estimated.`,
    );
  }
  return found;
}

/** As if the log said nothing of them. */
export function withoutPropensities(matrix: OutcomeMatrix): OutcomeMatrix {
  return { ...matrix, propensity: new Float32Array(matrix.propensity.length).fill(Number.NaN) };
}

function isComplete({ candidates, prompts, quality }: OutcomeMatrix): boolean {
  const columns = candidates.length;
  return prompts.every((_, row) => {
    const seen = quality.subarray(row * columns, (row + 1) * columns).filter((value) => !Number.isNaN(value));
    return seen.length === 0 || seen.length === columns;
  });
}
