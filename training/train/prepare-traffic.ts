import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PolicySpec } from 'pointsman';
import type { TrainConfig } from '../config.ts';
import { openEmbedder } from '../embed/embedders.ts';
import { numberClusters } from '../fit/rows.ts';
import { ingestOutcomes } from '../ingest/ingest.ts';
import { type IngestOptions, MOST_REJECTED } from '../ingest/options.ts';
import { OutcomeStore, readOutcomeMatrix } from '../ingest/outcome-store.ts';
import {
  checkSplits,
  checkTraffic,
  costsWithout,
  countKinds,
  type IngestReport,
  latencyDoubt,
  sayingOfWhom,
  scoresOf,
} from '../ingest/report.ts';
import { describeScale } from '../ingest/score-scale.ts';
import { HIGHEST_WEIGHT, LEAST_FLOOR } from '../off-policy/estimate.ts';
import type { Prices } from '../outcomes/amounts.ts';
import { comparisonsOf, isByPreference, type OutcomeMatrix } from '../outcomes/matrix.ts';
import { type Splits, splitByTime, splitOutcomes } from '../split/split.ts';
import { formatCount, formatPercent, plural } from '../words.ts';
import { routerPart, withRunFolder } from '../work/run-folder.ts';
import type { ScratchOptions } from '../work/scratch-database.ts';
import type { ShardedTraining, WholeTraffic } from './run-on-shards.ts';
import { FEWEST_OF_KIND, MOST_KINDS, type TaskKinds, type TrainProgress, taskKinds } from './training-run.ts';
import {
  drawnAt,
  groupsOfKeys,
  keyOfPrompt,
  readShard,
  splitByGroup,
  type WholeSettings,
} from './whole-traffic.ts';

/** What of `IngestOptions` says how a log is read. */
const LOG_OPTIONS = [
  'answers',
  'append',
  'failures',
  'format',
  'judge',
  'judgeCache',
  'judgeConcurrency',
  'keep',
  'maxRejected',
  'memoryLimitMb',
  'redact',
  'score',
  'scoreRange',
  'temporaryFolder',
] as const;

/** How a log is read; as in `IngestOptions`. */
export type LogOptions = Pick<IngestOptions, (typeof LOG_OPTIONS)[number]>;

interface PrepareOptions extends LogOptions {
  /** Paths or globs, as in `IngestOptions`. */
  readonly files: readonly string[];
  readonly config: TrainConfig;
  /** Of the run's own, and there: its table goes to `outcomes.parquet` in it. With `append` it is there already. */
  readonly folder: string;
  readonly map?: IngestOptions['map'];
  /** For rows with tokens and no cost; those of the config come first. @default {} */
  readonly prices?: Prices;
  readonly strict?: boolean;
  /** Reads and judges rows on shards, and draws a sample of what is too much to fit on. @default all of it, here */
  readonly sharded?: ShardedTraining | undefined;
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
  /** Where there are more prompts than are fitted on: all of them. The matrix and what goes with it are a sample then. */
  readonly whole: WholeTraffic | null;
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
  const ingestOptions: IngestOptions = {
    ...Object.fromEntries(LOG_OPTIONS.map((name) => [name, options[name]])),
    maxRejected: options.maxRejected ?? MOST_REJECTED,
    ...(options.keep === 'hashes' ? { embedder: (await openEmbedder(config.embedder)).embedder } : {}),
    files: options.files,
    out: table,
    map,
    strict,
    prices: { ...options.prices, ...configuredPrices(config) },
    onProgress: (progress) => onProgress({ kind: 'read', ...progress }),
    onStep: (what) => onProgress({ kind: 'step', what, folds: null }),
  };
  const ingest = await ingestOutcomes(ingestOptions, options.sharded?.stageAll);
  const { matrix: read, whole } = await readTable(table, options);
  sayingOfWhom(whole?.sums.prompts, () => checkTraffic(read, ingest));
  onProgress({ kind: 'step', what: 'splitting', folds: null });
  const { groups, leftOut, splits } = whole === null ? splitAll(read, config) : splitSample(read, whole);
  const matrix = whole === null ? read : withImportance(read, splits, whole.settings);
  sayingOfWhom(whole?.sums.prompts, () => checkSplits(splits, groups));
  const traffic = { matrix, splits, groups, ingest, table, whole };
  const warnings = trafficWarnings(traffic, config, leftOut.length);
  return { ...traffic, warnings: whole === null ? warnings : [drawnNote(whole, matrix), ...warnings] };
}

/** The outcomes table, or a sample of it where it has more prompts than are fitted on. */
async function readTable(
  table: string,
  { config, folder, sharded, ...options }: PrepareOptions,
): Promise<Pick<PreparedTraffic, 'matrix' | 'whole'>> {
  const sample = join(folder, 'sample.parquet');
  const scratch = scratchOf(options);
  const whole = (await sharded?.sampleTable(table, sample, { ...config, scratch })) ?? null;
  if (whole === null) return { matrix: await readOutcomeMatrix(table, scratch), whole };
  return { matrix: await readShard(sample, whole.settings.candidates, scratch), whole };
}

type Parted = Pick<PreparedTraffic, 'splits' | 'groups'> & { readonly leftOut: Int32Array };

function splitAll(matrix: OutcomeMatrix, { seed, split }: TrainConfig): Parted {
  const { by, ...sizes } = split;
  if (by === 'random') {
    const { groups, splits } = splitOutcomes(matrix, { sizes, seed });
    return { splits, groups: groups.groups, leftOut: new Int32Array() };
  }
  const { groups, leftOut, splits } = splitByTime(matrix, { sizes });
  return { splits, groups: groups.groups, leftOut };
}

/** As all of its prompts are split. */
function splitSample({ prompts }: OutcomeMatrix, { others, settings }: WholeTraffic): Parted {
  const groups = groupsOfKeys(Float64Array.from(prompts, keyOfPrompt), others);
  const splits = splitByGroup(groups, settings);
  return { splits, groups: numberClusters(groups).of, leftOut: new Int32Array() };
}

/**
 * A sample with how many prompts of its log each stands for, where one is drawn evenly, which stands for 1. The most is 2.
 */
function withImportance(matrix: OutcomeMatrix, splits: Splits, settings: WholeSettings): OutcomeMatrix {
  const at = drawnAt(matrix, splits, settings);
  const columns = matrix.candidates.length;
  const importance = matrix.quality.map((_, cell) => settings.share / at[Math.floor(cell / columns)]);
  return importance.every((weight) => weight === 1) ? matrix : { ...matrix, importance };
}

function drawnNote({ sums: { prompts } }: WholeTraffic, { importance }: OutcomeMatrix): string {
  const uneven = importance === undefined ? '' : ', those of rarer tasks and candidates more often';
  return `${formatCount(prompts.sampled)} of ${formatCount(prompts.prompts)} prompts were drawn to be fitted on (--fit-sample)${uneven}. What else is said of the traffic here is said of these.`;
}

/** The room that rows on their way may take. */
export function scratchOf({ memoryLimitMb, temporaryFolder }: ScratchOptions): ScratchOptions {
  return { memoryLimitMb, temporaryFolder };
}

/** Of the candidates whose prices are configured, both of them. */
export function configuredPrices({ candidates }: Pick<TrainConfig, 'candidates'>): Prices {
  const prices: Prices = {};
  for (const [name, { inputPricePerMillionTokens, outputPricePerMillionTokens }] of Object.entries(
    candidates,
  )) {
    if (inputPricePerMillionTokens === undefined || outputPricePerMillionTokens === undefined) continue;
    prices[name] = { inputPricePerMillionTokens, outputPricePerMillionTokens };
  }
  return prices;
}

/** Under so many scores, what is learned of a candidate is a guess. */
const FEW_SCORES = 50;

/**
 * What about the traffic could make the router worse than it need be: sentences.
 *
 * @param leftOut how many prompts are in no split
 */
export function trafficWarnings(
  { groups, ingest, matrix, splits }: Pick<PreparedTraffic, 'groups' | 'ingest' | 'matrix' | 'splits'>,
  config: TrainConfig,
  leftOut: number,
): string[] {
  const { candidates, quality } = matrix;
  const warnings: string[] = [];
  const strangers = Object.keys(config.candidates).filter((name) => !candidates.includes(name));
  if (strangers.length > 0)
    warnings.push(`The config names candidates that the traffic does not have: ${strangers.join(', ')}.`);
  const scores = scoresOf(quality, candidates.length);
  const few = candidates.flatMap((name, c) => (scores[c] < FEW_SCORES ? [`${name} (${scores[c]})`] : []));
  if (few.length > 0)
    warnings.push(
      `Fewer than ${FEW_SCORES} ${isByPreference(matrix) ? 'comparisons' : 'quality scores'}, so what is learned of these candidates is a guess: ${few.join(', ')}.`,
    );
  for (const { kind, rejected, total } of countKinds(ingest)) {
    const lost = rejected.reduce((sum, { count }) => sum + count, 0);
    if (lost > 0.05 * total)
      warnings.push(
        `${lost} of ${plural(total, kind)} could not be used; pointsman ingest tells which and why.`,
      );
  }
  const prices = ingest.pricesOfNobody.filter((name) => !strangers.includes(name));
  if (prices.length > 0)
    warnings.push(`The prices name candidates that the traffic does not have: ${prices.join(', ')}.`);
  const { costsWithout: without, rowsAccepted } = ingest;
  if (without.tokens + without.prices > 0.05 * rowsAccepted)
    warnings.push(`${plural(ingest.costsMissing, 'row')} without a cost${costsWithout(ingest)}.`);
  const latency = latencyDoubt(ingest);
  if (latency?.includes('though') === true) warnings.push(`The column ${latency}.`);
  const scale = describeScale(ingest.scoreScale);
  if (scale !== null && ingest.scoreScale.by === 'found') warnings.push(`Scores were read as ${scale}.`);
  const only = onlyQuality(quality);
  if (ingest.scoreScale.allOnes)
    warnings.push(
      'Every score is 1, which is taken for the best. If it is the worst of a scale, say the scale: --score-range 1..5.',
    );
  else if (only !== null && isByPreference(matrix))
    warnings.push(
      'Every comparison ties: nothing tells a better answer from a worse one, so that only costs differ.',
    );
  else if (only !== null)
    warnings.push(
      `Every score is the same, a quality of ${Number(only.toPrecision(3))} on 0 (worst) to 1 (best): nothing tells a good answer from a bad one, so that only costs differ.`,
    );
  const alone =
    (matrix.preference ?? []).filter((value) => !Number.isNaN(value)).length -
    2 * comparisonsOf(matrix).length;
  if (alone > 0)
    warnings.push(
      `${plural(alone, 'preference')} without another one of the same request that adds up to 1 with it: of these nothing is learned.`,
    );
  const tasks = tasksLeftOut(taskKinds(matrix, splits.fit.rows, groups), splits.fit.rows.length);
  if (tasks !== null) warnings.push(tasks);
  if (areAlike(matrix))
    warnings.push(
      'The embeddings of all prompts are the same and their words are not kept: nothing can tell prompts apart, and the ' +
        'router can only find the best single candidate.',
    );
  const exploring = exploringWarning(
    config.policy,
    candidates.filter((name) => config.candidates[name]?.retired !== true).length,
    config.offPolicy.clip,
  );
  if (exploring !== null) warnings.push(exploring);
  const { routers } = withoutRouters(config.policy);
  if (routers.length > 0)
    warnings.push(
      `The policy hands over to other routers (${routers.join(', ')}), which training does not know: it is measured with ` +
        "this router's own most likely candidate there. Give them to loadRouter in `routers`.",
    );
  if (leftOut > 0)
    warnings.push(`${leftOut} later repeats of earlier prompts are in no split, since the split is by time.`);
  return warnings;
}

/** The quality that all rows with one have; null where they differ. */
function onlyQuality(quality: Float32Array): number | null {
  const first = quality.find((value) => !Number.isNaN(value));
  if (first === undefined) return null;
  return quality.every((value) => Number.isNaN(value) || value === first) ? first : null;
}

/** A sentence where tasks that are not learned have more than one prompt in twenty. */
function tasksLeftOut({ leftOut, names }: TaskKinds, prompts: number): string | null {
  if (leftOut.prompts <= 0.05 * prompts) return null;
  const all = leftOut.tasks + names.length;
  const learned = names.length < 2 ? 'none is' : `${names.length} are`;
  return (
    `\`task\` has ${all.toLocaleString('en-US')} values among the prompts to fit, of which ${learned} learned: at most ${MOST_KINDS} are, each with ` +
    `${FEWEST_OF_KIND} different prompts or more and a name of 1 to 200 characters. A task says what kind of request it is, not which one.`
  );
}

/** Whether nothing of any prompt is known that could tell it from another. */
function areAlike({ prompts }: OutcomeMatrix): boolean {
  const first = prompts[0]?.embedding;
  if (first === undefined) return false;
  return prompts.every(
    ({ embedding }) => embedding?.length === first.length && embedding.every((x, i) => x === first[i]),
  );
}

/**
 * Warns of a policy that explores each candidate less often than weights allow for: ε / K under 1 / clip. What it explores
 * would then count for less than it should.
 *
 * @param candidates how many it explores among @param clip as configured; undefined: as the log's floor allows
 * @returns null where the two agree, or the policy does not explore so
 */
export function exploringWarning(
  policy: unknown,
  candidates: number,
  clip: number | undefined,
): string | null {
  const spec = policy as PolicySpec;
  if (spec.kind !== 'explore' || spec.method !== 'epsilon-greedy' || !(spec.epsilon > 0)) return null;
  const weight = candidates / spec.epsilon;
  const allowed = clip ?? 1 / LEAST_FLOOR;
  // The inverse of a rounded number.
  if (weight <= allowed * (1 + 1e-9)) return null;
  const most = clip ?? HIGHEST_WEIGHT;
  const enough = Math.ceil((1000 * candidates) / allowed) / 1000;
  return (
    `The policy asks each of ${candidates} candidates with probability ${(1 / weight).toPrecision(2)} to explore (epsilon / candidates), and weights above ` +
    `${formatCount(most)} are cut: what it explores will count for ${formatPercent(most / weight, 0)} of what it should. ` +
    (enough < 1 ? `Raise \`epsilon\` to ${enough}` : 'Explore among fewer candidates') +
    (clip === undefined ? '.' : `, or \`clip\` to ${formatCount(Math.ceil(weight))}.`)
  );
}

/** A policy that hands over to no other router, and the names of those that it handed over to. */
interface WithoutRouters {
  readonly policy: unknown;
  readonly routers: readonly string[];
}

/**
 * Training knows no other routers, so it can measure a policy only up to where it hands over: there it goes on by this
 * router's own success probabilities.
 *
 * @param policy of any shape; what is no policy stays as it is.
 */
export function withoutRouters(policy: unknown): WithoutRouters {
  const routers = new Set<string>();
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    const { kind, router, ...rest } = value as Readonly<Record<string, unknown>>;
    if (kind !== 'router' || typeof router !== 'string') {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, visit(inner)]));
    }
    routers.add(router);
    return { kind: 'utility', ...rest } satisfies { kind: PolicySpec['kind'] };
  };
  return { policy: visit(policy), routers: [...routers] };
}
