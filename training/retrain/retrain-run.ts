import type { Alarm } from '../drift/alarm.ts';
import type { GateVerdict } from '../gate/gate-verdict.ts';
import type { BatchScreening } from '../screening/screening.ts';
import type { DriftReport } from './watch/drift.ts';

/** What a retraining did and why. Plain JSON: `runs/<id>.json` in the router's folder. */
export interface RetrainRun {
  readonly schemaVersion: 1;
  /** Its start, compact: `20261125T030000000Z`. */
  readonly id: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly router: string;
  readonly outcome: 'promoted' | 'kept' | 'failed';
  /** Nothing was written but this. */
  readonly dryRun: boolean;
  readonly sentence: string;
  /** Version in use when it began; null where there was none. */
  readonly champion: string | null;
  readonly challenger: string | null;
  /** Null where it did not get so far. */
  readonly traffic: RunTraffic | null;
  /** Batches looked at for the first time, or grown since. */
  readonly screened: readonly BatchScreening[];
  readonly drift: DriftReport | null;
  readonly restated: readonly Restated[];
  readonly gate: GateVerdict | null;
  readonly alarms: readonly Alarm[];
  /** What could not be told to the alert hook, and why. */
  readonly alertProblem: string | null;
  /** Versions deleted, being old. */
  readonly pruned: readonly string[];
}

/** What was learned from and judged by. Counts are of prompts with a quality. */
export interface RunTraffic {
  /** Rows in the outcomes table, its fingerprint, and rows that this run brought. */
  readonly rowsInStore: number;
  readonly rowsAdded: number;
  readonly fingerprint: string;
  readonly learn: number;
  readonly judge: number;
  /** In batches that are not trusted. */
  readonly quarantined: number;
  /** Repeats, in the days that judge, of what is learned from. */
  readonly repeats: number;
  /** Without a time: they are neither. */
  readonly undated: number;
  /** Dated after the run: they are neither until then. */
  readonly future: number;
  /** Of days before those that teach. */
  readonly older: number;
  /** Days, from and to: "2026-11-25". */
  readonly learnDays: readonly [string, string] | null;
  readonly judgeDays: readonly [string, string] | null;
}

/** Outcomes of a candidate that were brought up to date, since it has changed after them. */
export interface Restated {
  readonly candidate: string;
  readonly measure: 'quality' | 'costUsd' | 'latencyMs';
  /** The day it changed. */
  readonly before: string;
  readonly outcomes: number;
  /** What they were multiplied by. */
  readonly factor: number;
}

/** The parts of a record that come about as the run goes on. */
export type RunDraft = {
  -readonly [Field in
    | 'champion'
    | 'challenger'
    | 'traffic'
    | 'screened'
    | 'drift'
    | 'restated'
    | 'gate'
    | 'alarms'
    | 'pruned']: RetrainRun[Field];
};
