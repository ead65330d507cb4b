import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { LIST, listValue, VARCHAR } from '@duckdb/node-api';
import { type Embedder, type Router, readPrompt } from 'pointsman';
import { embedAll, embedPrompts, requestFeatures } from '../embed/embed.ts';
import { drawnBy, TestSums } from '../evaluate/test-sums.ts';
import { RidgeSums } from '../fit/curvature.ts';
import { takeRows } from '../fit/rows.ts';
import { readOutcomeMatrix } from '../ingest/outcome-store.ts';
import { HIGHEST_WEIGHT } from '../off-policy/estimate.ts';
import { areHashed, type OutcomeMatrix, type PromptRecord, takePrompts } from '../outcomes/matrix.ts';
import { normalisedText } from '../split/near-duplicates.ts';
import { nameSplits, type Splits, textToCompare } from '../split/split.ts';
import {
  parquetFile,
  quoteText,
  type ScratchOptions,
  withScratchDatabase,
} from '../work/scratch-database.ts';
import { alignCandidates, predictTest } from './evaluate-router.ts';

/**
 * What is done to all prompts of traffic that is too much to be fitted on: a shard of the outcomes table at a time, each shard by
 * itself. Which split a prompt is in, and whether it is in the sample, its group alone says.
 */

/** How prompts are parted; the same for all shards of a run. */
export interface WholeSettings {
  readonly seed: number;
  /** Shares of all prompts. */
  readonly fit: number;
  readonly calibrate: number;
  /** Share of all groups that is drawn to fit on. */
  readonly share: number;
  /** Of all shards, sorted. */
  readonly candidates: readonly string[];
}

/** Names a prompt by its text, so that equal prompts have the same, wherever they are: a whole number below 2^48. */
export function keyOfPrompt(prompt: PromptRecord): number {
  return createHash('sha256')
    .update(normalisedText(textToCompare(prompt)))
    .digest()
    .readUIntLE(0, 6);
}

/** Group of each prompt, by the groups of keys that are not alone. */
export function groupsOfKeys(keys: Float64Array, others: Float64Array): Float64Array {
  const groupOf = new Map<number, number>();
  for (let i = 0; i < others.length; i += 2) groupOf.set(others[i], others[i + 1]);
  return keys.map((key) => groupOf.get(key) ?? key);
}

/** Uses of a group's numbers; resamples have those from 0 on. */
const [OF_SPLIT, OF_SAMPLE] = [10_001, 10_002];

/** Splits of prompts by their groups. */
export function splitByGroup(
  groups: Float64Array,
  { calibrate, fit, seed }: Pick<WholeSettings, 'seed' | 'fit' | 'calibrate'>,
): Splits {
  const parts: number[][] = [[], [], []];
  for (const [row, group] of groups.entries()) {
    const at = drawnBy(group, seed, OF_SPLIT);
    parts[at < fit ? 0 : at < fit + calibrate ? 1 : 2].push(row);
  }
  const [fitted, calibrated, tested] = parts.map((rows) => Int32Array.from(rows));
  return nameSplits(fitted, calibrated, tested);
}

/** What a row of the outcomes table takes beside the words of its prompt. */
const ROW_BYTES = 250;

/**
 * Cuts the outcomes table into whole requests, of so many bytes about.
 *
 * @param file where each shard is written @param keep keeps it, and says its digest
 * @returns null where there are no more prompts than `limits` says
 */
export async function cutTable(
  table: string,
  scratch: ScratchOptions,
  limits: { readonly prompts: number; readonly shardBytes: number },
  file: string,
  keep: () => Promise<string>,
) {
  return withScratchDatabase(scratch, async (database) => {
    const connection = await database.connect();
    const ask = async (query: string) => (await connection.runAndReadAll(query)).getRows();
    const rows = parquetFile(table, ', file_row_number = true');
    const [[count, words]] = await ask(
      `SELECT count(*), avg(coalesce(strlen("text"), 0) + coalesce(strlen(messages), 0)) FROM ${rows}`,
    );
    if (Number(count) <= limits.prompts) return null;
    const [[prompts]] = await ask(`SELECT count(DISTINCT "requestId") FROM ${rows}`);
    if (Number(prompts) <= limits.prompts) return null;
    const names = await ask(`SELECT DISTINCT candidate FROM ${rows}`);
    const size = Math.max(1, Math.floor(limits.shardBytes / (Number(words) + ROW_BYTES)));
    const firsts = await ask(
      `SELECT DISTINCT "requestId" AS id FROM ${rows} WHERE file_row_number % ${size} = 0 ORDER BY id`,
    );
    const shards: string[] = [];
    for (const [i, [first]] of firsts.entries()) {
      const next = firsts[i + 1]?.[0];
      const before = next === undefined ? '' : `AND "requestId" < ${quoteText(String(next))}`;
      await connection.run(
        `COPY (SELECT * FROM ${parquetFile(table)} WHERE "requestId" >= ${quoteText(String(first))} ${before} ORDER BY "requestId", candidate)
          TO ${quoteText(file)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`,
      );
      shards.push(await keep());
      await rm(file);
    }
    return { shards, prompts: Number(prompts), candidates: names.map(([name]) => String(name)).sort() };
  });
}

/** The matrix of a shard, with the candidates of all of them. */
export async function readShard(
  file: string,
  candidates?: readonly string[],
  scratch?: ScratchOptions,
): Promise<OutcomeMatrix> {
  const matrix = await readOutcomeMatrix(file, scratch);
  return candidates === undefined ? matrix : alignCandidates(matrix, candidates);
}

/** Sums over prompts to fit and to calibrate on, a candidate at a time. */
const CANDIDATE_SUMS = [
  'rated',
  'quality',
  'weight',
  'weighted',
  'priced',
  'costUsd',
  'timed',
  'latencyMs',
] as const;
/** Sums over all prompts. */
const PROMPT_SUMS = [
  'prompts',
  'fit',
  'calibrate',
  'test',
  'sampled',
  'withOutcome',
  'complete',
  'outcomes',
  'logged',
] as const;

/**
 * Writes the rows of prompts that are drawn to fit on, and adds up what all prompts hold.
 *
 * @param out Parquet, of the rows as they are in the shard
 * @returns `[PROMPT_SUMS, candidates × CANDIDATE_SUMS]`
 */
export async function drawSample(
  shard: string,
  groups: Float64Array,
  settings: WholeSettings,
  out: string,
): Promise<Float64Array> {
  const { candidates, seed, share } = settings;
  const matrix = await readShard(shard, candidates);
  const splits = splitByGroup(groups, settings);
  const ids = matrix.prompts.flatMap(({ requestId }, row) =>
    drawnBy(groups[row], seed, OF_SAMPLE) < share ? [requestId] : [],
  );
  await withScratchDatabase({}, async (database) => {
    const connection = await database.connect();
    await connection.run(
      'CREATE TABLE drawn AS SELECT unnest($ids) AS id',
      { ids: listValue(ids) },
      { ids: LIST(VARCHAR) },
    );
    await connection.run(
      `COPY (SELECT * FROM ${parquetFile(shard)} WHERE "requestId" IN (SELECT id FROM drawn) ORDER BY "requestId", candidate)
        TO ${quoteText(out)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`,
    );
  });
  const sums = new Float64Array(PROMPT_SUMS.length + candidates.length * CANDIDATE_SUMS.length);
  sums.set([
    matrix.prompts.length,
    splits.fit.rows.length,
    splits.calibrate.rows.length,
    splits.test.rows.length,
    ids.length,
  ]);
  const { costUsd, latencyMs, propensity, quality } = matrix;
  for (const row of matrix.prompts.keys()) {
    let [seen, logged] = [0, 0];
    for (let i = row * candidates.length; i < (row + 1) * candidates.length; i++) {
      if (Number.isNaN(quality[i])) continue;
      seen++;
      if (!Number.isNaN(propensity[i])) logged++;
    }
    sums[5] += Number(seen > 0);
    sums[6] += Number(seen === candidates.length);
    sums[7] += seen;
    sums[8] += logged;
  }
  for (const rows of [splits.fit.rows, splits.calibrate.rows])
    for (const row of rows)
      for (const c of candidates.keys()) {
        const [i, at] = [row * candidates.length + c, PROMPT_SUMS.length + c * CANDIDATE_SUMS.length];
        const weight = weightOf(propensity[i]);
        if (!Number.isNaN(quality[i])) add(sums, at, [1, quality[i], weight, weight * quality[i]]);
        if (!Number.isNaN(costUsd[i])) add(sums, at + 4, [1, costUsd[i]]);
        if (!Number.isNaN(latencyMs[i])) add(sums, at + 6, [1, latencyMs[i]]);
      }
  return sums;
}

function add(sums: Float64Array, at: number, values: readonly number[]): void {
  for (const [i, value] of values.entries()) sums[at + i] += value;
}

/** Inverse of a propensity, cut; 1 where none is known. */
function weightOf(propensity: number): number {
  return propensity > 0 ? Math.min(HIGHEST_WEIGHT, 1 / propensity) : 1;
}

/** What all prompts hold. */
export interface WholeSums {
  readonly prompts: Readonly<Record<(typeof PROMPT_SUMS)[number], number>>;
  readonly candidates: readonly Readonly<Record<(typeof CANDIDATE_SUMS)[number], number>>[];
}

/** @param sums of `drawSample`, of all shards together */
export function readSums(sums: Float64Array): WholeSums {
  const named = <Name extends string>(names: readonly Name[], from: number) =>
    Object.fromEntries(names.map((name, i) => [name, sums[from + i]])) as Record<Name, number>;
  const count = (sums.length - PROMPT_SUMS.length) / CANDIDATE_SUMS.length;
  return {
    prompts: named(PROMPT_SUMS, 0),
    candidates: Array.from({ length: count }, (_, c) =>
      named(CANDIDATE_SUMS, PROMPT_SUMS.length + c * CANDIDATE_SUMS.length),
    ),
  };
}

/**
 * How outcomes of choices are found: `read` where every prompt with an outcome has one of each candidate, `estimated` where the log says
 * how likely each was (doubly robust: Dudík, Langford and Li 2011), else not at all.
 */
export type HowMeasured = 'read' | 'estimated' | null;

export function howMeasured({ prompts }: WholeSums): HowMeasured {
  if (prompts.outcomes === 0) return null;
  if (prompts.complete === prompts.withOutcome) return 'read';
  return prompts.logged === prompts.outcomes ? 'estimated' : null;
}

interface MeasuredShard {
  /** Numbers of `TestSums`. */
  readonly sums: Float64Array;
  /** Of the test prompts: `[prompts, dimensions]`. Of none where they are sooner embedded again than read, or are kept as hashes. */
  readonly embeddings: Float32Array;
}

interface TestOptions {
  readonly router: Router;
  readonly embedder: Embedder;
  readonly settings: WholeSettings;
  readonly how: Exclude<HowMeasured, null>;
  /** Number of the best single candidate on the prompts to fit and to calibrate on. */
  readonly single: number;
}

/** A router on the test prompts of a shard. */
export async function measureShard(
  shard: string,
  groups: Float64Array,
  { embedder, how, router, settings, single }: TestOptions,
): Promise<MeasuredShard> {
  const all = await readShard(shard, settings.candidates);
  const { rows } = splitByGroup(groups, settings).test;
  const matrix = takePrompts(all, rows);
  const { candidates, costUsd, quality } = matrix;
  const sums = new TestSums(candidates.length, settings.seed);
  if (rows.length === 0) return { sums: sums.values, embeddings: new Float32Array() };
  const isTable = 'embedInto' in embedder && !areHashed(matrix);
  const embeddings = isTable ? null : await embedPrompts(matrix, embedder);
  const test = { role: 'test', rows: Int32Array.from(rows.keys()) } as const;
  const { chosen, plans, success } = await predictTest(router, matrix, test, embeddings);
  for (const [row, first] of chosen.entries()) {
    const [from, to] = [row * candidates.length, (row + 1) * candidates.length];
    sums.addCalibration(quality.subarray(from, to), success.subarray(from, to));
    // Whoever is asked first need not be whose answer is given.
    const choice = plans ? plans.answers[row] : first;
    const values = valuesOf(matrix, row, success.subarray(from, to), how);
    if (choice < 0 || values === null) continue;
    const areKnown = how === 'read' && !plans;
    sums.addChoice({
      ...{ choice, single, values, group: groups[rows[row]] },
      costUsd: areKnown ? [costUsd[from + choice], costUsd[from + single]] : [Number.NaN, Number.NaN],
    });
  }
  return { sums: sums.values, embeddings: embeddings?.values ?? new Float32Array() };
}

/** What each candidate's answer is worth, seen or estimated; null where that is not known. `[candidates]` */
function valuesOf(
  { candidates, propensity, quality }: OutcomeMatrix,
  row: number,
  success: Float32Array,
  how: HowMeasured,
): Float64Array | null {
  const from = row * candidates.length;
  const seen = quality.subarray(from, from + candidates.length);
  if (how === 'read') return seen.some(Number.isNaN) ? null : Float64Array.from(seen);
  if (seen.every(Number.isNaN)) return null;
  const values = Float64Array.from(success, (p) => (Number.isNaN(p) ? 0 : p));
  for (const [c, value] of seen.entries())
    if (!Number.isNaN(value)) values[c] += weightOf(propensity[from + c]) * (value - values[c]);
  return values;
}

/** Sums of linear heads: over the prompts to fit on that are in the sample, over the others of them, and over the test prompts. */
const RIDGE_SETS = 3;

interface RidgeOptions extends Pick<TestOptions, 'embedder' | 'router' | 'settings'> {
  /** As of `measureShard`. */
  readonly embeddings: Float32Array;
}

/** What linear heads need to know of a shard, of prompts with an outcome of every candidate. @returns numbers of `RIDGE_SETS` `RidgeSums` */
export async function ridgeOfShard(
  shard: string,
  groups: Float64Array,
  { embedder, embeddings, router, settings }: RidgeOptions,
): Promise<Float64Array> {
  const { candidates, seed, share } = settings;
  const { prompts, quality } = await readShard(shard, candidates);
  const { fit, test } = splitByGroup(groups, settings);
  const columns = candidates.length;
  const known = (row: number) => !quality.subarray(row * columns, (row + 1) * columns).some(Number.isNaN);
  const inputs = router.manifest.features.length;
  const values = new Float64Array(RIDGE_SETS * RidgeSums.lengthOf(inputs, columns));
  const tested = Array.from(test.rows, (row) => readPrompt(prompts[row].request).text);
  const shared = { embedder: knowing(embedder, tested, embeddings) };
  const isDrawn = (row: number) => drawnBy(groups[row], seed, OF_SAMPLE) < share;
  const sets = [fit.rows.filter(isDrawn), fit.rows.filter((row) => !isDrawn(row)), test.rows];
  for (const [i, sums] of cutRidge(values, inputs, columns).entries()) {
    const rows = sets[i].filter(known);
    for (let from = 0; from < rows.length; from += RIDGE_ROWS) {
      const some = rows.subarray(from, from + RIDGE_ROWS);
      const requests = Array.from(some, (row) => prompts[row].request);
      const features = await requestFeatures(router.artifact, requests, shared);
      const targets = takeRows({ rows: prompts.length, columns, values: quality }, some);
      sums.add(features, targets);
    }
  }
  return values;
}

/** An embedder that need not be asked about some texts. @param vectors of all of them, or of none */
function knowing(embedder: Embedder, texts: readonly string[], vectors: Float32Array): Embedder {
  if (vectors.length === 0) return embedder;
  const { dimensions, id } = embedder;
  const places = new Map(texts.map((text, i) => [text, i * dimensions]));
  return {
    ...{ dimensions, id },
    async embed(asked) {
      const missing = asked.filter((text) => !places.has(text));
      const made = await embedAll(embedder, missing);
      let next = 0;
      return asked.map((text) => {
        const at = places.get(text);
        if (at !== undefined) return vectors.subarray(at, at + dimensions);
        return made.subarray(next * dimensions, ++next * dimensions);
      });
    },
  };
}

/** Prompts whose features are there at a time. */
const RIDGE_ROWS = 4096;

/** @returns sums over all prompts to fit on, over those of them that are in the sample, and over the test prompts */
export function readRidge(values: Float64Array, inputs: number, outputs: number): RidgeSums[] {
  const [drawn, others, tested] = cutRidge(values, inputs, outputs);
  const all = drawn.values.map((value, i) => value + others.values[i]);
  return [new RidgeSums(inputs, outputs, all), drawn, tested];
}

function cutRidge(values: Float64Array, inputs: number, outputs: number): RidgeSums[] {
  const length = RidgeSums.lengthOf(inputs, outputs);
  return Array.from(
    { length: RIDGE_SETS },
    (_, i) => new RidgeSums(inputs, outputs, values.subarray(i * length, (i + 1) * length)),
  );
}
