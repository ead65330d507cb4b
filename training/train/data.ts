import type { FittedFeatures } from '../features/fit-features.ts';
import { groupedFolds } from '../head/grouped-folds.ts';
import { type Matrix, takeRows } from '../head/matrix.ts';
import type { MemberData } from '../learners/learner.ts';
import { isFullyObserved } from '../member/squared-error.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { anchorOutcomes } from '../pipeline/anchor-outcomes.ts';
import { taskKinds } from '../pipeline/task-kinds.ts';
import type { Splits } from '../split/split.ts';

interface MemberDataInput {
  readonly matrix: OutcomeMatrix;
  readonly splits: Splits;
  /** Near-duplicate group of each prompt. */
  readonly groups: Int32Array;
  readonly fitted: FittedFeatures;
  readonly folds: number;
  readonly seed: number;
  /** How much of an outcome what is expected already counts for in a log; 0: nothing. */
  readonly memory: number;
}

/** The fit split as members want it. */
export function memberData(input: MemberDataInput): MemberData {
  const { matrix, splits, groups, fitted, folds, seed, memory } = input;
  const rows = splits.fit.rows;
  const seen = takeRows(outcomes(matrix, matrix.quality), rows);
  const logged = !isFullyObserved(seen);
  const { quality, weights } =
    logged && matrix.expected !== undefined && memory > 0
      ? anchorOutcomes(seen, takeRows(outcomes(matrix, matrix.expected), rows), memory)
      : { quality: seen, weights: null };
  const prior = columnMeans(quality);
  const columns = quality.columns;
  const fitGroups = rows.map((row) => groups[row]);
  const { names } = taskKinds(matrix, rows, groups);
  const numbers = new Map(names.map((name, i) => [name, i]));
  return {
    features: takeRows(fitted.features, rows),
    featureVariance: fitted.variance,
    embedding: fitted.embedding,
    residuals: { ...quality, values: quality.values.map((x, i) => x - prior[i % columns]) },
    weights,
    logged,
    tasks:
      names.length < 2
        ? null
        : Int32Array.from(rows, (row) => numbers.get(matrix.prompts[row].task ?? '') ?? -1),
    taskCount: names.length,
    prior,
    groups: fitGroups,
    folds: groupedFolds(fitGroups, folds, seed),
    seed,
  };
}

/** One kind of outcome as a matrix. */
export function outcomes({ prompts, candidates }: OutcomeMatrix, values: Float32Array): Matrix {
  return { rows: prompts.length, columns: candidates.length, values };
}

/** Mean of what was observed; a candidate with no outcome gets the mean of the others. */
function columnMeans({ columns, values }: Matrix): number[] {
  const sums = new Float64Array(columns);
  const counts = new Float64Array(columns);
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    sums[i % columns] += value;
    counts[i % columns]++;
  });
  const total =
    sums.reduce((a, b) => a + b, 0) /
    Math.max(
      1,
      counts.reduce((a, b) => a + b, 0),
    );
  return Array.from(sums, (sum, c) => (counts[c] > 0 ? sum / counts[c] : total));
}
