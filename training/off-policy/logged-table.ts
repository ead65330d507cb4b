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
