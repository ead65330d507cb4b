import { takeCells, takePrompts } from '../../../../training/outcomes/matrix.ts';
import {
  batchesToScreen,
  type Quarantine,
  quarantinedBatches,
  remember,
  sourcesBelieved,
} from '../../../../training/retrain/watch/batches.ts';
import { DAY_MS, type ScoredTraffic } from '../../../../training/retrain/watch/candidate-shifts.ts';
import { batchesOf, screenBatches } from '../../../../training/retrain/watch/screen.ts';
import { driftWorld, FIRST_DAY } from './drift-world.ts';

/** What one source sends on one day. */
export interface Sent {
  readonly source: string;
  /** The day that its prompts are dated on, from 0. */
  readonly day: number;
  readonly prompts: number;
  /** The night before which they come. @default the one after their day */
  readonly night?: number;
  /** Probability of a good answer, given what the router predicts, rightly. @default that */
  readonly truth?: (predicted: number, candidate: number) => number;
}

/** What is in quarantine after some nights: prompts of honest senders, and of others. */
export interface Screened {
  readonly honest: number;
  readonly false: number;
}

/** Screens what was sent, night after night, as `retrain` does. */
export function screenNights(sent: readonly Sent[], seed: number): Screened {
  const of = sent.flatMap((each) => Array.from({ length: each.prompts }, () => each));
  const night = (each: Sent) => each.night ?? each.day;
  const world = driftWorld({
    days: 1,
    perDay: of.length,
    seed,
    truth: (predicted, candidate, _, row) => of[row].truth?.(predicted, candidate) ?? predicted,
  });
  const prompts = world.matrix.prompts.map((prompt, row) => ({
    ...prompt,
    source: of[row].source,
    timestampMs: (FIRST_DAY + of[row].day) * DAY_MS + row,
  }));
  const traffic = { ...world, matrix: { ...world.matrix, prompts } };
  let quarantine: Quarantine = { quarantined: {}, screened: {}, believedSince: {}, future: 0 };
  const nights = [...new Set(sent.map(night))].sort((a, b) => a - b);
  for (const tonight of nights) {
    const rows = [...of.keys()].filter((row) => night(of[row]) <= tonight);
    const seen = take(traffic, rows);
    const counts = new Map<string, number>();
    for (const batch of batchesOf(seen.matrix)) counts.set(batch, (counts.get(batch) ?? 0) + 1);
    const found = screenBatches(
      seen,
      Int32Array.from(rows.keys()),
      batchesToScreen(quarantine, counts, 30),
      quarantinedBatches(quarantine),
      { believedSince: sourcesBelieved(quarantine) },
    );
    quarantine = remember(quarantine, counts, found, String(tonight).padStart(3, '0'), 0);
  }
  const held = quarantinedBatches(quarantine);
  const heldRows = batchesOf(traffic.matrix).map((batch) => held.has(batch));
  const count = (isHonest: boolean) =>
    heldRows.filter((isHeld, row) => isHeld && (of[row].truth === undefined) === isHonest).length;
  return { honest: count(true), false: count(false) };
}

function take({ chosen, costUsd, latencyMs, matrix, success }: ScoredTraffic, rows: number[]): ScoredTraffic {
  const cells = (table: Float64Array) => takeCells(table, matrix.candidates.length, rows);
  return {
    matrix: takePrompts(matrix, rows),
    success: cells(success),
    costUsd: cells(costUsd),
    latencyMs: cells(latencyMs),
    chosen: Int32Array.from(rows, (row) => chosen[row]),
  };
}
