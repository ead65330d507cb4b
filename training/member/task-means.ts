import { numberClusters } from '../clusters/number-clusters.ts';
import type { Matrix } from '../head/matrix.ts';
import { rowLevels } from './row-levels.ts';

/**
 * Means of the residuals by task and candidate, shrunk to 0 by an empirical-Bayes weight: n / (n + within / between),
 * with the variances of each candidate by the method of moments. A candidate whose tasks do not differ gets zeros. What is
 * counted is near-duplicate groups, by the mean of each: copies of a prompt say no more of its task than one does.
 *
 * @param residuals `[all rows, candidates]`, NaN: unobserved
 * @param groups near-duplicate group of each of all rows @param rows the rows to use
 * @returns `[tasks, candidates]`
 */
export function taskMeans(
  residuals: Matrix,
  weights: Float32Array | null,
  tasks: Int32Array,
  taskCount: number,
  groups: Int32Array,
  rows: Int32Array,
): Float32Array {
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
export function sharedTaskMeans(
  residuals: Matrix,
  weights: Float32Array | null,
  tasks: Int32Array,
  taskCount: number,
  groups: Int32Array,
  rows: Int32Array,
): Float32Array {
  const { columns } = residuals;
  const levels = rowLevels(residuals, weights);
  const level = taskMeans(levels.targets, levels.weights, tasks, taskCount, groups, rows);
  const values = residuals.values.map((value, i) => {
    const task = tasks[Math.floor(i / columns)];
    return task < 0 ? value : value - level[task];
  });
  const rest = taskMeans({ ...residuals, values }, weights, tasks, taskCount, groups, rows);
  return rest.map((mean, i) => mean + level[Math.floor(i / columns)]);
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
