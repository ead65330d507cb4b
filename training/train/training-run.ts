import { InvalidInputError } from 'pointsman';
import { createRandom, type ManifestAnswer } from 'pointsman/internal';
import type { TrainConfig } from '../config.ts';
import type { EmbedProgress } from '../embed/embed.ts';
import type { RouterEmbedder } from '../embed/embedders.ts';
import type { EngineProgress } from '../engine/engine.ts';
import type { FittedFeatures } from '../features/fit-features.ts';
import { FEWEST_GROUPS, type FoldProgress, groupedFolds, type Matrix, takeRows } from '../fit/rows.ts';
import type { IngestProgress } from '../ingest/options.ts';
import { isFullyObserved, type LearnerData } from '../learners/learner.ts';
import { type LoggingPropensities, loggingPropensities } from '../off-policy/propensities.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import type { Splits } from '../split/split.ts';
import type { ShardedTraining, WholeTraffic } from './run-on-shards.ts';

/** What a router is trained from. */
export interface TrainInput {
  /** Letters, digits, `.`, `_` and `-`: the router's name in its manifest. */
  readonly name: string;
  readonly matrix: OutcomeMatrix;
  readonly splits: Splits;
  /** Near-duplicate group of each prompt. */
  readonly groups: Int32Array;
  readonly dataFingerprint: string;
  readonly config: TrainConfig;
  readonly embedder: RouterEmbedder;
  /** Where embeddings are kept from run to run. @default none are kept */
  readonly cacheFolder?: string | undefined;
  /** How its scores were read, for the report; null where they were qualities. @default null */
  readonly scores?: string | null;
  /** What `tuned` of the policy stands for: `tunedBefore`. @default nothing, so that such a policy is refused */
  readonly thresholds?: ManifestAnswer['thresholds'] | null;
  /** Where the traffic came from, for the card. */
  readonly source?: string | undefined;
  /** Embeds and featurises on shards. @default here */
  readonly sharded?: ShardedTraining | undefined;
  /** All prompts, where the matrix is a sample of them: the router is measured on theirs too. @default null */
  readonly whole?: WholeTraffic | null;
  readonly onProgress?: (progress: TrainProgress) => void;
}

/** What one training learns from and how. Made once, by `startRun`, and passed down as it is. */
export interface TrainingRun {
  /** With the seed of all that is drawn. */
  readonly config: TrainConfig;
  readonly matrix: OutcomeMatrix;
  readonly splits: Splits;
  /** Near-duplicate group of each prompt. */
  readonly groups: Int32Array;
  /** Fitted on the fit split, there for every prompt. */
  readonly features: FittedFeatures;
  /** Fold of each row of the fit split; no group straddles two. */
  readonly folds: Int32Array;
  /** Tasks that are learned, sorted. */
  readonly tasks: readonly string[];
  /**
   * How likely it was that the traffic holds the outcomes that it holds; null where every prompt that has an outcome has one of
   * every candidate: nothing was left to a logging policy.
   */
  readonly propensities: LoggingPropensities | null;
  readonly onStep: OnStep;
}

/** What training is at. */
export type TrainProgress =
  | ({ readonly kind: 'read' } & IngestProgress)
  | ({ readonly kind: 'embed' } & EmbedProgress)
  /** Tasks on shards, wherever they run. */
  | ({ readonly kind: 'shards' } & EngineProgress)
  /** A step begins (`folds` is null), or goes on. */
  | { readonly kind: 'step'; readonly what: string; readonly folds: FoldProgress | null };

/** Called when a step begins, and again with how far it is. */
export type OnStep = (what: string, progress?: FoldProgress) => void;

/**
 * Deals the folds, finds the tasks and the propensities: all that follows from the rest of a run.
 * @throws InvalidInputError where propensities must be logged and are not
 */
export async function startRun(
  given: Omit<TrainingRun, 'folds' | 'tasks' | 'propensities'>,
): Promise<TrainingRun> {
  const { config, groups, matrix, splits } = given;
  const { rows } = splits.fit;
  const run = {
    ...given,
    folds: groupedFolds(
      rows.map((row) => groups[row]),
      config.folds,
      config.seed,
    ),
    tasks: taskKinds(matrix, rows, groups).names,
  };
  return { ...run, propensities: await trafficPropensities(run) };
}

/** Half of the near-duplicate groups teach in it, and all else is the same; null where they are too few. */
export async function onHalf(run: TrainingRun): Promise<TrainingRun | null> {
  const { config, groups, splits } = run;
  const { fit } = splits;
  const all = Int32Array.from(new Set(fit.rows.map((row) => groups[row])));
  if (all.length < 4 * FEWEST_GROUPS) return null;
  const half = new Set(
    createRandom(config.seed)
      .shuffle(all)
      .subarray(0, all.length >> 1),
  );
  const rows = fit.rows.filter((row) => half.has(groups[row]));
  const onStep: OnStep = (what, progress) => run.onStep(`on half of the prompts: ${what}`, progress);
  return startRun({ ...run, splits: { ...splits, fit: { ...fit, rows } }, onStep });
}

async function trafficPropensities({
  config,
  features,
  groups,
  matrix,
  onStep,
}: Omit<TrainingRun, 'propensities'>): Promise<LoggingPropensities | null> {
  if (isComplete(matrix)) return null;
  const what = 'estimating propensities';
  onStep(what);
  const use = config.offPolicy.propensities;
  const found = await loggingPropensities(use === 'fitted' ? withoutPropensities(matrix) : matrix, {
    features: features.matrix,
    groups,
    folds: config.folds,
    seed: config.seed,
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

/** The fit split as learners want it. */
export function learnerData({
  config,
  features,
  folds,
  groups,
  matrix,
  splits,
  tasks,
}: Omit<TrainingRun, 'propensities'>): LearnerData {
  const { rows } = splits.fit;
  // Whoever asks for weights asks for the log alone.
  const priorStrength = config.offPolicy.weights === 'auto' ? config.offPolicy.memory : 0;
  const seen = takeRows(outcomes(matrix, matrix.quality), rows);
  const logged = !isFullyObserved(seen);
  const { quality, weights } =
    logged && matrix.expected !== undefined && priorStrength > 0
      ? addChampionPrior(seen, takeRows(outcomes(matrix, matrix.expected), rows), priorStrength)
      : { quality: seen, weights: null };
  const importance =
    matrix.importance === undefined ? null : takeRows(outcomes(matrix, matrix.importance), rows).values;
  const candidateMeans = columnMeans(quality, importance);
  const { columns } = quality;
  const numbers = new Map(tasks.map((name, i) => [name, i]));
  return {
    features: takeRows(features.matrix, rows),
    featureVariance: features.variance,
    embedding: features.embedding,
    residuals: { ...quality, values: quality.values.map((x, i) => x - candidateMeans[i % columns]) },
    weights,
    importance,
    logged,
    tasks:
      tasks.length < 2
        ? null
        : Int32Array.from(rows, (row) => numbers.get(matrix.prompts[row].task ?? '') ?? -1),
    taskCount: tasks.length,
    candidateMeans,
    // Of a log of some candidates a prompt, means over more rows are as wrong as they were.
    ...(logged ? {} : { trainMeans: meansToLearnFrom(matrix, splits) }),
    groups: rows.map((row) => groups[row]),
    folds,
    seed: config.seed,
  };
}

/** Each candidate's mean over all that there is to learn from: its error is what small data are misled by most. */
function meansToLearnFrom(matrix: OutcomeMatrix, { fit, calibrate }: Splits): number[] {
  const rows = Int32Array.from([...fit.rows, ...calibrate.rows]);
  const { importance, quality } = matrix;
  return columnMeans(
    takeRows(outcomes(matrix, quality), rows),
    importance === undefined ? null : takeRows(outcomes(matrix, importance), rows).values,
  );
}

/** One kind of outcome as a matrix. */
export function outcomes({ prompts, candidates }: OutcomeMatrix, values: Float32Array): Matrix {
  return { rows: prompts.length, columns: candidates.length, values };
}

/** Mean of what was observed; a candidate with no outcome gets the mean of the others. @param importance as `values`; null: all alike */
function columnMeans({ columns, values }: Matrix, importance: Float32Array | null): number[] {
  const sums = new Float64Array(columns);
  const counts = new Float64Array(columns);
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const weight = importance === null ? 1 : importance[i];
    sums[i % columns] += weight * value;
    counts[i % columns] += weight;
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
