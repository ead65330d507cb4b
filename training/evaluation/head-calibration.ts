import type { CalibrationFigures, ChoiceCalibration, HeadCalibration } from '../evaluate/evaluation.ts';
import type { EvaluationInput } from '../evaluate/evaluation-input.ts';
import { calibrationBins } from '../evaluate/metrics.ts';
import { brierScore } from './brier-score.ts';
import { debiasedCalibrationError } from './debiased-calibration-error.ts';
import { expectedCalibrationError } from './expected-calibration-error.ts';
import { negativeLogLikelihood, PROBABILITY_FLOOR } from './negative-log-likelihood.ts';
import type { TrainMeans } from './train-means.ts';

/**
 * How far each candidate's success probability can be trusted, on every test row where its quality was seen,
 * and on the rows of each listed task.
 */
export function measureSuccessCalibration(
  { matrix, predictions, splits, groups }: EvaluationInput,
  means: TrainMeans,
  tasks: readonly string[],
): HeadCalibration[] {
  const candidates = matrix.candidates.length;
  const test = splits.test.rows;
  const positionsOfTask = new Map<string, number[]>(tasks.map((task) => [task, []]));
  test.forEach((row, i) => {
    positionsOfTask.get(matrix.prompts[row].task ?? '')?.push(i);
  });
  return matrix.candidates.map((candidate, c) => {
    const probability = (i: number) => predictions.success[i * candidates + c];
    const label = (i: number) => matrix.quality[test[i] * candidates + c];
    const group = (i: number) => groups[test[i]];
    const all = Array.from(test, (_, i) => i);
    const labels = all.map(label);
    const mean = means.quality[c];
    return {
      candidate,
      ...calibrationFigures(all.map(probability), labels, all.map(group)),
      brierOfMean: orNull(
        brierScore(
          labels.map(() => mean),
          labels,
        ),
      ),
      bins: calibrationBins(all.map(probability), labels, 10, all.map(group)),
      tasks: [...positionsOfTask].map(([task, positions]) => ({
        task,
        ...calibrationFigures(positions.map(probability), positions.map(label), positions.map(group)),
      })),
    };
  });
}

/**
 * How far the choice head can be trusted: the probability of its top choice against whether that one was best
 * (of k that tie, each 1/k); Brier score and NLL over all candidates.
 * @param choice `[rows, candidates]` on the compared rows @param best the same, of `bestCandidates`
 * @param groups near-duplicate group of each row
 */
export function measureChoiceCalibration(
  choice: Float64Array,
  best: Float64Array,
  groups: Int32Array,
): ChoiceCalibration {
  const rows = groups.length;
  const candidates = choice.length / rows;
  const top = new Float64Array(rows);
  const label = new Float64Array(rows);
  let brier = 0;
  let nll = 0;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < candidates; c++) {
      const p = choice[row * candidates + c];
      const y = best[row * candidates + c];
      brier += (p - y) ** 2 / rows;
      if (y > 0) nll -= (y * Math.log(Math.max(PROBABILITY_FLOOR, p))) / rows;
      if (c === 0 || p > top[row]) {
        top[row] = p;
        label[row] = y;
      }
    }
  }
  return {
    ...calibrationFigures(top, label, groups),
    brier: orNull(brier),
    nll: orNull(nll),
    bins: calibrationBins(top, label, 10, groups),
  };
}

/** All figures of one set of probabilities and labels; pairs with a NaN are left out. */
function calibrationFigures(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  groups: ArrayLike<number>,
): CalibrationFigures {
  const bins10 = calibrationBins(probabilities, labels, 10, groups);
  const bins15 = calibrationBins(probabilities, labels, 15, groups);
  return {
    rows: bins10.reduce((rows, bin) => rows + bin.rows, 0),
    ece10: orNull(expectedCalibrationError(bins10)),
    ece15: orNull(expectedCalibrationError(bins15)),
    debiasedEce: orNull(debiasedCalibrationError(bins15)),
    brier: orNull(brierScore(probabilities, labels)),
    nll: orNull(negativeLogLikelihood(probabilities, labels)),
  };
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
