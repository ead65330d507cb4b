import { argMax, argMin } from 'pointsman/internal';
import { fitLinearPath } from '../fit/linear.ts';
import {
  chainHead,
  createMatrix,
  crossValidate,
  type DenseLayer,
  type Matrix,
  numberClusters,
  type OnFold,
  type OnProgress,
  predictRows,
  searchPenalties,
  takeRows,
} from '../fit/rows.ts';
import { allRows, fittedChain, isFullyObserved, type LearnerData, type TunedLearner } from './learner.ts';
import { rowDifficulty } from './linear.ts';

/** What is learned of tasks: rows as in `LearnerData`. */
export interface TaskData extends Pick<LearnerData, 'groups' | 'residuals' | 'taskCount' | 'weights'> {
  /** Task of each row as a number, -1 where it has none. */
  readonly tasks: Int32Array;
}

export function hasTasks(data: LearnerData): data is LearnerData & TaskData {
  return data.tasks !== null && data.taskCount >= 2;
}

/**
 * Penalties tried, as shares of feature variance; the loss of a classifier is summed over rows, and so is not scaled by them.
 * Tasks that can be told apart without fail ask for none at all, at ever more steps, to say the same more surely.
 */
const PENALTIES = { from: 0.1, to: 0.01, weakest: 0.001 } as const;

/** Posteriors need no more digits than task means have: a coarser end saves two thirds of the steps. */
export const TASK_TOLERANCE = 1e-3;

/**
 * What kind of prompt is it, and who is good at that kind? A softmax classifier of the task, read from the prompt
 * alone, times each task's means, which are shrunk to 0 where few rows or small differences support them
 * (empirical Bayes: Efron and Morris 1975).
 *
 * @returns null where the traffic has fewer than two tasks.
 */
export async function tuneDomainLearner(data: LearnerData, onFold?: OnFold): Promise<TunedLearner | null> {
  if (!hasTasks(data)) return null;
  const { tasks, residuals, folds } = data;
  const attempt = async (some: readonly number[]) => {
    const path = await crossValidate(
      folds,
      async ({ fit, held, onProgress }) => {
        const classifiers = await fitClassifiers(data, fit, some, onProgress);
        const means = meansLayer(data, fit);
        const heldFeatures = takeRows(data.features, held);
        return classifiers.flatMap((classifier) => [
          predictRows(chainHead([classifier]), heldFeatures),
          predictRows(chainHead([classifier, means]), heldFeatures),
        ]);
      },
      onFold,
    );
    return some.map((_, i) => ({ posteriors: path[2 * i], outOfFold: path[2 * i + 1] }));
  };
  const least = (path: readonly { readonly posteriors: Matrix }[]) =>
    argMin(path.map(({ posteriors }) => logLoss(posteriors, tasks)));
  const { shares, tried } = await searchPenalties(PENALTIES, attempt, (path) => [least(path)]);
  const chosen = least(tried);
  return {
    name: 'domain',
    settings: { penalty: shares[chosen], taskAccuracy: accuracy(tried[chosen].posteriors, tasks) },
    outOfFold: tried[chosen].outOfFold,
    async fit() {
      const rows = allRows(residuals);
      const [classifier] = await fitClassifiers(data, rows, [shares[chosen]]);
      return fittedChain([asInLog(classifier, data), meansLayer(data, rows)]);
    },
  };
}

/** Share of feature variance; between the ends of what the domain learner tries. */
const PENALTY_SHARE = 0.03;

/**
 * What kind of request is it? A softmax classifier of the traffic's tasks, for the `task` signal where the domain
 * learner, which is made of such a one, takes no part.
 *
 * @returns null where the traffic has fewer than two tasks
 */
export async function fitTaskClassifier(data: LearnerData): Promise<DenseLayer | null> {
  if (!hasTasks(data)) return null;
  const [classifier] = await fitClassifiers(data, allRows(data.residuals), [PENALTY_SHARE]);
  return asInLog(classifier, data);
}

/** What a classifier of a sample says of the log, of whose tasks the sample has other shares (King and Zeng 2001). */
function asInLog(
  classifier: DenseLayer,
  { importance, residuals: { columns }, taskCount, tasks }: LearnerData & TaskData,
): DenseLayer {
  if (!importance) return classifier;
  const [sums, counts] = [new Float64Array(taskCount), new Float64Array(taskCount)];
  tasks.forEach((task, row) => {
    if (task < 0) return;
    sums[task] += importance[row * columns];
    counts[task]++;
  });
  const shift = (task: number) => (counts[task] > 0 ? Math.log(sums[task] / counts[task]) : 0);
  return { ...classifier, bias: classifier.bias.map((x, task) => x + shift(task)) };
}

/** Share of feature variance that the classifier of tasks is held back by. @param members learners of a stack */
export function classifierPenalty(
  members: readonly {
    readonly name: string;
    readonly levelWeight: number;
    readonly deviationWeight: number;
    readonly settings: Readonly<Record<string, number>>;
  }[],
): number {
  const own = members.find(({ name }) => name === 'domain');
  const takesPart = own !== undefined && (own.levelWeight !== 0 || own.deviationWeight !== 0);
  return takesPart ? own.settings.penalty : PENALTY_SHARE;
}

/** One for each penalty, strong to weak. */
async function fitClassifiers(
  data: LearnerData & TaskData,
  rows: Int32Array,
  shares: readonly number[],
  onProgress?: OnProgress,
): Promise<DenseLayer[]> {
  const known = rows.filter((row) => data.tasks[row] >= 0);
  const targets = createMatrix(known.length, data.taskCount);
  known.forEach((row, i) => {
    targets.values[i * data.taskCount + data.tasks[row]] = 1;
  });
  const fits = await fitLinearPath({ features: takeRows(data.features, known), targets }, 'softmax', {
    l2s: shares.map((share) => share * data.featureVariance),
    tolerance: TASK_TOLERANCE,
    onProgress,
  });
  return fits.map((fit) => ({ ...fit.layer, activation: 'softmax' }));
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

function meansLayer(data: LearnerData & TaskData, rows: Int32Array): DenseLayer {
  const outputs = data.residuals.columns;
  return {
    inputs: data.taskCount,
    outputs,
    kernel: shrunkTaskMeans(data, rows),
    bias: new Float32Array(outputs),
    activation: 'linear',
  };
}

/** What a task's rows differ by from all, as surely as the traffic shows it: `[tasks, candidates]` */
export function shrunkTaskMeans(data: TaskData, rows: Int32Array): Float32Array {
  return isFullyObserved(data.residuals) ? taskMeans(data, rows) : sharedTaskMeans(data, rows);
}

/**
 * Means of the residuals by task and candidate, shrunk to 0 by an empirical-Bayes weight: n / (n + within / between),
 * with the variances of each candidate by the method of moments. A candidate whose tasks do not differ gets zeros. What is
 * counted is near-duplicate groups, by the mean of each: copies of a prompt say no more of its task than one does.
 *
 * @param rows the rows to use
 * @returns `[tasks, candidates]`
 */
export function taskMeans(data: TaskData, rows: Int32Array): Float32Array {
  const { residuals, weights, tasks, taskCount, groups } = data;
  const { columns, values } = residuals;
  const means = new Float32Array(taskCount * columns);
  const units = numberClusters(rows.map((row) => groups[row] * taskCount + Math.max(0, tasks[row])));
  for (let c = 0; c < columns; c++) {
    const unitSums = new Float64Array(units.count);
    const unitWeights = new Float64Array(units.count);
    const taskOf = new Int32Array(units.count).fill(-1);
    rows.forEach((row, i) => {
      const value = values[row * columns + c];
      if (tasks[row] < 0 || Number.isNaN(value)) return;
      const weight = weights === null ? 1 : weights[row * columns + c];
      const unit = units.of[i];
      unitSums[unit] += weight * value;
      unitWeights[unit] += weight;
      taskOf[unit] = tasks[row];
    });
    const sums = new Float64Array(taskCount);
    const totals = new Float64Array(taskCount);
    const squares = new Float64Array(taskCount);
    const weightSquares = new Float64Array(taskCount);
    taskOf.forEach((task, unit) => {
      const weight = unitWeights[unit];
      if (!(weight > 0)) return;
      sums[task] += unitSums[unit];
      squares[task] += unitSums[unit] ** 2 / weight;
      totals[task] += weight;
      weightSquares[task] += weight * weight;
    });
    // Kish's effective number of groups: totals² / weightSquares.
    const counts = totals.map((total, t) => (weightSquares[t] > 0 ? (total * total) / weightSquares[t] : 0));
    const ratio = varianceRatio(sums, squares, totals, counts);
    for (let t = 0; t < taskCount; t++)
      if (totals[t] > 0) means[t * columns + c] = ((sums[t] / totals[t]) * counts[t]) / (counts[t] + ratio);
  }
  return means;
}

/**
 * The same for rows that were seen with a candidate or two: first what a task is to all candidates alike, learned
 * from every outcome, then each candidate's difference to that.
 */
export function sharedTaskMeans(data: TaskData, rows: Int32Array): Float32Array {
  const { residuals, tasks, weights } = data;
  const difficulty = taskMeans({ ...data, ...rowDifficulty(residuals, weights) }, rows);
  const values = residuals.values.map((value, i) => {
    const task = tasks[Math.floor(i / residuals.columns)];
    return task < 0 ? value : value - difficulty[task];
  });
  const rest = taskMeans({ ...data, residuals: { ...residuals, values } }, rows);
  return rest.map((mean, i) => mean + difficulty[Math.floor(i / residuals.columns)]);
}

/** Variance within tasks over variance between them; Infinity when they do not differ. */
function varianceRatio(
  sums: Float64Array,
  squares: Float64Array,
  totals: Float64Array,
  counts: Float64Array,
): number {
  let within = 0;
  let degrees = 0;
  let between = 0;
  let count = 0;
  let noise = 0;
  for (let t = 0; t < sums.length; t++) {
    if (counts[t] < 2) continue;
    const mean = sums[t] / totals[t];
    within += (squares[t] / totals[t] - mean * mean) * counts[t];
    degrees += counts[t] - 1;
  }
  if (degrees <= 0) return Number.POSITIVE_INFINITY;
  within /= degrees;
  for (let t = 0; t < sums.length; t++) {
    if (counts[t] < 2) continue;
    const mean = sums[t] / totals[t];
    between += counts[t] * mean * mean;
    noise += within;
    count += counts[t];
  }
  const variance = (between - noise) / count;
  return variance > 0 ? within / variance : Number.POSITIVE_INFINITY;
}
