import { type ScoreDoubt, scoreDoubt } from '../off-policy/score-interval.ts';
import type { Interval } from '../words.ts';
import { bootstrapMeans, type Comparison, chooseBest } from './compare.ts';
import type { Strategy, StrategyId } from './evaluation.ts';
import { columnMeans, type PlanOutcomes, type TrainMeans } from './evaluation-input.ts';
import { costQualityHull, mixAtCost } from './metrics.ts';

/** A way to choose: one candidate a row, or the same random mixture for every row. */
export interface Choice {
  readonly id: StrategyId;
  readonly name: string;
  readonly note: string;
  readonly by: PlannedChoice | { readonly mixture: Float64Array };
}

/** Whose answer is given, and who is asked on the way there: nobody else, where there are no plans. `[rows]` */
export interface PlannedChoice {
  readonly chosen: Int32Array;
  readonly plans?: PlanOutcomes;
}

export interface StrategySources {
  readonly names: readonly string[];
  readonly means: TrainMeans;
  /** `[rows, candidates]` of `nearestNeighbours`; null without embeddings. */
  readonly nearest: Float64Array | null;
  /** Says how the neighbours were found. */
  readonly nearestNote: string;
  /** `[rows, candidates]` of `taskScores`; null without tasks. */
  readonly task: Float64Array | null;
  /** What the router chooses where it is told the task; null where it cannot be. */
  readonly told: PlannedChoice | null;
}

/** Candidate number of the best single candidate on the training rows, among those compared. */
export function bestSingleCandidate({ compared }: Comparison, means: TrainMeans): number {
  return chooseBest(means.quality, compared, means.costUsd);
}

/** The router and every baseline, as choices on the compared rows. */
export function listChoices(comparison: Comparison, sources: StrategySources): Choice[] {
  const { chosen, compared, costUsd, plans, quality } = comparison;
  const { means, names, nearest, task, told } = sources;
  const candidates = names.length;
  const rows = chosen.length;
  const always = (candidate: number) => new Int32Array(rows).fill(candidate);
  const perRow = (score: Float64Array, ties: Float64Array | null) =>
    Int32Array.from({ length: rows }, (_, row) =>
      chooseBest(score.subarray(row * candidates, (row + 1) * candidates), compared, tiesOf(ties, row)),
    );
  const tiesOf = (ties: Float64Array | null, row: number) =>
    ties && ties.length > candidates ? ties.subarray(row * candidates, (row + 1) * candidates) : ties;
  const best = bestSingleCandidate(comparison, means);

  const choices: Choice[] = [
    {
      id: 'router',
      name: 'This router',
      note: plans
        ? 'Its own policy, as it would run in production: the answer that is given in the end counts, and everybody who is asked is paid.'
        : 'Its own policy, as it would choose in production.',
      by: plans ? { chosen, plans } : { chosen },
    },
  ];
  if (costUsd) {
    const trainCost = means.costUsd.map((cost, c) =>
      Number.isNaN(cost) ? columnMeans(costUsd, candidates, iota(rows))[c] : cost,
    );
    const cheapest = chooseBest(
      trainCost.map((cost) => -cost),
      compared,
    );
    choices.push({
      id: 'cheapest',
      name: `Cheapest: ${names[cheapest]}`,
      note: 'The candidate with the lowest mean cost on the training rows, always.',
      by: { chosen: always(cheapest) },
    });
  }
  choices.push({
    id: 'bestSingle',
    name: `Best single: ${names[best]}`,
    note: 'The candidate with the highest mean quality on the training rows, always.',
    by: { chosen: always(best) },
  });
  if (costUsd) {
    const { budget, cost, mixture } = bestFixedMix(comparison, means, candidates);
    choices.push({ id: 'fixedMix', ...describeMix(cost, budget), by: { mixture } });
  }
  choices.push({
    id: 'shuffled',
    name: 'Shuffled copy of the router',
    note: 'The same choices dealt to other prompts at random, averaged over all orders.',
    by: { mixture: sharesOf(chosen, candidates) },
  });
  if (nearest) {
    const by = { chosen: perRow(nearest, means.costUsd) };
    choices.push({ id: 'nearest', name: 'Nearest neighbours', note: sources.nearestNote, by });
  }
  if (task) {
    const by = { chosen: perRow(task, means.costUsd) };
    const note = "The candidate with the highest mean quality on the training rows of the prompt's task.";
    choices.push({ id: 'task', name: 'Best per task', note, by });
  }
  if (told) {
    const note =
      'As it would choose where the caller says the task; one that it has not learned makes no difference.';
    choices.push({ id: 'told', name: 'This router, told the task', note, by: told });
  }
  choices.push({
    id: 'oracle',
    name: 'Oracle',
    note: 'The best candidate of each prompt, the cheapest of equals: what perfect foresight would reach.',
    by: { chosen: perRow(quality, costUsd) },
  });
  return choices;
}

/** What a mix costs, beside what the router does; rounding alone makes no difference. */
function describeMix(cost: number, budget: number): { readonly name: string; readonly note: string } {
  const best = 'The random mixture of candidates that was best on the training rows, of those that cost';
  if (Math.abs(cost - budget) <= 1e-6 * budget)
    return { name: 'Best fixed mix at equal cost', note: `${best} what the router costs.` };
  return cost < budget
    ? { name: 'Best fixed mix', note: `${best} no more than the router.` }
    : {
        name: 'Cheapest, as a mix',
        note: 'The router costs less than any candidate alone, and so than any mix.',
      };
}

/** Measures choices with paired intervals; the first is the router. */
export function measureStrategies(
  comparison: Comparison,
  choices: readonly Choice[],
  candidates: number,
  options: { readonly seed: number; readonly resamples: number },
): Strategy[] {
  return describeStrategies(comparison, choices, candidates, (columns) =>
    bootstrapMeans(columns, { ...options, clusters: comparison.groups }),
  );
}

/**
 * The same, with intervals of the columns' means made otherwise.
 * @param measure columns are `[rows]` each; beside each what is to be doubted of it, where it is of estimated scores
 */
export function describeStrategies(
  comparison: Comparison,
  choices: readonly Choice[],
  candidates: number,
  measure: (columns: readonly Float64Array[], doubts: readonly (ScoreDoubt | null)[]) => readonly Interval[],
): Strategy[] {
  const { costUsd, doubt, latencyMs, quality } = comparison;
  const qualities = choices.map((choice) => columnOf(quality, choice, candidates));
  const none = new Float64Array(0);
  const costs = choices.map((choice) => (costUsd ? costsOf(costUsd, choice, candidates) : none));
  const columns = choices.flatMap((choice, i) => [
    qualities[i],
    costs[i],
    latenciesOf(latencyMs, choice, candidates),
    i === 0 ? none : qualities[0].map((value, row) => snap(value - qualities[i][row])),
    i === 0 ? none : costs[i].map((cost, row) => cost - costs[0][row]),
  ]);
  const doubts = choices.flatMap(({ by }) => {
    if (doubt === undefined) return [null, null, null, null, null];
    const amount = scoreDoubt(doubt, by, null, null);
    const [first] = choices;
    return [
      scoreDoubt(doubt, by),
      amount,
      amount,
      scoreDoubt(doubt, first.by, by),
      scoreDoubt(doubt, first.by, by, null),
    ];
  });
  const isUsed = (_: unknown, i: number) => columns[i].length > 0;
  const intervals = measure(columns.filter(isUsed), doubts.filter(isUsed));
  let at = 0;
  const next = (column: Float64Array) => {
    const interval = column.length > 0 ? intervals[at++] : null;
    return interval?.estimate === null ? null : interval;
  };
  return choices.map(({ id, name, note, by }, i) => {
    const [own, cost, latency, difference, saving] = columns.slice(5 * i, 5 * i + 5).map(next);
    const shares = 'mixture' in by ? by.mixture : sharesOf(by.chosen, candidates);
    return {
      id,
      name,
      note,
      quality: own!,
      costUsd: cost,
      latencyMs: latency,
      difference,
      saving,
      shares: [...shares],
    };
  });
}

/** A mixture's weights add up to 1 but for rounding; what rounding alone makes of 0 is 0. */
function snap(difference: number): number {
  return Math.abs(difference) < 1e-9 ? 0 : difference;
}

/** What a choice gets on each row; of a mixture, its expectation. @param cells `[rows, candidates]` */
export function columnOf(cells: Float64Array, { by }: Pick<Choice, 'by'>, candidates: number): Float64Array {
  if ('chosen' in by) return Float64Array.from(by.chosen, (c, row) => cells[row * candidates + c]);
  const column = new Float64Array(cells.length / candidates);
  by.mixture.forEach((share, c) => {
    // Candidates outside the mixture may be NaN.
    if (share > 0)
      for (let row = 0; row < column.length; row++) column[row] += share * cells[row * candidates + c];
  });
  return column;
}

/** What a choice costs on each row: all that is asked for it. @param costUsd `[rows, candidates]` */
export function costsOf(costUsd: Float64Array, choice: Pick<Choice, 'by'>, candidates: number): Float64Array {
  const { by } = choice;
  if (!('chosen' in by) || by.plans === undefined) return columnOf(costUsd, choice, candidates);
  const { asked } = by.plans;
  return Float64Array.from(by.chosen, (_, row) => {
    let sum = 0;
    for (let cell = row * candidates; cell < (row + 1) * candidates; cell++)
      if (asked[cell] > 0) sum += asked[cell] * costUsd[cell];
    return sum;
  });
}

/** How long a choice takes on each row, until its answer is there. @param latencyMs `[rows, candidates]` */
export function latenciesOf(
  latencyMs: Float64Array,
  choice: Pick<Choice, 'by'>,
  candidates: number,
): Float64Array {
  const { by } = choice;
  return 'chosen' in by && by.plans ? by.plans.latencyMs : columnOf(latencyMs, choice, candidates);
}

/**
 * The mixture that maximises mean quality on the training rows among those that cost the router's mean cost or
 * less on the compared rows: prices are known beforehand, quality is not. Where none is as cheap, the cheapest candidate.
 * @returns with its mean cost and the router's, which is its budget
 */
function bestFixedMix(
  { chosen, compared, costUsd, plans }: Comparison,
  means: TrainMeans,
  candidates: number,
): { readonly mixture: Float64Array; readonly cost: number; readonly budget: number } {
  const rows = chosen.length;
  const costs = columnMeans(costUsd!, candidates, iota(rows));
  const router = { by: plans ? { chosen, plans } : { chosen } };
  const budget = costsOf(costUsd!, router, candidates).reduce((sum, cost) => sum + cost / rows, 0);
  const hull = costQualityHull(
    compared.map((candidate) => ({ candidate, cost: costs[candidate], quality: means.quality[candidate] })),
  );
  const mixture = new Float64Array(candidates);
  // Rounding must not take the budget just under the cost of the one candidate that was always chosen.
  mixAtCost(hull, budget * (1 + 1e-9)).forEach((share, i) => {
    mixture[hull[i].candidate] = share;
  });
  if (hull.length === 0) mixture[compared[0]] = 1;
  const cost = compared.reduce((sum, c) => sum + (mixture[c] > 0 ? mixture[c] * costs[c] : 0), 0);
  return { mixture, cost, budget };
}

function sharesOf(chosen: Int32Array, candidates: number): Float64Array {
  const shares = new Float64Array(candidates);
  for (const c of chosen) shares[c]++;
  return shares.map((count) => count / chosen.length);
}

function iota(length: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => i);
}
