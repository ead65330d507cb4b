import { InvalidInputError } from 'pointsman';
import type { DenseLayer } from './dense-chain.ts';
import { fitLinear } from './fit-linear.ts';
import type { LinearOptions } from './linear-options.ts';
import { createMatrix, type Matrix, takeRows } from './matrix.ts';

export interface TaskMixtureOptions extends Omit<LinearOptions, 'start' | 'towards'> {
  /**
   * A task's mean weighs its rows, the overall mean this many.
   * @default within-task variance over between-task variance (empirical Bayes, by the method of moments)
   */
  readonly shrinkage?: number;
}

/** P(task | prompt), then each task's means: score = prior + sum over tasks of P(task) * (mean of task - prior). */
export type TaskMixture = readonly [tasks: DenseLayer, means: DenseLayer];

/**
 * Learns which task a prompt is of, and scores candidates by what they were worth on that task. Where training rows
 * have a task it takes far fewer rows than learning each candidate's worth from the prompt.
 * @param tasks index of each row's task, -1 where it has none
 * @param targets `[rows, candidates]`, NaN: unobserved
 */
export async function fitTaskMixture(
  features: Matrix,
  tasks: Int32Array,
  targets: Matrix,
  options: TaskMixtureOptions,
): Promise<TaskMixture> {
  const count = tasks.reduce((most, task) => Math.max(most, task + 1), 0);
  if (count === 0 || tasks.length !== features.rows || targets.rows !== features.rows) {
    throw new InvalidInputError(
      `\`tasks\` of fitTaskMixture must be one a row, some of them >= 0. Got ${tasks.length} for ${features.rows} rows, ${count} tasks.`,
    );
  }
  const { shrinkage, ...linear } = options;
  const known = Int32Array.from(tasks.keys()).filter((row) => tasks[row] >= 0);
  const oneHot = createMatrix(known.length, count);
  known.forEach((row, i) => {
    oneHot.values[i * count + tasks[row]] = 1;
  });
  const { layer } = await fitLinear(
    { features: takeRows(features, known), targets: oneHot },
    'softmax',
    linear,
  );
  return [{ ...layer, activation: 'softmax' }, taskMeans(tasks, targets, count, shrinkage)];
}

function taskMeans(
  tasks: Int32Array,
  targets: Matrix,
  count: number,
  shrinkage: number | undefined,
): DenseLayer {
  const { columns } = targets;
  const kernel = new Float32Array(count * columns);
  const bias = new Float32Array(columns);
  for (let c = 0; c < columns; c++) {
    const { sums, counts, squares, prior } = sumsOf(tasks, targets, count, c);
    const strength = shrinkage ?? momentsShrinkage(sums, counts, squares);
    bias[c] = prior;
    for (let t = 0; t < count; t++) {
      const weight = counts[t] === 0 ? 0 : counts[t] / (counts[t] + strength);
      kernel[t * columns + c] = weight === 0 ? 0 : weight * (sums[t] / counts[t] - prior);
    }
  }
  return { inputs: count, outputs: columns, kernel, bias, activation: 'linear' };
}

interface TaskSums {
  readonly sums: Float64Array;
  readonly counts: Float64Array;
  readonly squares: Float64Array;
  readonly prior: number;
}

function sumsOf(tasks: Int32Array, targets: Matrix, count: number, c: number): TaskSums {
  const [sums, counts, squares] = [0, 1, 2].map(() => new Float64Array(count));
  let [sum, rows] = [0, 0];
  for (let row = 0; row < targets.rows; row++) {
    const value = targets.values[row * targets.columns + c];
    if (Number.isNaN(value)) continue;
    sum += value;
    rows++;
    if (tasks[row] < 0) continue;
    sums[tasks[row]] += value;
    counts[tasks[row]]++;
    squares[tasks[row]] += value * value;
  }
  return { sums, counts, squares, prior: rows === 0 ? 0 : sum / rows };
}

/** Within-task variance over between-task variance; Infinity where tasks do not differ more than chance. */
function momentsShrinkage(sums: Float64Array, counts: Float64Array, squares: Float64Array): number {
  const used = [...counts.keys()].filter((t) => counts[t] > 0);
  const rows = used.reduce((total, t) => total + counts[t], 0);
  const grand = used.reduce((total, t) => total + sums[t], 0) / rows;
  if (used.length < 2 || rows <= used.length) return Number.POSITIVE_INFINITY;
  const withinSquares = used.reduce((total, t) => total + squares[t] - sums[t] ** 2 / counts[t], 0);
  const within = withinSquares / (rows - used.length);
  const betweenSquares = used.reduce((total, t) => total + counts[t] * (sums[t] / counts[t] - grand) ** 2, 0);
  const effective = rows - used.reduce((total, t) => total + counts[t] ** 2, 0) / rows;
  const between = (betweenSquares - (used.length - 1) * within) / effective;
  return between > 0 ? within / between : Number.POSITIVE_INFINITY;
}
