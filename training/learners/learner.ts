import type { Head } from 'pointsman/head';
import type { KnnFit } from '../fit/knn.ts';
import type { DenseChain } from '../head/dense-chain.ts';
import type { Matrix } from '../head/matrix.ts';

/** What members learn from. Rows are those of the fit split. */
export interface MemberData {
  /** Standardised, `[rows, features]`. */
  readonly features: Matrix;
  /** Sum of the features' variances: penalties are given in this unit, so that they mean the same for any features. */
  readonly featureVariance: number;
  /** Half-open range of the features that neighbours are compared by. */
  readonly embedding: { readonly from: number; readonly to: number };
  /** Quality minus the candidate's mean, `[rows, candidates]`; NaN: unobserved. */
  readonly residuals: Matrix;
  /** Importance of each outcome, `[rows, candidates]`; inverse propensities, for one. Null: all alike. */
  readonly weights: Float32Array | null;
  /** Whether a logging policy chose which outcomes were seen, so that no row can be compared with itself. */
  readonly logged: boolean;
  /** Task of each row as a number, -1 where it has none; null where the traffic has no tasks. */
  readonly tasks: Int32Array | null;
  readonly taskCount: number;
  /** Mean quality of each candidate, which the residuals were taken from: `[candidates]` */
  readonly prior: readonly number[];
  /** Group of each row: near-duplicates share one, and errors of a group count as one. */
  readonly groups: Int32Array;
  /** Fold of each row; no group straddles two. */
  readonly folds: Int32Array;
  readonly seed: number;
}

/** A fitted member: a head that gives each candidate's expected quality as a difference to its mean. */
export interface FittedMember {
  readonly head: Head;
  /** How it gets into the artifact. */
  readonly form:
    | { readonly kind: 'chain'; readonly chain: DenseChain }
    | { readonly kind: 'knn'; readonly fit: KnnFit };
}

/** A member whose settings cross-validation has chosen. */
export interface TunedMember {
  readonly name: string;
  /** What was chosen, for the report. */
  readonly settings: Readonly<Record<string, number>>;
  /** Predictions for each row by a fit that did not see its fold: `[rows, candidates]` */
  readonly outOfFold: Matrix;
  /** Fits on all rows. */
  fit(): Promise<FittedMember>;
}
