import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

/** Traffic with what one router says of it, whoever served it. */
export interface ScoredTraffic {
  /** Its candidates are those of the tables below. */
  readonly matrix: OutcomeMatrix;
  /** What the router predicts; NaN for candidates it does not know. */
  readonly success: Float64Array; // [prompts, candidates]
  readonly costUsd: Float64Array; // [prompts, candidates]
  readonly latencyMs: Float64Array; // [prompts, candidates]
  /** Numbers of the candidates it would choose. */
  readonly chosen: Int32Array; // [prompts]
}

export const DAY_MS = 86_400_000;

/** Days since 1970 in UTC; prompts without a time have none, and are not asked. */
export function dayOf(timestampMs: number | null): number {
  return Math.floor((timestampMs ?? Number.NaN) / DAY_MS);
}

/** "2026-11-25" */
export function dayName(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
