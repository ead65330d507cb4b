import { copyFile, mkdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { readVersionPointer, writeAtOnce } from '../artifact/write-artifact.ts';
import type { RouterEmbedder } from '../embed/embedders.ts';
import { numberClusters } from '../fit/rows.ts';
import { ingestOutcomes } from '../ingest/ingest.ts';
import type { IngestProgress } from '../ingest/options.ts';
import { OutcomeStore, readOutcomeMatrix } from '../ingest/outcome-store.ts';
import { checkScores } from '../ingest/report.ts';
import { copyFromPostgres } from '../log-store/read.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import { configuredPrices } from '../train/prepare-traffic.ts';
import type { TrainProgress } from '../train/training-run.ts';
import { routerPart, withRunFolder } from '../work/run-folder.ts';
import type { ScratchOptions } from '../work/scratch-database.ts';
import type { RetrainConfig } from './config.ts';
import type { GateVerdict } from './gate/tests.ts';
import type { BatchScreening } from './watch/batches.ts';
import { type CandidateShift, dayName, dayOf, type ScoredTraffic } from './watch/candidate-shifts.ts';
import type { Alarm, DriftReport } from './watch/drift.ts';

export function nameOf(router: string, name: string | undefined): string {
  return name ?? basename(resolve(router));
}

export interface StoredTraffic {
  readonly matrix: OutcomeMatrix;
  readonly rowsInStore: number;
  readonly rowsAdded: number;
  readonly fingerprint: string;
}

interface Reading extends Pick<RetrainConfig, 'logs' | 'router' | 'store' | 'train' | 'work'> {
  readonly scratch?: ScratchOptions;
}

/**
 * Takes the logs into a copy of what the router has gathered, and does `use` with it. What is new goes into the store when
 * `use` has ended well: a run that fails, or is killed, leaves the store as it was, and reads the logs again the next time.
 *
 * @param keep whether anything is to go there; not after a dry run
 */
export async function withStore<Result>(
  { logs, router, scratch = {}, store, train, work }: Reading,
  keep: boolean,
  onProgress: (progress: IngestProgress) => void,
  use: (stored: StoredTraffic) => Promise<Result>,
): Promise<Result> {
  return withRunFolder(work, 'retrain', async (folder) => {
    const kept = new OutcomeStore(store ?? (await routerPart(work, router, 'outcomes')), scratch);
    const [base, table] = [join(folder, 'base.parquet'), join(folder, 'outcomes.parquet')];
    const hasBase = await kept.copyTo(base);
    if (hasBase) await copyFile(base, table);
    const { files, postgres, prices, ...reading } = logs;
    const report = await ingestOutcomes({
      format: postgres === undefined ? 'table' : 'pointsman',
      ...reading,
      ...scratch,
      files:
        postgres === undefined
          ? (files as string[])
          : [await copyFromPostgres(postgres, join(folder, 'log.jsonl.gz'))],
      out: table,
      append: true,
      prices: { ...prices, ...configuredPrices(train) },
      onProgress,
    });
    const matrix = await readOutcomeMatrix(table, scratch);
    checkScores(matrix, 'The gate of a retraining');
    const result = await use({
      matrix,
      rowsInStore: report.rowsInTable,
      rowsAdded: report.rowsAccepted,
      fingerprint: report.fingerprint,
    });
    if (keep) {
      await kept.add(table, hasBase ? base : null);
      await kept.compact();
    }
    return result;
  });
}

/** Takes an outcomes table into the store, as it is. @returns rows that the store has then */
export async function importTable(
  config: RetrainConfig,
  file: string,
  scratch: ScratchOptions = {},
): Promise<number> {
  const logs = {
    files: [file],
    format: 'table',
    map: {},
    prices: {},
    failures: 'null',
    maxRejected: 1,
  } as const;
  const reading = { ...config, scratch, logs: { ...logs, files: [file] } };
  return withStore(
    reading,
    true,
    () => {},
    async ({ rowsInStore }) => rowsInStore,
  );
}

/**
 * The table that earlier versions kept under the router's name, where the store is empty. Any training of that name wrote over it, so
 * whether it is this router's history only a person can tell.
 */
export async function tableOfEarlierVersion(config: RetrainConfig): Promise<string | null> {
  const file = join(config.work, `${nameOf(config.router, config.name)}.parquet`);
  const found = await stat(file).catch(() => null);
  if (found === null) return null;
  const store = new OutcomeStore(config.store ?? (await routerPart(config.work, config.router, 'outcomes')));
  return (await store.isEmpty()) ? file : null;
}

/** What the gate remembers from night to night, in the router's folder. */
export const GATE_FILE = 'gate.json';

const schema = z.object({
  schemaVersion: z.literal(1),
  /** Of `gate.nightsTolerance`, what the promotions since the best version may have lost; quality, 0 to 1. */
  spent: z.number().min(0).max(1),
  /** The promotion that it was written for. */
  version: z.string(),
  at: z.string(),
});

/**
 * What earlier promotions have spent of the tolerance that all nights share.
 *
 * @returns 0 for a router that has had one version only; null where the file is not there, or cannot be read, and there were
 * promotions: then nobody knows, and all of it counts as spent
 */
export async function readNightsSpent(folder: string): Promise<number | null> {
  try {
    return schema.parse(JSON.parse(await readFile(join(folder, GATE_FILE), 'utf8'))).spent;
  } catch {
    const pointer = await readVersionPointer(folder);
    return pointer === null || pointer.previous.length + pointer.withdrawn.length === 0 ? 0 : null;
  }
}

/** To be written before the version is pointed at: what is cut short in between has then spent too much, never too little. */
export async function writeNightsSpent(
  folder: string,
  kept: { readonly spent: number; readonly version: string; readonly at: string },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify({ schemaVersion: 1, ...kept }, null, 2);
  await writeAtOnce(join(folder, GATE_FILE), new TextEncoder().encode(`${text}\n`));
}

/** So many near-duplicate groups since the change must be among those learned from, to say by how much it changed. */
const FEWEST = 15;

/** Standard errors by which the rows that are learned from must show the change too: a false alarm must not rewrite the past. */
const SURE = 2;

/**
 * Outcomes of a candidate from before it changed say what is no longer so. They are brought up to date: a quality is lowered, a
 * cost or latency multiplied, by the factor that its outcomes changed by, beside what the champion predicts of both. To
 * drop them instead would leave only what the champion chose to ask it since: it would look good at everything.
 * The factor comes from rows that are learned from; those that judge have no part in it. A quality is never raised.
 *
 * @param groups near-duplicate group of each prompt of the matrix
 * @param learn prompts of the matrix that are learned from @param champion what it predicts of the same matrix
 */
export function rescaleChanged(
  matrix: OutcomeMatrix,
  groups: ArrayLike<number>,
  learn: Int32Array,
  champion: ScoredTraffic,
  shifts: readonly CandidateShift[],
): { matrix: OutcomeMatrix; restated: Rescaled[] } {
  const columns = matrix.candidates.length;
  const cells = {
    quality: matrix.quality.slice(),
    costUsd: matrix.costUsd.slice(),
    latencyMs: matrix.latencyMs.slice(),
  };
  const restated: Rescaled[] = [];
  for (const { alarm, candidate, changedAtMs, measure, shift } of shifts) {
    const c = matrix.candidates.indexOf(candidate);
    if (!alarm || changedAtMs === null || shift === null || c === -1) continue;
    const predicted = measure === 'quality' ? champion.success : champion[measure];
    const known = learn.filter((row) => {
      const cell = row * columns + c;
      return !Number.isNaN(cells[measure][cell]) && predicted[cell] > 0;
    });
    const isOld = (row: number) => (matrix.prompts[row].timestampMs ?? 0) < changedAtMs;
    const old = known.filter(isOld);
    const ratioOf = (rows: Int32Array) => {
      const of = (table: ArrayLike<number>) => Float64Array.from(rows, (row) => table[row * columns + c]);
      return ratio(
        of(cells[measure]),
        of(predicted),
        rows.map((row) => groups[row]),
      );
    };
    const [then, since] = [ratioOf(old), ratioOf(known.filter((row) => !isOld(row)))];
    if (then.groups < FEWEST || since.groups < FEWEST) continue;
    const factor = since.value / then.value;
    const error = Math.hypot(since.standardError, factor * then.standardError) / then.value;
    if (!Number.isFinite(factor) || (measure === 'quality' && factor >= 1)) continue;
    if (Math.abs(factor - 1) < SURE * error || factor < 1 !== shift < 0) continue;
    for (const row of old) cells[measure][row * columns + c] *= factor;
    restated.push({ candidate, measure, before: dayName(dayOf(changedAtMs)), outcomes: old.length, factor });
  }
  return { matrix: { ...matrix, ...cells }, restated };
}

/** Sum of what was seen over sum of what was predicted, by the mean of each group; its error by linearisation (Cochran 1977, section 6.4). */
function ratio(seen: Float64Array, predicted: Float64Array, of: Int32Array) {
  const clusters = numberClusters(of);
  const [sums, expected, counts] = [0, 1, 2].map(() => new Float64Array(clusters.count));
  clusters.of.forEach((group, row) => {
    sums[group] += seen[row];
    expected[group] += predicted[row];
    counts[group]++;
  });
  let [total, totalExpected] = [0, 0];
  counts.forEach((count, group) => {
    total += sums[group] / count;
    totalExpected += expected[group] / count;
  });
  const value = total / totalExpected;
  let squares = 0;
  counts.forEach((count, group) => {
    squares += ((sums[group] - value * expected[group]) / count) ** 2;
  });
  return { value, standardError: Math.sqrt(squares) / totalExpected, groups: clusters.count };
}

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
  readonly restated: readonly Rescaled[];
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
  readonly holdout: number;
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
  readonly holdoutDays: readonly [string, string] | null;
}

/** Outcomes of a candidate that were brought up to date, since it has changed after them. */
export interface Rescaled {
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

export interface RetrainOptions extends ScratchOptions {
  readonly config: RetrainConfig;
  /** Does everything but change the router, its outcomes table and its quarantine. @default false */
  readonly dryRun?: boolean;
  /** Whether a queue has given the router to this run alone: `withRetrainLock`. @default false */
  readonly isLeased?: boolean;
  /** An embedder of one's own. @default the one that `train.embedder` of the config names */
  readonly embedder?: RouterEmbedder;
  /** Told of a run with alarms, beside the hooks of the config. */
  readonly onAlert?: (run: RetrainRun) => void | Promise<void>;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** @default the platform's time */
  readonly now?: () => Date;
}
