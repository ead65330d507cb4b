import type { EstimatorId } from '../off-policy/estimate.ts';
import type { Overlap } from '../off-policy/overlap.ts';
import type { Interval } from '../words/format-number.ts';

/** An evaluation on a log of few candidates per prompt, most often one: how its figures were got, and whether they could. */
export interface OffPolicyEvaluation {
  /** What the contenders' figures are. */
  readonly estimator: 'dr';
  /** Whether the log says how likely each outcome was to be in it, or a model had to. */
  readonly propensities: 'logged' | 'fitted';
  /** What must hold for the propensities to be right, in a sentence. */
  readonly assumption: string;
  /** Test prompts with an outcome; the figures rest on them. */
  readonly rows: number;
  /** Test prompts without one. */
  readonly unratedRows: number;
  /** Inverse propensities above this were cut. */
  readonly clip: number;
  /** Why the log cannot answer, in sentences; empty where it can. */
  readonly refusals: readonly string[];
  /** The router by every estimator; empty where the log cannot answer. */
  readonly estimates: readonly OffPolicyEstimate[];
  readonly overlap: {
    readonly router: Overlap;
    /** Null where no candidate can be compared. */
    readonly bestSingle: Overlap | null;
    /** Always choosing it. */
    readonly candidates: readonly (Overlap & { readonly candidate: string; readonly compared: boolean })[];
    /** The router on the prompts of each task. */
    readonly tasks: readonly (Overlap & { readonly task: string })[];
  };
}

/** What one estimator says of the router. */
export interface OffPolicyEstimate {
  readonly estimator: EstimatorId;
  readonly quality: Interval;
  /** Router minus best single, paired by prompt. */
  readonly againstBestSingle: Interval;
  /** Router minus the best fixed mix at equal cost; null without costs. */
  readonly againstFixedMix: Interval | null;
  /** Of switch-DR: errors with a weight above it were left to the model. Null where none were. */
  readonly switchAt: number | null;
}
