import {
  argMax,
  createHead,
  type HeadContext,
  type HeadSpec,
  sigmoid,
  type ToldTask,
  toldHead,
} from 'pointsman/internal';
import { chooseCalibrators, gainIsWorth } from '../calibrate/choose-calibrator.ts';
import { fitSoftmaxTemperature } from '../calibrate/fit-calibrators.ts';
import { softTargets } from '../fit/loss.ts';
import { clusteredMean, createMatrix, crossValidate, type Matrix, takeRows } from '../fit/rows.ts';
import { hasTasks, shrunkTaskMeans, type TaskData } from '../learners/domain.ts';
import { allRows, isFullyObserved, type LearnerData, trainMeans } from '../learners/learner.ts';
import { stackLearners } from '../learners/stack.ts';
import { TARGET_TEMPERATURE } from './quality.ts';

/** What to expect where the task is told: scale * what the heads say + the offset of the task and candidate. */
export interface ToldOffsets {
  /** 0 to 1. */
  readonly scale: number;
  /** `[tasks, candidates]` */
  readonly offsets: Matrix;
}

/**
 * What it is worth to be told the task. The heads guess it, and where they guess wrong, nothing added to what they say can
 * mend it: so they are stacked with the task's own means (shrunk as the domain learner's are) as if these were one more learner, and
 * the heads count for less. Advantages are guarded as those of the stack are.
 *
 * @param untold what the heads say, out of fold: `[rows, candidates]`
 * @returns null where there are no tasks, or being told does not reduce the error by two standard errors, or choices that
 * follow from it were worse by one
 */
export async function fitToldOffsets(data: LearnerData, untold: Matrix): Promise<ToldOffsets | null> {
  if (!hasTasks(data)) return null;
  // Rows without a task cannot be told it.
  const withTask = allRows(data.residuals).filter((row) => data.tasks[row] >= 0);
  const known = takeLearnerRows(data, withTask);
  const heads = takeRows(untold, withTask);
  const { folds, groups, residuals, weights } = known;
  const [means] = await crossValidate(folds, async ({ fit, held }) => [
    takeRows(rowsOf(shrunkTaskMeans(known, fit), known), held),
  ]);
  const stack = stackLearners([{ outOfFold: means }, { outOfFold: heads }], known);
  const [own, kept] = stack.advantage;
  const scale = Math.min(1, kept);
  const rest = { ...residuals, values: residuals.values.map((x, i) => x - scale * heads.values[i]) };
  const offsetsOf = (rows: Int32Array) =>
    joined(shrunkTaskMeans({ ...known, residuals: rest }, rows), shrunkTaskMeans(known, rows), own);
  const [added] = await crossValidate(folds, async ({ fit, held }) => [
    takeRows(rowsOf(offsetsOf(fit), known), held),
  ]);
  const told = { ...added, values: added.values.map((x, i) => x + scale * heads.values[i]) };
  const saved = Float64Array.from(
    residuals.values,
    (x, i) => (x - heads.values[i]) ** 2 - (x - told.values[i]) ** 2,
  );
  const groupOfCell = saved.map((_, i) => groups[Math.floor(i / residuals.columns)]);
  if (!gainIsWorth(saved, weights, groupOfCell)) return null;
  if (isFullyObserved(residuals) && choosesWorse(told, heads, known)) return null;
  const offsets = { rows: known.taskCount, columns: residuals.columns };
  return { scale, offsets: { ...offsets, values: offsetsOf(allRows(residuals)) } };

  /** The difficulty of the one, and so much of the advantages of the other: `[tasks, candidates]` */
  function joined(difficulty: Float32Array, advantage: Float32Array, weight: number): Float32Array {
    const { columns } = residuals;
    return advantage.map((x, i) => {
      const from = i - (i % columns);
      return meanAt(difficulty, from, columns) + weight * (x - meanAt(advantage, from, columns));
    });
  }
}

function meanAt(values: Float32Array, from: number, columns: number): number {
  let sum = 0;
  for (let i = from; i < from + columns; i++) sum += values[i] / columns;
  return sum;
}

function takeLearnerRows(data: LearnerData & TaskData, rows: Int32Array): LearnerData & TaskData {
  const { features, folds, groups, residuals, tasks, weights } = data;
  return {
    ...data,
    features: takeRows(features, rows),
    residuals: takeRows(residuals, rows),
    weights: weights && takeRows({ ...residuals, values: weights }, rows).values,
    tasks: rows.map((row) => tasks[row]),
    groups: rows.map((row) => groups[row]),
    folds: rows.map((row) => folds[row]),
  };
}

/** Numbers of tasks, on the rows of these: `[rows, candidates]` */
function rowsOf(byTask: Float32Array, { residuals, tasks }: LearnerData & TaskData): Matrix {
  const { columns } = residuals;
  return takeRows({ rows: byTask.length / columns, columns, values: byTask }, tasks);
}

/** Whether what the one chooses is worse than what the other does by more than a standard error. */
function choosesWorse(one: Matrix, other: Matrix, data: LearnerData): boolean {
  const { candidateMeans, groups, residuals } = data;
  const { rows, columns } = residuals;
  const means = trainMeans(data);
  const chosen = ({ values }: Matrix, row: number) => {
    const from = row * columns;
    const best = argMax(means.map((mean, c) => mean + values[from + c]));
    return candidateMeans[best] + residuals.values[from + best];
  };
  const gains = Float64Array.from({ length: rows }, (_, row) => chosen(one, row) - chosen(other, row));
  const { mean, standardError } = clusteredMean(gains, groups);
  return mean < -standardError;
}

/** The rows of a split, and what came of them. */
interface ToldRows {
  /** `[rows, features]` */
  readonly features: Matrix;
  /** NaN: unobserved. `[rows, candidates]` */
  readonly quality: Matrix;
  /** Importance of each outcome, `[rows, candidates]`; null: all alike. */
  readonly weights: Float32Array | null;
  /** Number of each row's task; -1: none that is learned. */
  readonly tasks: Int32Array;
  readonly groups: Int32Array;
}

/**
 * Calibrates what is expected where the task is told, as untold success and choice are.
 *
 * @param success the head that is told, as it will be in the artifact
 * @param rows of the calibrate split; those without a task say nothing
 */
export function calibrateTold(
  { offsets, scale }: ToldOffsets,
  success: HeadSpec,
  context: HeadContext,
  rows: ToldRows,
  seed: number,
): ToldTask | null {
  if (success.kind !== 'logit') return null;
  const { columns } = offsets;
  const given = {
    scale,
    // Digits enough, and a manifest that can be read.
    offsets: Array.from({ length: offsets.rows }, (_, t) =>
      Array.from(offsets.values.subarray(t * columns, (t + 1) * columns), (x) =>
        Number(Math.min(1, Math.max(-1, x)).toFixed(6)),
      ),
    ),
  };
  const heads = given.offsets.map((_, t) => createHead(toldHead(success, given, t), context));
  const at = allRows(rows.features).filter((row) => rows.tasks[row] >= 0);
  const quality = takeRows(rows.quality, at);
  const logits = createMatrix(at.length, columns);
  at.forEach((row, i) => {
    const features = takeRows(rows.features, [row]).values;
    heads[rows.tasks[row]].predictInto(features, logits.values.subarray(i * columns, (i + 1) * columns));
  });
  const weights = rows.weights && takeRows({ ...rows.quality, values: rows.weights }, at).values;
  const groups = at.map((row) => rows.groups[row]);
  const { calibrators } = chooseCalibrators(logits, quality, weights, { groups, seed });
  const expected = { ...logits, values: logits.values.map((z) => sigmoid(z) / TARGET_TEMPERATURE) };
  const slope = isFullyObserved(quality)
    ? fitSoftmaxTemperature(expected, { targets: softTargets(quality, TARGET_TEMPERATURE) })
    : 1;
  return {
    ...given,
    calibrators: calibrators.map(({ parameters }) => parameters),
    temperature: slope * TARGET_TEMPERATURE,
  };
}
