import { highestWeight } from './clip-weights.ts';
import { type LoggedTable, type TargetPolicy, targetShare } from './logged-table.ts';
import type { ScoreDoubt } from './score-interval.ts';

/** What is behind each cell of a table of doubly robust scores. Cells are `[rows, candidates]`. */
export interface DoubtTable {
  readonly candidates: number;
  /** Inverse propensity of what was seen, as far as it is not cut; 0 where nothing was seen. */
  readonly leverage: Float64Array;
  /** How far what a model expects may be off where the log could not hold the cell; null where that is nowhere known. */
  readonly slack: Float64Array | null;
}

/** @param clip inverse propensities above this are cut */
export function doubtTable(
  table: LoggedTable,
  clip = highestWeight(table.propensities, table.source, table.policy),
): DoubtTable {
  const { candidates, expected, policy, propensities, quality } = table;
  return {
    candidates,
    leverage: Float64Array.from(quality, (value, cell) =>
      Number.isNaN(value) ? 0 : Math.min(1 / propensities[cell], clip),
    ),
    slack:
      policy == null
        ? null
        : expected.map((guess, cell) => unsupported(policy[cell], clip) * Math.max(guess, 1 - guess)),
  };
}

/**
 * The share of a cell that outcomes cannot speak for: all of it where the log never held the cell, and what is cut off
 * its weight where it held it less often than one time in `clip`. 0 where its probability is not known.
 */
export function unsupported(probability: number, clip: number): number {
  return Number.isNaN(probability) ? 0 : Math.max(0, 1 - probability * clip);
}

/** The same of some rows. */
export function takeDoubt(
  { apart, leverage, range, slack }: ScoreDoubt,
  rows: ArrayLike<number>,
): ScoreDoubt {
  const take = (column: Float64Array) => Float64Array.from(rows, (row) => column[row]);
  return {
    leverage: take(leverage),
    slack: slack ? take(slack) : null,
    ...(apart === undefined ? {} : { apart: take(apart) }),
    ...(range === undefined ? {} : { range }),
  };
}

/**
 * What is to be doubted of a policy's scores, or of how they differ from another's: where both choose alike, nothing.
 * @param range largest error of what is expected; null where it is not known, as of costs
 */
export function scoreDoubt(
  { candidates, leverage, slack }: DoubtTable,
  policy: TargetPolicy,
  other: TargetPolicy | null = null,
  range: number | null = 1,
): ScoreDoubt {
  const apart = (cells: Float64Array | null) => {
    const column = new Float64Array(leverage.length / candidates);
    leverage.forEach((_, cell) => {
      const value = cells === null ? 0.5 : cells[cell];
      if (value === 0) return;
      const candidate = cell % candidates;
      const row = (cell - candidate) / candidates;
      const share =
        targetShare(policy, row, candidate) - (other === null ? 0 : targetShare(other, row, candidate));
      column[row] += Math.abs(share) * value;
    });
    return column;
  };
  return {
    leverage: apart(leverage),
    // How far amounts may be off, such as costs, nobody knows.
    slack: slack === null || range === null ? null : apart(slack),
    ...(other === null ? {} : { apart: apart(null) }),
    range,
  };
}
