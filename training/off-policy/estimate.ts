import { quantileSorted } from 'pointsman/internal';
import { areHashed, type OutcomeMatrix } from '../outcomes/matrix.ts';

/**
 * - `ips`: inverse propensity scoring (Horvitz and Thompson 1952): the mean of weight times quality.
 * - `snips`: the same over the mean weight (Swaminathan and Joachims 2015).
 * - `dr`: doubly robust (Dudík, Langford and Li 2011): what the model expects, and the weighted mean of its errors.
 * - `switch-dr`: DR that leaves out errors with a weight above a threshold (Wang, Agarwal and Dudík 2017).
 */
export type EstimatorId = 'ips' | 'snips' | 'dr' | 'switch-dr';

export const ESTIMATORS: readonly EstimatorId[] = ['ips', 'snips', 'dr', 'switch-dr'];

interface PolicyScores {
  /**
   * One score a row: `[rows]`. Their mean is the estimate and their differences to it are its influence function, so
   * the difference of two policies is the mean of the differences of their scores, paired by row.
   */
  readonly scores: Float64Array;
  /** Of `switch-dr`: errors with a weight above it are left out. Infinity of the others. */
  readonly switchAt: number;
}

/** What each row says of a policy's value. @param clip inverse propensities above this are cut. @default highestWeight(table.propensities, table.source, table.policy) */
export function policyScores(
  estimator: EstimatorId,
  table: LoggedTable,
  policy: TargetPolicy,
  clip = highestWeight(table.propensities, table.source, table.policy),
): PolicyScores {
  const { candidates, quality, expected } = table;
  const weights = policyWeights(table, policy, clip);
  const none = Number.POSITIVE_INFINITY;
  // Only cells with a weight are read, and those were observed.
  const weighted = (values: Float64Array) =>
    rowSums(
      weights.map((weight, cell) => (weight === 0 ? 0 : weight * values[cell])),
      candidates,
    );
  if (estimator === 'ips') return { scores: weighted(quality), switchAt: none };
  if (estimator === 'snips')
    return { scores: selfNormalised(weighted(quality), rowSums(weights, candidates)), switchAt: none };
  const model = modelScores(table, policy);
  const errors = quality.map((value, cell) => value - expected[cell]);
  const switchAt = estimator === 'dr' ? none : switchThreshold(weights, errors, model);
  if (switchAt < none)
    weights.forEach((weight, cell) => {
      if (weight > switchAt) weights[cell] = 0;
    });
  const corrections = weighted(errors);
  return { scores: model.map((value, row) => value + corrections[row]), switchAt };
}

/** What the model alone expects of the policy. @returns `[rows]` */
function modelScores({ candidates, expected }: LoggedTable, policy: TargetPolicy): Float64Array {
  return rowSums(
    expected.map((value, cell) => {
      const candidate = cell % candidates;
      const share = targetShare(policy, (cell - candidate) / candidates, candidate);
      return share === 0 ? 0 : share * value;
    }),
    candidates,
  );
}

/** A ratio of means, linearised: its value, plus each row's weighted difference to it over the mean weight. */
function selfNormalised(qualities: Float64Array, weights: Float64Array): Float64Array {
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  const total = sum(weights);
  const value = sum(qualities) / total;
  const scale = weights.length / total;
  return qualities.map((quality, row) => value + scale * (quality - weights[row] * value));
}

interface ClippedWeights {
  readonly weights: Float64Array; // [cells]
  /** Share of the weights above 0 that were cut. */
  readonly clippedShare: number;
  /** Share of their sum that was cut off: few weights may be most of it. */
  readonly clippedMass: number;
}

/** Weights beyond this are cut, where nothing is known of how large they can be: one outcome then speaks for at most so many prompts. */
export const HIGHEST_WEIGHT = 100;

/** Where a logging policy gives every candidate so much at least, weights have a bound, and nothing is cut. */
export const LEAST_FLOOR = 1 / 1000;

/**
 * Where weights are cut, unless somebody says otherwise. A policy that explores with ε among K candidates gives each of them
 * ε/K, so weights go up to K/ε, beyond 100 for 5 % among 6: to cut them would take away a share of every explored
 * outcome. Propensities without such a floor (softmax, Thompson, all that were fitted) are cut at 100. Where some were fitted,
 * as those of who answered after a fallback, the others say where the floor is.
 * @param propensities of what was seen; NaN is passed over @param policy NaN where they were fitted; null: nowhere, or all
 */
export function highestWeight(
  propensities: ArrayLike<number>,
  source: 'logged' | 'fitted' = 'logged',
  policy: ArrayLike<number> | null = null,
): number {
  if (source === 'fitted' && policy === null) return HIGHEST_WEIGHT;
  let least = 1;
  for (let i = 0; i < propensities.length; i++) {
    const isKnown = policy === null || !Number.isNaN(policy[i]);
    if (isKnown && propensities[i] < least) least = propensities[i];
  }
  // The inverse of a rounded number may come out a little larger than what it was rounded from.
  return least >= LEAST_FLOOR * (1 - 1e-6) ? Math.max(HIGHEST_WEIGHT, 1 / least) : HIGHEST_WEIGHT;
}

/**
 * Cuts importance weights at `most`: less noise, for a bias towards what the rows with small propensities are thought to
 * be worth without them (Ionides 2008, truncated importance sampling). NaN stays NaN.
 * @param weights each >= 0
 */
export function clipWeights(weights: ArrayLike<number>, most = HIGHEST_WEIGHT): ClippedWeights {
  let positive = 0;
  let cut = 0;
  let sum = 0;
  let beyond = 0;
  const clipped = Float64Array.from(weights, (weight) => {
    if (weight > 0) {
      positive++;
      sum += weight;
    }
    if (!(weight > most)) return weight;
    cut++;
    beyond += weight - most;
    return most;
  });
  return {
    weights: clipped,
    clippedShare: positive === 0 ? 0 : cut / positive,
    clippedMass: sum === 0 ? 0 : beyond / sum,
  };
}

/** Prompts of a log, with what is known of each candidate. Cells are `[rows, candidates]`. */
export interface LoggedTable {
  readonly candidates: number;
  /** NaN where it was not observed. */
  readonly quality: Float64Array;
  /** Probability that the cell was observed, where it was. */
  readonly propensities: Float64Array;
  /** Probability that the log gave the row to the candidate, seen or not; NaN where it is not known. @default not known */
  readonly policy?: Float64Array | null;
  /** Where the propensities come from, as `LoggingPropensities` says. @default 'logged' */
  readonly source?: 'logged' | 'fitted';
  /** What a model that was not fitted on these rows expects. */
  readonly expected: Float64Array;
  /** Rows of the same number vary together, such as near-duplicate prompts: `[rows]` */
  readonly clusters: Int32Array;
}

/** A policy to be valued: one candidate a row, or the same random mixture for every row. */
export type TargetPolicy =
  | { readonly chosen: Int32Array /* [rows] */ }
  | { readonly mixture: Float64Array /* [candidates] */ };

/** Probability that the policy gives a row to a candidate. */
export function targetShare(policy: TargetPolicy, row: number, candidate: number): number {
  return 'chosen' in policy ? Number(policy.chosen[row] === candidate) : policy.mixture[candidate];
}

/**
 * How much each observed cell counts for a policy: the probability that the policy takes it over the probability that
 * the log did, the inverse propensity cut at `clip`. 0 where nothing was observed. Without cutting, their mean over
 * rows is 1 in expectation if the log could have held every choice of the policy.
 * @returns `[rows, candidates]`
 */
export function policyWeights(
  { candidates, quality, propensities }: Pick<LoggedTable, 'candidates' | 'quality' | 'propensities'>,
  policy: TargetPolicy,
  clip = HIGHEST_WEIGHT,
): Float64Array {
  return Float64Array.from(quality, (value, cell) => {
    if (Number.isNaN(value)) return 0;
    const candidate = cell % candidates;
    const share = targetShare(policy, (cell - candidate) / candidates, candidate);
    return share === 0 ? 0 : share * Math.min(1 / propensities[cell], clip);
  });
}

/** Sums over the candidates of each row. @param cells `[rows, candidates]` @returns `[rows]` */
export function rowSums(cells: Float64Array, candidates: number): Float64Array {
  const sums = new Float64Array(cells.length / candidates);
  cells.forEach((value, cell) => {
    sums[(cell - (cell % candidates)) / candidates] += value;
  });
  return sums;
}

/** Thresholds that are tried lie at so many quantiles of the weights. */
const STEPS = 20;

/**
 * The weight above which switch-DR trusts the model rather than the outcome (Wang, Agarwal and Dudík 2017, arXiv
 * 1612.01205): the one with the smallest bound on the mean squared error. The bound is the estimated variance plus the square of the
 * bias, which is at most the policy's mass beyond the threshold times the largest possible error. That mass is itself
 * estimated by its weights, since a log rarely tells the propensity of what was not chosen.
 *
 * @param weights `[rows, candidates]` of `policyWeights`
 * @param errors observed minus expected, `[rows, candidates]`; read where the weight is above 0
 * @param model what the policy is worth by the model alone: `[rows]`
 * @param range largest possible error: 1 for qualities
 * @returns Infinity where nothing is to be gained, which makes it DR
 */
export function switchThreshold(
  weights: Float64Array,
  errors: Float64Array,
  model: Float64Array,
  range = 1,
): number {
  const rows = model.length;
  const candidates = weights.length / rows;
  const positive = weights.filter((weight) => weight > 0).sort();
  if (positive.length === 0) return Number.POSITIVE_INFINITY;
  const tried = new Set([
    Number.POSITIVE_INFINITY,
    ...Array.from({ length: STEPS }, (_, i) => quantileSorted(positive, 1 - i / STEPS)),
  ]);
  let best = Number.POSITIVE_INFINITY;
  let lowest = Number.POSITIVE_INFINITY;
  for (const threshold of tried) {
    const scores = model.slice();
    let beyond = 0;
    weights.forEach((weight, cell) => {
      if (weight === 0) return;
      if (weight > threshold) beyond += weight / rows;
      else scores[(cell - (cell % candidates)) / candidates] += weight * errors[cell];
    });
    const bound = variance(scores) / rows + Math.min(1, beyond) ** 2 * range ** 2;
    if (bound >= lowest) continue;
    lowest = bound;
    best = threshold;
  }
  return best;
}

function variance(values: Float64Array): number {
  let mean = 0;
  let squares = 0;
  values.forEach((value, i) => {
    const difference = value - mean;
    mean += difference / (i + 1);
    squares += difference * (value - mean);
  });
  return squares / Math.max(1, values.length - 1);
}

/**
 * How many equally weighted rows say as much as these: (Σ w)² / Σ w² (Kish 1965, section 11.7). Rows of weight 0 do
 * not count, so a target policy that the log agrees with on 10 % of the rows has at most that many.
 * @param weights `[rows]`, each >= 0; NaN is left out
 * @returns 0 where no row weighs anything
 */
export function effectiveSampleSize(weights: ArrayLike<number>): number {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < weights.length; i++) {
    if (Number.isNaN(weights[i])) continue;
    sum += weights[i];
    squares += weights[i] ** 2;
  }
  return squares === 0 ? 0 : (sum * sum) / squares;
}

type Counted = readonly [name: string, count: number];

/** Prompts that a sample is to be drawn of, counted; plain JSON. */
export interface DrawCounts {
  readonly prompts: number;
  /** Outcomes of each candidate. */
  readonly outcomes: readonly Counted[];
  /** Whether there are prompts kept as hashes, or comparisons: then heads are fitted on the sample alone. */
  readonly needsSample: boolean;
  /** Prompts of each task; null where names are too many to be those of kinds of request. */
  readonly tasks: readonly Counted[] | null;
}

const MOST_TASKS = 1000;

type DrawnFrom = Pick<OutcomeMatrix, 'candidates' | 'preference' | 'prompts' | 'quality'>;

export function countForDraw(matrix: DrawnFrom): DrawCounts {
  const { candidates, preference, prompts, quality } = matrix;
  const seen = Array.from(quality.keys()).filter((cell) => !Number.isNaN(quality[cell]));
  const tasks = countNames(prompts.flatMap(({ task }) => (task === null ? [] : [[task, 1] as const])));
  return {
    prompts: prompts.length,
    needsSample: preference !== undefined || areHashed(matrix),
    outcomes: countNames(seen.map((cell) => [candidates[cell % candidates.length], 1] as const)),
    tasks: tasks.length > MOST_TASKS ? null : tasks,
  };
}

/** Of several shards together. */
export function addCounts(counts: readonly DrawCounts[]): DrawCounts {
  const named = counts.map(({ tasks }) => tasks);
  const tasks = named.includes(null) ? null : countNames(named.flatMap((own) => own ?? []));
  return {
    prompts: counts.reduce((sum, { prompts }) => sum + prompts, 0),
    needsSample: counts.some(({ needsSample }) => needsSample),
    outcomes: countNames(counts.flatMap(({ outcomes }) => outcomes)),
    tasks: tasks !== null && tasks.length > MOST_TASKS ? null : tasks,
  };
}

/** Sorted by name. */
function countNames(parts: readonly Counted[]): Counted[] {
  const counts = new Map<string, number>();
  for (const [name, count] of parts) counts.set(name, (counts.get(name) ?? 0) + count);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** How likely a prompt is to be drawn: so much in any case, and more by its task and by each candidate that it has an outcome of. */
export interface DrawChances {
  readonly even: number;
  readonly tasks: readonly (readonly [task: string, more: number])[];
  /** Of a prompt without a task. */
  readonly noTask: number;
  /** As the candidates stand. */
  readonly candidates: readonly number[];
}

/** Of a sample, shares that are drawn evenly, by task and by candidate: bench/experiments.md, "Which prompts to fit on". */
const [EVENLY, BY_TASK, BY_CANDIDATE] = [0.5, 0.25, 0.25];

/**
 * Chances by which rare tasks and rare candidates have more of a sample than of the log: a task as the root of its prompts, candidates as
 * many outcomes each. No prompt is drawn less often than by half of `share`, so that it stands for two others at most.
 *
 * @param share of all prompts that is to be drawn @param candidates in their order
 */
export function drawChances(counts: DrawCounts, share: number, candidates: readonly string[]): DrawChances {
  const { outcomes, prompts } = counts;
  const tasks = counts.tasks ?? [];
  const even = EVENLY * Math.min(1, share);
  const untold = prompts - tasks.reduce((sum, [, count]) => sum + count, 0);
  const sizes = [untold, ...tasks.map(([, count]) => count)];
  const budget = share * prompts;
  const [noTask, ...more] = spend(BY_TASK * budget, sizes, Math.sqrt, 1 - even);
  const known = new Map(outcomes);
  return {
    ...{ even, noTask, tasks: tasks.map(([name], i) => [name, more[i]] as const) },
    candidates: spend(
      BY_CANDIDATE * budget,
      candidates.map((name) => known.get(name) ?? 0),
      Math.sign,
      1 - even,
    ),
  };
}

export function evenChances(share: number, candidates: readonly string[]): DrawChances {
  return { even: Math.min(1, share), tasks: [], noTask: 0, candidates: candidates.map(() => 0) };
}

/** Chances that spend a budget on groups of these sizes, each as it is worth; what a group has above `most` is for the others. */
function spend(
  budget: number,
  sizes: readonly number[],
  worth: (size: number) => number,
  most: number,
): number[] {
  const chances = sizes.map(() => 0);
  let open = sizes.flatMap((size, i) => (size > 0 ? [i] : []));
  for (let left = budget; open.length > 0; ) {
    const unit = left / open.reduce((sum, i) => sum + worth(sizes[i]), 0);
    for (const i of open) chances[i] = Math.min(most, (unit * worth(sizes[i])) / sizes[i]);
    const full = open.filter((i) => chances[i] === most);
    if (full.length === 0 || full.length === open.length) break;
    for (const i of full) left -= most * sizes[i];
    open = open.filter((i) => chances[i] < most);
  }
  return chances;
}

/** @returns of each prompt, at most 1 */
export function chancesOf(
  { even, noTask, ...more }: DrawChances,
  { candidates, prompts, quality }: DrawnFrom,
): Float64Array {
  const ofTask = new Map(more.tasks);
  return Float64Array.from(prompts, ({ task }, row) => {
    let chance = even + (task === null ? noTask : (ofTask.get(task) ?? noTask));
    for (const [c, ofCandidate] of more.candidates.entries())
      if (!Number.isNaN(quality[row * candidates.length + c])) chance += ofCandidate;
    return Math.min(1, chance);
  });
}
