import type { UtilityWeights } from 'pointsman';
import type { PolicyCandidate } from 'pointsman/internal';
import { isAnswerable, measureOverlap, refusals } from '../off-policy/diagnose.ts';
import type { TargetPolicy } from '../off-policy/estimate.ts';
import { type ScoreDoubt, scoreDoubt, scoreInterval } from '../off-policy/score-interval.ts';
import { takeCells } from '../outcomes/matrix.ts';
import { fewestGroupsFor, learnThenTest, riskiestSetting } from '../tune/guarantee.ts';
import { chooseByWeights, WEIGHT_SETTINGS } from '../tune/settings.ts';
import { formatCount, formatDollars, formatPoints, type Interval, plural, pluralInGroups } from '../words.ts';
import { bootstrapMeans, type Comparison, compareRows, isReadOff } from './compare.ts';
import type { LossShown, SettingWorth } from './evaluation.ts';
import type { EvaluationInput, TestPredictions, TrainMeans } from './evaluation-input.ts';
import { comparisonOf, offPolicyRows } from './off-policy.ts';

/** Prompts, what a router says of them, and what choices are worth there. */
export interface WeighedRows {
  readonly valued: ValuedRows;
  /** Whom each of these weights chooses: `[rows]`; kept from call to call. */
  readonly choose: (weights: UtilityWeights) => Int32Array;
}

/**
 * @param predictions of the prompts of the split that the rows are of
 * @param candidates as in the manifest, in the order of the tables
 */
export function weighRows(
  valued: ValuedRows,
  predictions: TestPredictions,
  candidates: readonly PolicyCandidate[],
): WeighedRows {
  const columns = candidates.length;
  const { positions } = valued.comparison;
  const taken = <Cells extends Float32Array | Uint8Array>(cells: Cells) =>
    takeCells(cells, columns, positions);
  const own = {
    success: taken(predictions.success),
    expectedCostUsd: taken(predictions.expectedCostUsd),
    expectedLatencyMs: taken(predictions.expectedLatencyMs),
    ...(predictions.removed ? { removed: taken(predictions.removed) } : {}),
  };
  const known = new Map<string, Int32Array>();
  return {
    valued,
    choose(weights) {
      const key = JSON.stringify(weights);
      const chosen = known.get(key) ?? chooseByWeights(candidates, own, weights);
      known.set(key, chosen);
      return chosen;
    },
  };
}

/** Rows on which none of these choices is a candidate with too few outcomes to be compared. */
function comparableRows({ comparison }: ValuedRows, choices: readonly Int32Array[]): Int32Array {
  const compared = new Set(comparison.compared);
  return Int32Array.from(comparison.positions.keys()).filter((row) =>
    choices.every((chosen) => compared.has(chosen[row])),
  );
}

/** A setting that chooses candidates with too few outcomes more often than this is not measured. */
const MOST_STRANGERS = 0.1;

/**
 * Measures settings beside always using one candidate, all on the same rows. Costs must be known.
 * @param choices of each setting, `[rows]`; null: not to be measured @param single number of the one candidate
 * @returns of each setting, figures or a sentence that says why there are none
 */
export function measureSettings(
  valued: ValuedRows,
  choices: readonly (Int32Array | null)[],
  single: number,
): {
  readonly against: Pick<SettingWorth, 'quality' | 'costUsd'>;
  readonly settings: readonly (SettingWorth | string)[];
} {
  const { comparison, isEstimated, measure, refuse } = valued;
  const columns = comparison.quality.length / comparison.positions.length;
  const refusals = choices.map((chosen) => {
    if (chosen === null) return 'It was not measured.';
    const strangers = 1 - comparableRows(valued, [chosen]).length / chosen.length;
    return isEstimated || strangers > MOST_STRANGERS ? refuse(chosen) : null;
  });
  const measured = choices.filter((_, i) => refusals[i] === null) as Int32Array[];
  const rows = isEstimated ? Int32Array.from(comparison.positions.keys()) : comparableRows(valued, measured);
  const column = (cells: Float64Array, chosen: Int32Array | null) =>
    Float64Array.from(rows, (row) => cells[row * columns + (chosen === null ? single : chosen[row])]);
  const [quality, cost] = [column(comparison.quality, null), column(comparison.costUsd!, null)];
  // Settings are compared on all rows where scores are estimated.
  const always: TargetPolicy = { chosen: new Int32Array(comparison.positions.length).fill(single) };
  const doubtOf = (policy: TargetPolicy, other: TargetPolicy | null, range: number | null) =>
    comparison.doubt ? scoreDoubt(comparison.doubt, policy, other, range) : null;
  const [againstQuality, againstCost] = measure([quality, cost], rows, [
    doubtOf(always, null, 1),
    doubtOf(always, null, null),
  ]);
  const paid = againstCost.estimate ?? 0;
  const worth = (chosen: Int32Array): SettingWorth => {
    const own = { quality: column(comparison.quality, chosen), cost: column(comparison.costUsd!, chosen) };
    const saved = own.cost.map((value, i) => cost[i] - value);
    const share = mean(saved) / paid;
    const [ownQuality, ownCost, difference, saving, savedShare] = measure(
      [
        own.quality,
        own.cost,
        own.quality.map((value, i) => value - quality[i]),
        saved,
        // A ratio of means, linearised: its value, plus what each row adds to it.
        saved.map((value, i) => share + (value - share * cost[i]) / paid),
      ],
      rows,
      [
        doubtOf({ chosen }, null, 1),
        doubtOf({ chosen }, null, null),
        doubtOf({ chosen }, always, 1),
        doubtOf({ chosen }, always, null),
        doubtOf({ chosen }, always, null),
      ],
    );
    const shares = new Array<number>(columns).fill(0);
    for (const row of rows) shares[chosen[row]] += 1 / rows.length;
    return {
      quality: ownQuality,
      costUsd: ownCost,
      difference,
      saving,
      savedShare: paid > 0 ? savedShare : null,
      shares,
    };
  };
  return {
    against: { quality: againstQuality, costUsd: againstCost },
    settings: choices.map((chosen, i) => refusals[i] ?? worth(chosen!)),
  };
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Prompts on which any way to choose among the compared candidates has a value, seen or estimated. */
export interface ValuedRows {
  /** `quality` and `costUsd` are what was seen, or doubly robust scores. */
  readonly comparison: Comparison;
  readonly isEstimated: boolean;
  /** Compared candidates of which no cost is known. */
  readonly costsUnknown: readonly string[];
  /**
   * Intervals of the means of columns, paired; `rows` says which of the rows they hold, and `doubts` what is to be doubted of
   * each column where scores are estimated.
   */
  readonly measure: (
    columns: readonly Float64Array[],
    rows: Int32Array,
    doubts: readonly (ScoreDoubt | null)[],
  ) => Interval[];
  /** Why a way to choose cannot be valued, in a sentence; null where it can. @param chosen `[rows]` */
  readonly refuse: (chosen: Int32Array) => string | null;
}

/**
 * The rows of `splits.test` by the same rule as {@link evaluate}: what was seen where most prompts have an outcome of every
 * compared candidate, else doubly robust scores, for which propensities must be there.
 * @returns a sentence where neither will do
 */
export function valueRows(
  input: EvaluationInput,
  means: TrainMeans,
  options: { readonly seed: number; readonly resamples: number; readonly offPolicy?: 'auto' | 'always' },
): ValuedRows | string {
  const { matrix, splits, propensities } = input;
  // Weights are of a policy that asks one candidate, whatever the router's own is.
  const predictions = { ...input.predictions, plans: null };
  const { comparison, coverage } = compareRows({ ...input, predictions }, means);
  const isRead = options.offPolicy !== 'always' && isReadOff(matrix, splits.test.rows, coverage);
  if (comparison !== null && (isRead || !propensities)) {
    const { compared, groups } = comparison;
    return {
      comparison,
      isEstimated: false,
      costsUnknown: coverage.costsUnknown,
      measure: (columns, rows) => bootstrapMeans(columns, { ...options, clusters: groupsOf(groups, rows) }),
      refuse: (chosen) => {
        const stranger = chosen.find((c) => !compared.includes(c));
        return stranger === undefined
          ? null
          : `It chooses ${matrix.candidates[stranger]}, of which there are too few outcomes: let it answer more of the traffic.`;
      },
    };
  }
  if (!propensities || coverage.kind === 'none')
    return 'No prompts have outcomes of all candidates that are compared.';
  const rows = offPolicyRows(input, propensities, means);
  const { table } = rows;
  const compared = matrix.candidates.flatMap((_, c) => {
    const mixture = Float64Array.from(matrix.candidates, (__, other) => Number(other === c));
    const isCompared = isAnswerable(measureOverlap(table, { mixture }), table.source);
    return isCompared && !Number.isNaN(means.quality[c]) ? [c] : [];
  });
  if (compared.length === 0)
    return 'No candidate has enough outcomes in the log for always choosing it to be valued.';
  const found = comparisonOf(rows, compared);
  return {
    comparison: found.comparison,
    isEstimated: true,
    costsUnknown: found.costsUnknown.map((c) => matrix.candidates[c]),
    measure: (columns, rows, doubts) =>
      columns.map((column, i) =>
        scoreInterval(column, groupsOf(found.comparison.groups, rows), { doubt: doubts[i] }),
      ),
    refuse: (chosen) => refusals(table, measureOverlap(table, { chosen }), 'its choices')[0] ?? null,
  };
}

function groupsOf(groups: Int32Array, rows: Int32Array): Int32Array {
  return rows.map((row) => groups[row]);
}

/** That the mean cost of a request is at most `maxCostUsd`; by a normal approximation. */
export interface CostShown {
  readonly maxCostUsd: number;
  /** 0 to 1 */
  readonly confidence: number;
  readonly rows: number;
}

/** Weights that keep to something, or why there are none. */
interface Kept<Shown> {
  readonly weights: UtilityWeights | null;
  readonly guarantee: Shown | null;
  /** In a sentence; null where there are weights. */
  readonly reason: string | null;
}

interface KeepOptions {
  /** 0 to 1. @default 0.9 */
  readonly confidence?: number;
  /** Of the order in which near-duplicate groups are bet on. @default 0 */
  readonly seed?: number;
}

/**
 * The cheapest of {@link WEIGHT_SETTINGS} of which it is shown that they lose at most so much against always using one
 * candidate: Learn-then-Test, from the highest quality on.
 *
 * @param single number of the candidate
 */
export function keepToLoss(
  weighed: WeighedRows,
  single: number,
  maxLoss: number,
  { confidence = 0.9, seed = 0 }: KeepOptions = {},
): Kept<LossShown> {
  const { choices, columns, doubtOf, groups, refuse, rows } = triedRows(weighed);
  const { comparison, isEstimated } = weighed.valued;
  const lossesOf = (setting: number) =>
    Float64Array.from(rows, (row) => {
      const at = row * columns;
      return comparison.quality[at + single] - comparison.quality[at + choices[setting][row]];
    });
  const delta = 1 - confidence;
  const passed = isEstimated
    ? learnThenTest(
        choices.length,
        (setting) =>
          refuse(setting) === null &&
          isShown(lossesOf(setting), groups, maxLoss, delta, doubtOf(setting, single))
            ? delta
            : 1,
        delta,
      )
    : riskiestSetting(choices.length, lossesOf, groups, {
        maxQualityLoss: maxLoss,
        delta,
        seed,
      });
  if (passed === -1)
    return {
      weights: null,
      guarantee: null,
      reason: refuse(0) ?? lossNotShown(lossesOf(0), new Set(groups).size, maxLoss, delta),
    };
  const by = isEstimated ? 'normal approximation' : 'learn-then-test';
  return {
    weights: WEIGHT_SETTINGS[passed],
    guarantee: { maxLoss, confidence, rows: rows.length, by },
    reason: null,
  };
}

/**
 * Those of the highest quality of which it is shown that a request costs at most so much on average, from the cheapest on.
 * Costs have no bound, so that it is shown by a normal approximation.
 *
 * @param maxCostUsd US dollars a request
 */
export function keepToCost(
  weighed: WeighedRows,
  maxCostUsd: number,
  { confidence = 0.9 }: Omit<KeepOptions, 'seed'> = {},
): Kept<CostShown> {
  const { choices, columns, doubtOf, groups, refuse, rows } = triedRows(weighed);
  const delta = 1 - confidence;
  const { costUsd } = weighed.valued.comparison;
  const last = choices.length - 1;
  const costsOf = (setting: number) =>
    Float64Array.from(rows, (row) => costUsd![row * columns + choices[setting][row]]);
  const passed = learnThenTest(
    choices.length,
    (step) =>
      refuse(last - step) === null &&
      isShown(costsOf(last - step), groups, maxCostUsd, delta, doubtOf(last - step, null))
        ? delta
        : 1,
    delta,
  );
  if (passed === -1) {
    const cheapest = costsOf(last).reduce((sum, cost) => sum + cost, 0) / rows.length;
    return {
      weights: null,
      guarantee: null,
      reason: refuse(last) ?? costNotShown(cheapest, rows.length, maxCostUsd),
    };
  }
  return {
    weights: WEIGHT_SETTINGS[last - passed],
    guarantee: { maxCostUsd, confidence, rows: rows.length },
    reason: null,
  };
}

/** What every setting chooses, and the rows on which that can be valued. */
function triedRows({ choose, valued }: WeighedRows) {
  const { comparison, isEstimated, refuse } = valued;
  const choices = WEIGHT_SETTINGS.map(choose);
  const rows = isEstimated ? Int32Array.from(comparison.positions.keys()) : comparableRows(valued, choices);
  const isRefused = isEstimated || rows.length === 0;
  return {
    choices,
    rows,
    columns: comparison.quality.length / comparison.positions.length,
    groups: Int32Array.from(rows, (row) => comparison.groups[row]),
    /** What is to be doubted of a setting's loss against one candidate, or of its cost, where they are estimated. */
    doubtOf: (setting: number, single: number | null): ScoreDoubt | null => {
      const { doubt, positions } = comparison;
      if (doubt === undefined) return null;
      const chosen = { chosen: choices[setting] };
      return single === null
        ? scoreDoubt(doubt, chosen, null, null)
        : scoreDoubt(doubt, { chosen: new Int32Array(positions.length).fill(single) }, chosen);
    },
    /** Why a setting cannot be valued; where none can on any row, why another cannot. */
    refuse: (setting: number): string | null => {
      if (!isRefused) return null;
      const own = refuse(choices[setting]);
      if (own !== null || isEstimated) return own;
      return choices.map((chosen) => refuse(chosen)).find((why) => why !== null) ?? null;
    },
  };
}

/** Whether it is shown that the mean of these scores is at most `limit`, but for a chance of `delta`: by its one-sided interval. */
function isShown(
  scores: Float64Array,
  groups: Int32Array,
  limit: number,
  delta: number,
  doubt: ScoreDoubt | null,
): boolean {
  const { high } = scoreInterval(scores, groups, { level: 1 - 2 * delta, doubt });
  return high !== null && high <= limit;
}

function lossNotShown(losses: Float64Array, groups: number, maxLoss: number, delta: number): string {
  const lost = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const [rows, most] = [pluralInGroups(losses.length, groups, 'prompt'), formatPoints(maxLoss)];
  const quality = 'the weights of the highest quality';
  if (lost > maxLoss)
    return `Even ${quality} lose ${formatPoints(lost)} points on the ${rows} that it is looked for on.`;
  const fewest = fewestGroupsFor(maxLoss, delta);
  const few = `${rows} are too few to show a loss of at most ${most} points`;
  if (groups < fewest) return `${few}; ${formatCount(fewest)} would do if nothing were lost.`;
  return `${few}, as ${quality} ${lost > 0 ? `lose ${formatPoints(lost)}` : 'gain too little for sure'}.`;
}

function costNotShown(cheapest: number, rows: number, maxCostUsd: number): string {
  const most = `${formatDollars(maxCostUsd)} a request`;
  return cheapest > maxCostUsd
    ? `Even the cheapest weights cost ${formatDollars(cheapest)} a request, and ${most} is the most that it may cost.`
    : `${plural(rows, 'prompt')} are too few to show a cost of at most ${most}, as the cheapest weights cost ${formatDollars(cheapest)}.`;
}
