import {
  isAnswerable,
  LEAST_CARRIERS,
  LEAST_SAMPLE,
  measureOverlap,
  type Overlap,
  refusals,
} from '../off-policy/diagnose.ts';
import { ESTIMATORS, highestWeight, type LoggedTable, policyScores } from '../off-policy/estimate.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import {
  type DoubtTable,
  doubtTable,
  pseudoOutcomes,
  type ScoreDoubt,
  scoreDoubt,
  scoreInterval,
  takeDoubt,
} from '../off-policy/score-interval.ts';
import { takeNumbers } from '../outcomes/matrix.ts';
import { formatCount, type Interval, plural } from '../words.ts';
import { bestSingleCandidate, type Choice, columnOf, costsOf, describeStrategies } from './baselines.ts';
import { type Comparison, describeTasks } from './compare.ts';
import type { Coverage, OffPolicyEstimate, OffPolicyEvaluation, Strategy, TaskRow } from './evaluation.ts';
import type { EvaluationInput, TrainMeans } from './evaluation-input.ts';

/** What can be said of the router on a log that does not hold every candidate of every prompt. */
interface OffPolicyComparison {
  readonly offPolicy: OffPolicyEvaluation;
  /** With the rows and candidates that the figures rest on. */
  readonly coverage: Coverage;
  /** Number of the best single candidate on the training rows; null where the log cannot answer. */
  readonly bestSingle: number | null;
  readonly strategies: readonly Strategy[];
  readonly tasks: readonly TaskRow[];
}

/** Lists the ways to choose, given the compared rows. */
type ListChoices = (comparison: Comparison) => readonly Choice[];

/**
 * Compares router and baselines on doubly robust scores, one table of `[rows, candidates]`, as if they were what was seen;
 * and says how far the log can carry that.
 */
export function compareOffPolicy(
  input: EvaluationInput,
  propensities: LoggingPropensities,
  means: TrainMeans,
  coverage: Coverage,
  listedTasks: readonly string[],
  listChoices: ListChoices,
): OffPolicyComparison {
  const rows = offPolicyRows(input, propensities, means);
  const { table, chosen } = rows;
  const names = input.matrix.candidates;
  const router = measureOverlap(table, { chosen });
  const candidates = names.map((candidate, c) => {
    const overlap = measureOverlap(table, always(c, names.length));
    return {
      ...overlap,
      candidate,
      compared: isAnswerable(overlap, table.source) && !Number.isNaN(means.quality[c]),
    };
  });
  const { comparison, costsUnknown } = comparisonOf(
    rows,
    candidates.flatMap(({ compared }, c) => (compared ? [c] : [])),
  );
  const { compared, prompts } = comparison;
  const best = compared.length > 0 ? bestSingleCandidate(comparison, means) : null;
  const tasks = Array.from(prompts, (prompt) => input.matrix.prompts[prompt].task);
  const several = severalAsked(input, rows.positions);
  const reasons = [
    ...(several === null ? [] : [several]),
    ...refusals(table, router, "the router's choices"),
    ...(best === null ? [NO_SINGLE] : []),
  ];
  const isRefused = reasons.length > 0 || best === null;
  const choices = isRefused ? [] : listChoices(comparison).filter(({ id }) => id !== 'oracle');
  const interval = (column: Float64Array, doubt: ScoreDoubt | null): Interval =>
    column.some(Number.isNaN)
      ? { estimate: null, low: null, high: null, rows: column.length, groups: 0 }
      : scoreInterval(column, table.clusters, { doubt });
  return {
    offPolicy: {
      estimator: 'dr',
      propensities: propensities.source,
      assumption: propensities.assumption,
      rows: prompts.length,
      unratedRows: input.splits.test.rows.length - prompts.length,
      clip: rows.clip,
      refusals: reasons,
      estimates: isRefused ? [] : estimate(rows, choices),
      overlap: {
        router,
        bestSingle: best === null ? null : candidates[best],
        candidates,
        tasks: overlapOfTasks(rows, tasks, listedTasks),
      },
    },
    coverage: {
      ...coverage,
      comparedRows: isRefused ? 0 : prompts.length,
      incompleteRows: input.splits.test.rows.length - prompts.length,
      unmeasuredChoices: chosen.filter((c) => !candidates[c].compared).length,
      notCompared: candidates.filter((one) => !one.compared).map(({ candidate }) => candidate),
      imputedCosts: 0,
      costsKnown: costsUnknown.length === 0,
      costsUnknown: costsUnknown.map((c) => names[c]),
    },
    bestSingle: isRefused ? null : best,
    strategies: describeStrategies(comparison, choices, names.length, (columns, doubts) =>
      columns.map((column, i) => interval(column, doubts[i])),
    ),
    tasks: isRefused ? [] : measureTasks(rows, comparison, choices, tasks, listedTasks, names),
  };
}

const NO_SINGLE =
  'No candidate has enough outcomes in the log for always choosing it to be valued, so there is nothing to compare the router with. ' +
  'Collect more traffic, or more of it at random.';

/** Why plans that ask several candidates cannot be estimated; null where there are none. @param positions in the predictions */
function severalAsked(
  { matrix, predictions: { plans } }: EvaluationInput,
  positions: Int32Array,
): string | null {
  if (!plans) return null;
  const columns = matrix.candidates.length;
  const may = (i: number) => plans.mayAsk.subarray(i * columns, (i + 1) * columns);
  const rows = positions.filter((i) => plans.unknown !== null || may(i).filter(Boolean).length > 1).length;
  if (rows === 0) return null;
  return (
    `For ${formatCount(rows)} of ${plural(positions.length, 'prompt')} its policy may ask several candidates, and a log of one answer a prompt does not ` +
    'say what comes of that: a later answer is worth what it is on the prompts where the earlier ones did not pass. Send a few hundred prompts to every ' +
    'candidate, with their answers kept.'
  );
}

function always(candidate: number, candidates: number) {
  return { mixture: Float64Array.from({ length: candidates }, (_, c) => Number(c === candidate)) };
}

/** Doubly robust scores in the form of what was seen, and the candidates of which no cost is known. */
export function comparisonOf(
  rows: OffPolicyRows,
  compared: readonly number[],
): { comparison: Comparison; costsUnknown: readonly number[] } {
  const { positions, prompts, chosen, quality, costUsd, latencyMs, table } = rows;
  const { candidates } = table;
  const used = [...new Set([...compared, ...chosen])].sort((a, b) => a - b);
  const costsUnknown = used.filter((c) => !isKnown(costUsd, candidates, c));
  return {
    costsUnknown,
    comparison: {
      positions,
      prompts,
      groups: Int32Array.from(table.clusters),
      compared,
      quality,
      costUsd: costsUnknown.length === 0 ? costUsd : null,
      latencyMs,
      chosen,
      doubt: rows.doubt,
    },
  };
}

function isKnown(cells: Float64Array, candidates: number, c: number): boolean {
  for (let at = c; at < cells.length; at += candidates) if (Number.isNaN(cells[at])) return false;
  return true;
}

/** The router by every estimator, each against the same choices. */
function estimate({ doubt, table }: OffPolicyRows, choices: readonly Choice[]): OffPolicyEstimate[] {
  const policy = (id: string) => choices.find((choice) => choice.id === id)?.by;
  const mix = policy('fixedMix');
  return ESTIMATORS.map((estimator) => {
    const own = policyScores(estimator, table, policy('router')!);
    const against = (by: Choice['by']) => {
      const { scores } = policyScores(estimator, table, by);
      return scoreInterval(
        own.scores.map((score, row) => score - scores[row]),
        table.clusters,
        { doubt: scoreDoubt(doubt, policy('router')!, by) },
      );
    };
    return {
      estimator,
      quality: scoreInterval(own.scores, table.clusters, { doubt: scoreDoubt(doubt, policy('router')!) }),
      againstBestSingle: against(policy('bestSingle')!),
      againstFixedMix: mix === undefined ? null : against(mix),
      switchAt: Number.isFinite(own.switchAt) ? own.switchAt : null,
    };
  });
}

function rowsOfTask(tasks: readonly (string | null)[], task: string): Int32Array {
  return Int32Array.from(tasks.flatMap((one, row) => (one === task ? [row] : [])));
}

function overlapOfTasks(
  { table, chosen }: OffPolicyRows,
  tasks: readonly (string | null)[],
  listed: readonly string[],
): (Overlap & { task: string })[] {
  return listed.map((task) => {
    const rows = rowsOfTask(tasks, task);
    return { task, ...measureOverlap(takeTable(table, rows), { chosen: rows.map((row) => chosen[row]) }) };
  });
}

/** Task by task, where the log holds enough of what the router chooses there. */
function measureTasks(
  rows: OffPolicyRows,
  comparison: Comparison,
  choices: readonly Choice[],
  tasks: readonly (string | null)[],
  listed: readonly string[],
  names: readonly string[],
): TaskRow[] {
  const enough = new Set(
    overlapOfTasks(rows, tasks, listed)
      .filter(
        ({ carriers = 0, effectiveSampleSize }) =>
          effectiveSampleSize >= LEAST_SAMPLE && carriers >= LEAST_CARRIERS,
      )
      .map(({ task }) => task),
  );
  const choice = (id: string) => choices.find((one) => one.id === id)!;
  const qualityOf = (id: string) => columnOf(rows.quality, choice(id), names.length);
  const doubt = scoreDoubt(rows.doubt, choice('router').by, choice('bestSingle').by);
  return describeTasks(
    comparison,
    tasks,
    listed.filter((task) => enough.has(task)),
    {
      router: qualityOf('router'),
      bestSingle: qualityOf('bestSingle'),
      oracle: null,
      costUsd: comparison.costUsd && costsOf(comparison.costUsd, choice('router'), names.length),
    },
    names,
    (column, at) =>
      scoreInterval(
        column,
        Int32Array.from(at, (row) => rows.table.clusters[row]),
        { doubt: takeDoubt(doubt, at) },
      ),
  );
}

/** The part of the test split that holds an outcome, and doubly robust scores of every cell of it. */
interface OffPolicyRows {
  /** Positions in the test split: [rows] */
  readonly positions: Int32Array;
  /** Prompt numbers in the matrix: [rows] */
  readonly prompts: Int32Array;
  readonly table: LoggedTable;
  /** Inverse propensities above this are cut. */
  readonly clip: number;
  /** What is behind each score. */
  readonly doubt: DoubtTable;
  /** What the router chose: [rows] */
  readonly chosen: Int32Array;
  /** Doubly robust scores, which may leave 0 to 1: [rows, candidates] */
  readonly quality: Float64Array;
  /** The same of costs; NaN where a candidate's cost is nowhere known. */
  readonly costUsd: Float64Array; // [rows, candidates]
  readonly latencyMs: Float64Array; // [rows, candidates]
}

/** Reads what the log holds of the test prompts; the router's own success heads, which never saw them, are the model. */
export function offPolicyRows(
  { matrix, splits, predictions, groups }: EvaluationInput,
  propensities: LoggingPropensities,
  means: TrainMeans,
): OffPolicyRows {
  const candidates = matrix.candidates.length;
  const test = splits.test.rows;
  // Those that a candidate answered which the router does not know count too: they are what the propensities are shares of.
  const positions = Int32Array.from(test, (_, i) => i).filter((i) => propensities.answered[test[i]] === 1);
  const prompts = Int32Array.from(positions, (i) => test[i]);
  const seen = (cells: Float32Array | Float64Array) => takeNumbers(cells, candidates, prompts);
  const predicted = (cells: Float32Array, fallback: ArrayLike<number> | null) =>
    takeNumbers(cells, candidates, positions).map((value, cell) =>
      Number.isNaN(value) && fallback !== null ? fallback[cell % candidates] : value,
    );
  const table: LoggedTable = {
    candidates,
    quality: seen(matrix.quality),
    propensities: seen(propensities.values),
    source: propensities.source,
    policy: propensities.policy === undefined ? null : seen(propensities.policy),
    expected: predicted(predictions.success, means.quality),
    clusters: Int32Array.from(prompts, (prompt) => groups[prompt]),
  };
  const clip = highestWeight(propensities.values, propensities.source, propensities.policy);
  const scores = (observed: Float32Array, expected: Float64Array) =>
    pseudoOutcomes({
      // An amount is used where the quality was seen too: the propensity is that of the quality.
      quality: seen(observed).map((value, cell) => (Number.isNaN(table.quality[cell]) ? Number.NaN : value)),
      propensities: table.propensities,
      expected,
      clip,
    });
  return {
    positions,
    prompts,
    table,
    clip,
    doubt: doubtTable(table, clip),
    chosen: Int32Array.from(positions, (i) => predictions.chosen[i]),
    quality: pseudoOutcomes({ ...table, clip }),
    costUsd: scores(matrix.costUsd, predicted(predictions.expectedCostUsd, means.costUsd)),
    latencyMs: scores(matrix.latencyMs, predicted(predictions.expectedLatencyMs, null)),
  };
}

/** Some rows of the table. @param rows positions in it */
function takeTable(table: LoggedTable, rows: Int32Array): LoggedTable {
  const { candidates } = table;
  return {
    ...table,
    quality: takeNumbers(table.quality, candidates, rows),
    propensities: takeNumbers(table.propensities, candidates, rows),
    expected: takeNumbers(table.expected, candidates, rows),
    policy: table.policy ? takeNumbers(table.policy, candidates, rows) : null,
    clusters: Int32Array.from(rows, (row) => table.clusters[row]),
  };
}
