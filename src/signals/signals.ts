import type { Modality } from '../candidate/candidate.ts';

/** How good an answer has to be: what it is for. */
export type QualityRequirement = 'draft' | 'standard' | 'high' | 'production';

/** How busy a candidate is. */
export interface CandidateLoad {
  readonly inFlight: number;
  /** Milliseconds; null before the first answer. */
  readonly recentLatencyMs: number | null;
}

/** What can be seen of a request before anything answers it. The caller may set any of them: see docs/signals.md. */
export interface Signals {
  /** Kind of task, by the router's own classifier or by rules. */
  readonly task: string;
  /** Probability of that task, 0 to 1. */
  readonly taskConfidence: number;
  /** How hard it is: 1 minus the mean calibrated success of all candidates, 0 to 1. */
  readonly complexity: number;
  /** Length of the whole request in tokens: messages, calls and results of tools, definitions of tools. */
  readonly tokens: number;
  /** ISO 639-1 code of the prompt's language; 'und' where it is not known. */
  readonly language: string;
  /** Share of visible characters that are inside code, 0 to 1. */
  readonly codeShare: number;
  /** Share of visible characters that are inside formulas, 0 to 1. */
  readonly mathsShare: number;
  readonly modalities: readonly Modality[];
  /** Tools offered. */
  readonly tools: number;
  /** Whether JSON was asked for through the response format. */
  readonly structured: boolean;
  /** Messages in the conversation. */
  readonly turns: number;
  /** @default 'standard' */
  readonly quality: QualityRequirement;
  /** Milliseconds the caller has; null: no limit. */
  readonly latencyBudgetMs: number | null;
  /** US dollars the caller will pay; null: no limit. */
  readonly costBudgetUsd: number | null;
  /** The user's tier, in the product's own words; '' where it is not known. */
  readonly tier: string;
  /** Per candidate name. */
  readonly load: Readonly<Record<string, CandidateLoad>>;
}
