import type { EmbedProgress } from '../embed/embed.ts';
import type { FittedFeatures } from '../features/fit-features.ts';
import { type FoldProgress, groupedFolds } from '../fit/folds.ts';
import { type Matrix, takeRows } from '../fit/rows.ts';
import type { IngestProgress } from '../ingest/options.ts';
import { isFullyObserved, type LearnerData } from '../learners/learner.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import type { Splits } from '../split/split.ts';

interface LearnerDataOptions {
  readonly matrix: OutcomeMatrix;
  readonly splits: Splits;
  /** Near-duplicate group of each prompt. */
  readonly groups: Int32Array;
  readonly fitted: FittedFeatures;
  readonly folds: number;
  readonly seed: number;
  /** How much of an outcome what is expected already counts for in a log; 0: nothing. */
  readonly priorStrength: number;
}

/** The fit split as members want it. */
export function learnerData(input: LearnerDataOptions): LearnerData {
  const { matrix, splits, groups, fitted, folds, seed, priorStrength } = input;
  const rows = splits.fit.rows;
  const seen = takeRows(outcomes(matrix, matrix.quality), rows);
  const logged = !isFullyObserved(seen);
  const { quality, weights } =
    logged && matrix.expected !== undefined && priorStrength > 0
      ? addChampionPrior(seen, takeRows(outcomes(matrix, matrix.expected), rows), priorStrength)
      : { quality: seen, weights: null };
  const candidateMeans = columnMeans(quality);
  const columns = quality.columns;
  const fitGroups = rows.map((row) => groups[row]);
  const { names } = taskKinds(matrix, rows, groups);
  const numbers = new Map(names.map((name, i) => [name, i]));
  return {
    features: takeRows(fitted.features, rows),
    featureVariance: fitted.variance,
    embedding: fitted.embedding,
    residuals: { ...quality, values: quality.values.map((x, i) => x - candidateMeans[i % columns]) },
    weights,
    logged,
    tasks:
      names.length < 2
        ? null
        : Int32Array.from(rows, (row) => numbers.get(matrix.prompts[row].task ?? '') ?? -1),
    taskCount: names.length,
    candidateMeans,
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

/** Outcomes with as much of an expectation in every cell. */
interface OutcomesWithPrior {
  readonly quality: Matrix; // [rows, candidates]
  /** How many outcomes each cell counts for: `priorStrength` where none was seen, 1 + `priorStrength` where one was. */
  readonly weights: Float32Array; // [rows, candidates]
}

/**
 * Holds what is learned from a log to what a router knows that serves already. Its log is nearly all of its own choices: learned
 * from alone, each candidate looks as good everywhere as where it was chosen, and what was known of it elsewhere is
 * forgotten. So every cell has, beside its outcome or in place of one, a share of an outcome of what that router expects
 * (Li and Hoiem 2016, "Learning without forgetting"; the share is a prior's number of pseudo-observations).
 *
 * @param quality NaN: unobserved @param expected as `quality`; a cell of neither stays NaN, with a weight of 0
 * @param priorStrength how much of an outcome an expectation counts for
 */
export function addChampionPrior(
  quality: Matrix,
  expected: Matrix,
  priorStrength: number,
): OutcomesWithPrior {
  const values = new Float32Array(quality.values.length);
  const weights = new Float32Array(quality.values.length);
  for (let i = 0; i < values.length; i++) {
    const [seen, known] = [quality.values[i], expected.values[i]];
    const [seenWeight, knownWeight] = [Number.isNaN(seen) ? 0 : 1, Number.isNaN(known) ? 0 : priorStrength];
    weights[i] = seenWeight + knownWeight;
    const sum = (seenWeight && seen) + (knownWeight && knownWeight * known);
    values[i] = weights[i] > 0 ? sum / weights[i] : Number.NaN;
  }
  return { quality: { ...quality, values }, weights };
}

/** Kinds that are learned; of more, the commonest. Each costs the classifier as much as a candidate costs a head. */
export const MOST_KINDS = 200;

/** A kind must be seen on so many prompts that differ: with fewer, most folds have none to learn it from. */
export const FEWEST_OF_KIND = 5;

/** What a manifest may say. */
const LONGEST_NAME = 200;

/** What kinds of request the `task` column names. */
export interface TaskKinds {
  /** Those that are learned, sorted. */
  readonly names: readonly string[];
  /** Tasks that are not learned, and how many prompts they have; a prompt of theirs counts as one without a task. */
  readonly leftOut: { readonly tasks: number; readonly prompts: number };
}

/**
 * The tasks that say what kind of request a prompt is. A column of identifiers, each on a prompt or two, says nothing that
 * could be learned for the next prompt, and a classifier of thousands would take minutes to say so.
 *
 * @param rows prompts to learn from
 * @param groups near-duplicate group of each prompt of the matrix: copies of one prompt count once
 */
export function taskKinds(
  { prompts }: Pick<OutcomeMatrix, 'prompts'>,
  rows: Int32Array,
  groups: Int32Array,
): TaskKinds {
  const seen = new Map<string, { prompts: number; groups: Set<number> }>();
  for (const row of rows) {
    const { task } = prompts[row];
    if (task === null) continue;
    const of = seen.get(task) ?? { prompts: 0, groups: new Set() };
    of.prompts++;
    of.groups.add(groups[row]);
    seen.set(task, of);
  }
  const names = [...seen]
    .filter(([name, of]) => isName(name) && of.groups.size >= FEWEST_OF_KIND)
    .sort(([a, one], [b, other]) => other.groups.size - one.groups.size || (a < b ? -1 : 1))
    .slice(0, MOST_KINDS)
    .map(([name]) => name)
    .sort();
  const leftOut = { tasks: seen.size - names.length, prompts: 0 };
  const kept = new Set(names);
  for (const [name, of] of seen) if (!kept.has(name)) leftOut.prompts += of.prompts;
  return { names, leftOut };
}

function isName(task: string): boolean {
  return task.length > 0 && task.length <= LONGEST_NAME;
}

/** What training is at. */
export type TrainProgress =
  | ({ readonly kind: 'read' } & IngestProgress)
  | ({ readonly kind: 'embed' } & EmbedProgress)
  /** A step begins (`folds` is null), or goes on. */
  | { readonly kind: 'step'; readonly what: string; readonly folds: FoldProgress | null };

/** Called when a step begins, and again with how far it is. */
export type OnStep = (what: string, progress?: FoldProgress) => void;
