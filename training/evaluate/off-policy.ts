import type { OffPolicyEstimate, OffPolicyEvaluation } from '../evaluation/off-policy-evaluation.ts';
import { type OffPolicyRows, offPolicyRows, takeTable } from '../evaluation/off-policy-table.ts';
import { describeTasks } from '../evaluation/task-rows.ts';
import type { TrainMeans } from '../evaluation/train-means.ts';
import { isAnswerable, LEAST_CARRIERS, LEAST_SAMPLE, refusals } from '../off-policy/diagnose.ts';
import { ESTIMATORS, policyScores } from '../off-policy/estimate.ts';
import { measureOverlap, type Overlap } from '../off-policy/overlap.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import { scoreDoubt, takeDoubt } from '../off-policy/score-doubt.ts';
import { type ScoreDoubt, scoreInterval } from '../off-policy/score-interval.ts';
import type { Interval } from '../words/format-number.ts';
import { bestSingleCandidate, type Choice, columnOf, describeContenders } from './baselines.ts';
import type { Comparison } from './compare.ts';
import type { Contender, Coverage, TaskRow } from './evaluation.ts';
import type { EvaluationInput } from './evaluation-input.ts';

/** What can be said of the router on a log that does not hold every candidate of every prompt. */
interface OffPolicyComparison {
  readonly offPolicy: OffPolicyEvaluation;
  /** With the rows and candidates that the figures rest on. */
  readonly coverage: Coverage;
  /** Number of the best single candidate on the training rows; null where the log cannot answer. */
  readonly bestSingle: number | null;
  readonly contenders: readonly Contender[];
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
  const reasons = [...refusals(table, router, "the router's choices"), ...(best === null ? [NO_SINGLE] : [])];
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
    contenders: describeContenders(comparison, choices, names.length, (columns, doubts) =>
      columns.map((column, i) => interval(column, doubts[i])),
    ),
    tasks: isRefused ? [] : measureTasks(rows, comparison, choices, tasks, listedTasks, names),
  };
}

const NO_SINGLE =
  'No candidate has enough outcomes in the log for always choosing it to be valued, so there is nothing to compare the router with. ' +
  'Collect more traffic, or more of it at random.';

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
    { router: qualityOf('router'), bestSingle: qualityOf('bestSingle'), oracle: null },
    names,
    (column, at) =>
      scoreInterval(
        column,
        Int32Array.from(at, (row) => rows.table.clusters[row]),
        { doubt: takeDoubt(doubt, at) },
      ),
  );
}
