import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainConfig } from '../config.ts';
import { ingestOutcomes } from '../ingest/ingest.ts';
import { type IngestOptions, MOST_REJECTED } from '../ingest/options.ts';
import { OutcomeStore } from '../ingest/outcome-store.ts';
import type { IngestReport } from '../ingest/report.ts';
import type { Prices } from '../outcomes/amounts.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { readOutcomeMatrix } from '../outcomes/read-outcome-matrix.ts';
import { checkSplits, checkTraffic } from '../pipeline/check-trainable.ts';
import { openEmbedder } from '../pipeline/router-embedder.ts';
import { trafficWarnings } from '../pipeline/traffic-warnings.ts';
import type { TrainProgress } from '../pipeline/train-progress.ts';
import type { Splits } from '../split/split.ts';
import { splitByTime } from '../split/split-by-time.ts';
import { splitOutcomes } from '../split/split-outcomes.ts';
import { routerPart } from '../work/router-store-folder.ts';
import { withRunFolder } from '../work/run-folder.ts';
import type { ScratchOptions } from '../work/scratch-database.ts';

/** How a log is read; as in `IngestOptions`. */
export type LogOptions = Pick<
  IngestOptions,
  | 'format'
  | 'append'
  | 'score'
  | 'scoreRange'
  | 'maxRejected'
  | 'failures'
  | 'judge'
  | 'judgeConcurrency'
  | 'judgeCache'
  | 'redact'
  | 'keep'
  | 'memoryLimitMb'
  | 'temporaryFolder'
>;

export interface PrepareOptions extends LogOptions {
  /** Paths or globs, as in `IngestOptions`. */
  readonly files: readonly string[];
  readonly config: TrainConfig;
  /** Of the run's own, and there: its table goes to `outcomes.parquet` in it. With `append` it is there already. */
  readonly folder: string;
  readonly map?: IngestOptions['map'];
  /** For rows with tokens and no cost; those of the config come first. @default {} */
  readonly prices?: Prices;
  readonly strict?: boolean;
  readonly onProgress?: (progress: TrainProgress) => void;
}

/** Traffic as training wants it. */
export interface PreparedTraffic {
  readonly matrix: OutcomeMatrix;
  readonly splits: Splits;
  /** Near-duplicate group of each prompt. */
  readonly groups: Int32Array;
  readonly ingest: IngestReport;
  /** The outcomes table, in Parquet. */
  readonly table: string;
  /** What a person should look at: sentences. */
  readonly warnings: readonly string[];
}

const TABLE = 'outcomes.parquet';

export interface TrafficOptions extends Omit<PrepareOptions, 'folder'> {
  /** What is kept from run to run: `.pointsman`. */
  readonly workFolder: string;
  /** Folder of the router whose store `append` takes in. @default none */
  readonly router?: string;
}

/**
 * Does `use` with traffic that was read into a table of the run's own, which goes when the run ends. With `append` it begins
 * with what the router has gathered; what is new goes into the store if `use` calls `keep`, else nothing there changes.
 * @throws InvalidInputError when a file cannot be used, or a router cannot be learned from what it holds.
 */
export async function withTraffic<Result>(
  options: TrafficOptions,
  use: (traffic: PreparedTraffic, keep: () => Promise<void>) => Promise<Result>,
): Promise<Result> {
  const { append = false, router, workFolder, ...rest } = options;
  return withRunFolder(workFolder, 'traffic', async (folder) => {
    const store =
      append && router !== undefined
        ? new OutcomeStore(await routerPart(workFolder, router, 'outcomes'), scratchOf(options))
        : null;
    const base = join(folder, 'base.parquet');
    const hasBase = (await store?.copyTo(base)) ?? false;
    if (hasBase) await copyFile(base, join(folder, TABLE));
    const judged = options.judge !== undefined && options.judgeCache === undefined && router !== undefined;
    const traffic = await prepareTraffic({
      ...rest,
      append,
      folder,
      ...(judged ? { judgeCache: join(await routerPart(workFolder, router, 'judged'), 'verdicts') } : {}),
    });
    return use(traffic, async () => {
      await store?.add(traffic.table, hasBase ? base : null);
    });
  });
}

/**
 * Reads files into the outcomes table and parts its prompts.
 * @throws InvalidInputError when a file cannot be used, or a router cannot be learned from what it holds.
 */
export async function prepareTraffic(options: PrepareOptions): Promise<PreparedTraffic> {
  const { config, folder, map = {}, strict = false, onProgress = () => {} } = options;
  const table = join(folder, TABLE);
  const ingest = await ingestOutcomes({
    ...logOptions(options),
    maxRejected: options.maxRejected ?? MOST_REJECTED,
    ...(options.keep === 'hashes' ? { embedder: (await openEmbedder(config.embedder)).embedder } : {}),
    files: options.files,
    out: table,
    map,
    strict,
    prices: { ...options.prices, ...configuredPrices(config) },
    onProgress: (progress) => onProgress({ kind: 'read', ...progress }),
    onStep: (what) => onProgress({ kind: 'step', what, folds: null }),
  });
  const matrix = await readOutcomeMatrix(table, scratchOf(options));
  checkTraffic(matrix, ingest);
  onProgress({ kind: 'step', what: 'splitting', folds: null });
  const { by, fit, calibrate, test } = config.split;
  const sizes = { fit, calibrate, test };
  const parted =
    by === 'time'
      ? splitByTime(matrix, { sizes })
      : { ...splitOutcomes(matrix, { sizes, seed: config.seed }), leftOut: new Int32Array() };
  checkSplits(parted.splits, parted.groups.groups);
  return {
    matrix,
    splits: parted.splits,
    groups: parted.groups.groups,
    ingest,
    table,
    warnings: trafficWarnings(matrix, ingest, config, {
      fit: parted.splits.fit.rows,
      groups: parted.groups.groups,
      leftOut: parted.leftOut.length,
    }),
  };
}

function logOptions(options: LogOptions): LogOptions {
  const { append, failures, format, judge, judgeCache, judgeConcurrency, keep, redact, score, scoreRange } =
    options;
  const { memoryLimitMb, temporaryFolder } = options;
  return {
    append,
    failures,
    format,
    judge,
    judgeCache,
    judgeConcurrency,
    keep,
    redact,
    score,
    scoreRange,
    memoryLimitMb,
    temporaryFolder,
  };
}

/** The room that rows on their way may take. */
export function scratchOf({ memoryLimitMb, temporaryFolder }: ScratchOptions): ScratchOptions {
  return { memoryLimitMb, temporaryFolder };
}

function configuredPrices({ candidates }: TrainConfig): Prices {
  const prices: Prices = {};
  for (const [name, { inputPricePerMillionTokens, outputPricePerMillionTokens }] of Object.entries(
    candidates,
  )) {
    if (inputPricePerMillionTokens === undefined || outputPricePerMillionTokens === undefined) continue;
    prices[name] = { inputPricePerMillionTokens, outputPricePerMillionTokens };
  }
  return prices;
}
