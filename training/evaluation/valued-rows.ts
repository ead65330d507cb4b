import { type Comparison, compareRows } from '../evaluate/compare.ts';
import type { EvaluationInput } from '../evaluate/evaluation-input.ts';
import { comparisonOf } from '../evaluate/off-policy.ts';
import { isAnswerable, refusals } from '../off-policy/diagnose.ts';
import { measureOverlap } from '../off-policy/overlap.ts';
import { type ScoreDoubt, scoreInterval } from '../off-policy/score-interval.ts';
import type { Interval } from '../words/format-number.ts';
import { bootstrapMeans } from './bootstrap-means.ts';
import { isReadOff } from './is-read-off.ts';
import { offPolicyRows } from './off-policy-table.ts';
import type { TrainMeans } from './train-means.ts';

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
