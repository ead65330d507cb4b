import type { UtilityWeights } from 'pointsman';
import type { PolicyCandidate } from 'pointsman/internal';
import { isAnswerable, measureOverlap, refusals } from '../off-policy/diagnose.ts';
import type { TargetPolicy } from '../off-policy/estimate.ts';
import { type ScoreDoubt, scoreDoubt, scoreInterval } from '../off-policy/score-interval.ts';
import { takeCells } from '../outcomes/matrix.ts';
import { chooseByWeights } from '../tune/settings.ts';
import type { Interval } from '../words/format-number.ts';
import { bootstrapMeans } from './bootstrap.ts';
import { type Comparison, compareRows, isReadOff } from './compare.ts';
import type { SettingWorth } from './evaluation.ts';
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
export function comparableRows({ comparison }: ValuedRows, choices: readonly Int32Array[]): Int32Array {
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
  const { comparison, coverage } = compareRows(input, means);
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
