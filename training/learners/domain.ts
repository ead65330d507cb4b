import { argMax, argMin } from 'pointsman/math';
import { chainHead, type DenseLayer, predictRows } from '../head/dense-chain.ts';
import { fitLinearPath } from '../head/fit-linear.ts';
import type { OnFold, OnProgress } from '../head/fit-progress.ts';
import { countFolds, foldRows } from '../head/grouped-folds.ts';
import { createMatrix, type Matrix, takeRows } from '../head/matrix.ts';
import { searchPenalties } from '../head/search-penalties.ts';
import { allRows, putRows } from '../member/member-rows.ts';
import { isFullyObserved } from '../member/squared-error.ts';
import { sharedTaskMeans, taskMeans } from '../member/task-means.ts';
import type { MemberData, TunedMember } from './learner.ts';

/**
 * Penalties tried, as shares of feature variance; the loss of a classifier is summed over rows, and so is not scaled by them.
 * Tasks that can be told apart without fail ask for none at all, at ever more steps, to say the same more surely.
 */
const PENALTIES = { from: 0.1, to: 0.01, weakest: 0.001 } as const;

/** Posteriors need no more digits than task means have: a coarser end saves two thirds of the steps. */
const TOLERANCE = 1e-3;

/**
 * What kind of prompt is it, and who is good at that kind? A softmax classifier of the task, read from the prompt
 * alone, times each task's means, which are shrunk to 0 where few rows or small differences support them
 * (empirical Bayes: Efron and Morris 1975).
 *
 * @returns null where the traffic has fewer than two tasks.
 */
export async function tuneDomainMember(
  data: MemberData,
  onFold: OnFold = () => {},
): Promise<TunedMember | null> {
  const { tasks, taskCount, residuals, folds } = data;
  if (tasks === null || taskCount < 2) return null;
  const count = countFolds(folds);
  const attempt = async (some: readonly number[]) => {
    const path = some.map(() => ({
      posteriors: createMatrix(residuals.rows, taskCount),
      outOfFold: createMatrix(residuals.rows, residuals.columns),
    }));
    for (let fold = 0; fold < count; fold++) {
      const { fit, held } = foldRows(folds, fold);
      const classifiers = await fitClassifiers(data, fit, some, ({ loss }) =>
        onFold({ fold, folds: count, loss }),
      );
      const means = meansLayer(data, fit);
      const heldFeatures = takeRows(data.features, held);
      classifiers.forEach((classifier, i) => {
        putRows(predictRows(chainHead([classifier]), heldFeatures), held, path[i].posteriors);
        putRows(predictRows(chainHead([classifier, means]), heldFeatures), held, path[i].outOfFold);
      });
    }
    return path;
  };
  const least = (path: Awaited<ReturnType<typeof attempt>>) =>
    argMin(path.map(({ posteriors }) => logLoss(posteriors, tasks)));
  const { shares, tried } = await searchPenalties(PENALTIES, attempt, (path) => [least([...path])]);
  const chosen = least([...tried]);
  return {
    name: 'domain',
    settings: { penalty: shares[chosen], taskAccuracy: accuracy(tried[chosen].posteriors, tasks) },
    outOfFold: tried[chosen].outOfFold,
    async fit() {
      const rows = allRows(residuals);
      const [classifier] = await fitClassifiers(data, rows, [shares[chosen]]);
      const chain = [classifier, meansLayer(data, rows)];
      return { head: chainHead(chain), form: { kind: 'chain', chain } };
    },
  };
}

/** One for each penalty, strong to weak. */
export async function fitClassifiers(
  data: MemberData,
  rows: Int32Array,
  shares: readonly number[],
  onProgress: OnProgress = () => {},
): Promise<DenseLayer[]> {
  const known = rows.filter((row) => data.tasks![row] >= 0);
  const targets = createMatrix(known.length, data.taskCount);
  known.forEach((row, i) => {
    targets.values[i * data.taskCount + data.tasks![row]] = 1;
  });
  const fits = await fitLinearPath({ features: takeRows(data.features, known), targets }, 'softmax', {
    l2s: shares.map((share) => share * data.featureVariance),
    tolerance: TOLERANCE,
    onProgress,
  });
  return fits.map((fit) => ({ ...fit.layer, activation: 'softmax' }));
}

function meansLayer(
  { tasks, taskCount, residuals, weights, groups }: MemberData,
  rows: Int32Array,
): DenseLayer {
  const means = isFullyObserved(residuals) ? taskMeans : sharedTaskMeans;
  const kernel = means(residuals, weights, tasks!, taskCount, groups, rows);
  return {
    inputs: taskCount,
    outputs: residuals.columns,
    kernel,
    bias: new Float32Array(residuals.columns),
    activation: 'linear',
  };
}

function logLoss({ columns, values }: Matrix, tasks: Int32Array): number {
  let sum = 0;
  tasks.forEach((task, row) => {
    if (task >= 0) sum -= Math.log(Math.max(1e-12, values[row * columns + task]));
  });
  return sum;
}

function accuracy({ columns, values }: Matrix, tasks: Int32Array): number {
  let right = 0;
  let known = 0;
  tasks.forEach((task, row) => {
    if (task < 0) return;
    known++;
    const posterior = values.subarray(row * columns, (row + 1) * columns);
    if (argMax(posterior) === task) right++;
  });
  return right / known;
}
