import { createRandom } from 'pointsman/internal';
import { groupedFolds, type Matrix, predictRows } from '../../training/fit/rows.ts';
import type { LearnerData } from '../../training/learners/learner.ts';
import { tuneLinearLearner } from '../../training/learners/linear.ts';
import { tuneCurveLearner } from '../../training/learners/tune-learners.ts';
import { atMost, type BenchLine, mended } from '../bench-line.ts';

const DRAWS = 30;
const [ROWS, FRESH, FEATURES, CANDIDATES] = [300, 1000, 100, 3];

/**
 * How much better the curve member looks out of fold than on fresh rows, in percent of the differences' variance, where
 * features are many and say nothing. Its cross-validation chooses penalties and stack weights.
 */
export async function simulateNestedCurve(onProgress: (what: string) => void): Promise<BenchLine[]> {
  onProgress('nested curve');
  const note = `${DRAWS} draws of ${ROWS} rows, ${FEATURES} features, ${CANDIDATES} candidates`;
  const flattery = 100 * (await curveFlattery(DRAWS));
  return [
    mended(
      '0.71 %',
      atMost('curve on noise: better out of fold than on fresh rows by', flattery, '%', 0.6, note),
    ),
  ];
}

/** Mean error on fresh rows less that out of fold, as a share of the variance of the differences. */
export async function curveFlattery(draws: number): Promise<number> {
  let flattery = 0;
  for (let seed = 0; seed < draws; seed++) {
    const random = createRandom(seed);
    const matrix = (rows: number, columns: number, scale: number): Matrix => ({
      rows,
      columns,
      values: Float32Array.from({ length: rows * columns }, () => scale * random.normal()),
    });
    const groups = Int32Array.from({ length: ROWS }, (_, row) => row);
    const data: LearnerData = {
      features: matrix(ROWS, FEATURES, 1),
      featureVariance: FEATURES,
      embedding: { from: 0, to: FEATURES },
      residuals: matrix(ROWS, CANDIDATES, 0.4),
      weights: null,
      logged: false,
      tasks: null,
      taskCount: 0,
      candidateMeans: new Array<number>(CANDIDATES).fill(0.5),
      groups,
      folds: groupedFolds(groups, 5, seed),
      seed,
    };
    const curve = await tuneCurveLearner(data, await tuneLinearLearner(data));
    const { head } = await curve.fit();
    const [features, truth] = [matrix(FRESH, FEATURES, 1), matrix(FRESH, CANDIDATES, 0.4)];
    const fresh = relativeError(predictRows(head, features), truth);
    flattery += (fresh - relativeError(curve.outOfFold, data.residuals)) / draws;
  }
  return flattery;
}

/** Squared error of the differences to each row's mean, of what saying nothing has. */
function relativeError(said: Matrix, truth: Matrix): number {
  let [error, variance] = [0, 0];
  for (let row = 0; row < truth.rows; row++) {
    const from = row * truth.columns;
    const mean = ({ values }: Matrix) =>
      values.subarray(from, from + truth.columns).reduce((sum, x) => sum + x, 0) / truth.columns;
    const [saidMean, trueMean] = [mean(said), mean(truth)];
    for (let i = from; i < from + truth.columns; i++) {
      const difference = truth.values[i] - trueMean;
      error += (said.values[i] - saidMean - difference) ** 2;
      variance += difference ** 2;
    }
  }
  return error / variance;
}
