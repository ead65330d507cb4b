import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { LIST, listValue, VARCHAR } from '@duckdb/node-api';
import type { Embedder, Router } from 'pointsman';
import { embedPrompts } from '../embed/embed.ts';
import { drawnBy, TestSums } from '../evaluate/test-sums.ts';
import type { RidgeSums } from '../fit/curvature.ts';
import { createMatrix, type Matrix, takeColumn, takeRows } from '../fit/rows.ts';
import { readOutcomeMatrix } from '../ingest/outcome-store.ts';
import { chancesOf, type DrawChances, HIGHEST_WEIGHT } from '../off-policy/estimate.ts';
import { type OutcomeMatrix, type PromptRecord, takePrompts } from '../outcomes/matrix.ts';
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
  /** Share of all groups that is drawn. */
  readonly share: number;
  /** Of prompts to fit on, some of which are drawn more often than others. */
  readonly chances: DrawChances;
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
const [OF_SPLIT, OF_SAMPLE, OF_BLOCK] = [10_001, 10_002, 10_003];

/** Which of some blocks a group is in, evenly by chance. */
export function blockOf(group: number, blocks: number, seed: number): number {
  return Math.floor(drawnBy(group, seed, OF_BLOCK) * blocks);
}

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

/**
 * How likely prompts are to be drawn: those to fit on by what they are, others like each other, as figures and calibrators are of them.
 * @returns `[prompts]`
 */
export function drawnAt(
  matrix: OutcomeMatrix,
  { fit }: Splits,
  { chances, share }: WholeSettings,
): Float64Array {
  const ofFit = chancesOf(chances, matrix);
  const at = new Float64Array(matrix.prompts.length).fill(share);
  for (const row of fit.rows) at[row] = ofFit[row];
  return at;
}

/** Which prompts are drawn: 1 where the number of its group is below its chance. `[prompts]` */
export function areDrawn(
  matrix: OutcomeMatrix,
  groups: Float64Array,
  splits: Splits,
  settings: WholeSettings,
): Float64Array {
  const at = drawnAt(matrix, splits, settings);
  return at.map((chance, row) => Number(drawnBy(groups[row], settings.seed, OF_SAMPLE) < chance));
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
  const { candidates } = settings;
  const matrix = await readShard(shard, candidates);
  const splits = splitByGroup(groups, settings);
  const drawn = areDrawn(matrix, groups, splits, settings);
  const ids = matrix.prompts.flatMap(({ requestId }, row) => (drawn[row] === 1 ? [requestId] : []));
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

interface TestOptions {
  /** Each is measured by itself. */
  readonly routers: readonly Router[];
  readonly embedder: Embedder;
  /** Of the test prompts, `[prompts, dimensions]`. Null: they are embedded here. */
  readonly embeddings: Float32Array | null;
  readonly settings: WholeSettings;
  readonly how: Exclude<HowMeasured, null>;
  /** Number of the best single candidate on the prompts to fit and to calibrate on. */
  readonly single: number;
}

/** Routers on the test prompts of a shard. @returns numbers of `TestSums` of each, one behind the other */
export async function measureShard(
  shard: string,
  groups: Float64Array,
  { embedder, embeddings, how, routers, settings, single }: TestOptions,
): Promise<Float64Array> {
  const all = await readShard(shard, settings.candidates);
  const { rows } = splitByGroup(groups, settings).test;
  const matrix = takePrompts(all, rows);
  const { candidates, costUsd, quality } = matrix;
  const each = routers.map(() => new TestSums(candidates.length, settings.seed));
  const vectors =
    rows.length === 0
      ? null
      : embeddings === null
        ? await embedPrompts(matrix, embedder)
        : { rows: rows.length, columns: embedder.dimensions, values: embeddings };
  const test = { role: 'test', rows: Int32Array.from(rows.keys()) } as const;
  for (const [r, router] of routers.entries()) {
    const sums = each[r];
    const { chosen, plans, success } = await predictTest(router, matrix, test, vectors);
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
  }
  return Float64Array.from(each.flatMap(({ values }) => Array.from(values)));
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

/** Of a row beside its features and qualities: number of its task, -1 where it has none that is learned, and the block of its group. */
export const ROW_MARKS = 2;

/** How rows lie in the files of `ridge`. */
export interface RowShape {
  readonly inputs: number;
  readonly candidates: number;
}

/** Writes a row as `readRows` reads it. @param parts features, qualities and marks */
export function keepRow(to: Float32Array, row: number, parts: readonly ArrayLike<number>[]): void {
  let at = row * parts.reduce((sum, { length }) => sum + length, 0);
  for (const part of parts) {
    to.set(part, at);
    at += part.length;
  }
}

/** Rows of a file of `ridge`: features, qualities and marks. */
export function readRows(all: Float32Array, { candidates, inputs }: RowShape) {
  const width = inputs + candidates + ROW_MARKS;
  const rows = all.length / width;
  const cut = (from: number, columns: number): Matrix => {
    const part = createMatrix(rows, columns);
    for (let row = 0; row < rows; row++)
      part.values.set(all.subarray(row * width + from, row * width + from + columns), row * columns);
    return part;
  };
  return {
    features: cut(0, inputs),
    quality: cut(inputs, candidates),
    marks: cut(inputs + candidates, ROW_MARKS),
  };
}

/** How rows are kept: with an outcome of every candidate and sums of all of them together, or with some and sums of each by itself. */
export type OutcomesSeen = 'all' | 'some';

/** Adds rows to sums: of all candidates together, or of each the rows that have an outcome of it. @param quality NaN: unobserved */
export function addRows(onto: readonly RidgeSums[], features: Matrix, quality: Matrix, seen: OutcomesSeen) {
  if (seen === 'all') return onto[0].add(features, quality);
  for (const [c, sums] of onto.entries()) {
    const own = takeColumn(quality, c);
    const rows = Array.from(own.keys()).filter((row) => !Number.isNaN(own[row]));
    const targets = { rows: rows.length, columns: 1, values: Float32Array.from(rows, (row) => own[row]) };
    sums.add(takeRows(features, rows), targets);
  }
}
