import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError, type Request } from 'pointsman';
import type { FeatureBlock } from 'pointsman/internal';
import type { TrainConfig } from '../config.ts';
import type { EmbedderConfig } from '../embed/embedders.ts';
import {
  bytesOf,
  type Engine,
  type EngineProgress,
  floatsOf,
  type Job,
  type Json,
  numbersOf,
  type ShardStore,
} from '../engine/engine.ts';
import type { Matrix } from '../fit/rows.ts';
import type { StageAll } from '../ingest/ingest.ts';
import { cutSource, joinLayouts, type StagedShard, type StagedSource } from '../ingest/shards.ts';
import { addCounts, type DrawCounts, drawChances, evenChances } from '../off-policy/estimate.ts';
import { BANDS, groupsOfPairs } from '../split/near-duplicates.ts';
import { formatCount } from '../words.ts';
import { quotePath, quoteText, type ScratchOptions, withScratchDatabase } from '../work/scratch-database.ts';
import { cutTable, readSums, type WholeSettings, type WholeSums } from './whole-traffic.ts';

/** Where the parts of a training are done that are done shard by shard. */
export interface ShardOptions {
  readonly engine: Engine;
  /** Bytes of a log that are read at a time. @default 64 MiB */
  readonly shardBytes?: number;
  /** Prompts that are embedded at a time. @default 4096 */
  readonly shardPrompts?: number;
  /** Of more prompts so many are drawn, and heads and calibrators fitted on them. @default 100,000 */
  readonly fitSample?: number;
}

/** Traffic of which a sample is fitted on. */
export interface WholeTraffic {
  readonly settings: WholeSettings;
  /** Of the outcomes table, each with the keys of its prompts. */
  readonly shards: readonly { readonly shard: string; readonly keys: string }[];
  /** Groups of near-duplicates, as `groupsOfKeys` takes them: in the store, and here. */
  readonly groups: string;
  readonly others: Float64Array;
  readonly sums: WholeSums;
}

/** To begin with one takes half a second of a core, so that it must be worth it. */
const SHARD_BYTES = 64 * 2 ** 20;
const SHARD_PROMPTS = 4096;
const FIT_SAMPLE = 100_000;

/** Texts whose near-duplicates are found at a time, band by band: 70 bytes each. */
const TEXTS_AT_ONCE = 2_000_000;
/** Files that are added up at a time. */
const FAN_IN = 8;
/** Files of rows that one job reads, one after the other: to begin with a job takes as long as thousands of rows. */
const FILES_TOGETHER = 16;

interface SampleOptions extends Pick<TrainConfig, 'heads' | 'offPolicy' | 'seed' | 'uncertainty'> {
  /** Shares of all prompts. */
  readonly split: { readonly by: 'random' | 'time'; readonly fit: number; readonly calibrate: number };
  readonly scratch: ScratchOptions;
}

/**
 * Whether heads will be fitted on the sample alone, as far as is known before it is drawn: see `fitOnAll`. Else the sample says how heads
 * are held back and what features are like, for which it must be like the log.
 */
function isFittedAlone(
  { heads, offPolicy, uncertainty }: Pick<SampleOptions, 'heads' | 'offPolicy' | 'uncertainty'>,
  { needsSample }: DrawCounts,
): boolean {
  const isWeighed = offPolicy.weights === 'ipw' || offPolicy.weights === 'doublyRobust';
  return (
    needsSample || uncertainty === true || isWeighed || heads.includes('knn') || !heads.includes('linear')
  );
}

/** Runs the steps of one training. What it makes depends on the shards alone, and not on who works on them. */
export class ShardedTraining {
  readonly #engine: Engine;
  readonly #shardBytes: number;
  readonly #shardPrompts: number;
  readonly #fitSample: number;
  readonly #folder: string;
  readonly #onProgress: (progress: EngineProgress) => void;

  /** @param folder of the run's own, on a local disk */
  constructor(
    options: ShardOptions,
    folder: string,
    onProgress: (progress: EngineProgress) => void = () => {},
  ) {
    this.#engine = options.engine;
    this.#shardBytes = options.shardBytes ?? SHARD_BYTES;
    this.#shardPrompts = options.shardPrompts ?? SHARD_PROMPTS;
    this.#fitSample = options.fitSample ?? FIT_SAMPLE;
    this.#folder = folder;
    this.#onProgress = onProgress;
  }

  get store(): ShardStore {
    return this.#engine.store;
  }

  /** Reads and judges the rows of logs, a part of a file at a time. */
  readonly stageAll: StageAll = async (sources, { map, score, ...options }) => {
    const { store } = this.#engine;
    const parts: { readonly file: number; readonly shard: string; readonly linesBefore: number }[] = [];
    const folder = await this.#own('cut');
    for (const [file, source] of sources.entries())
      for await (const { file: cut, linesBefore } of cutSource(source, this.#shardBytes, folder)) {
        const shard = await store.put({ file: cut ?? source.source.path });
        parts.push({ file, shard, linesBefore });
        if (cut !== null) await rm(cut);
      }
    const partsOf = sources.map((_, file) => parts.filter((part) => part.file === file));
    // How a table is read, all of its parts must say together.
    const looked = parts.filter(({ file }) => sources[file].format === 'table' && partsOf[file].length > 1);
    const seen = await this.run(
      looked.map(({ shard }) => ({ step: 'look', inputs: [shard], parameters: { map } })),
    );
    const names = new Map<number, string>();
    for (const file of new Set(looked.map((part) => part.file))) {
      const all: Json[] = [];
      for (const [i, part] of looked.entries())
        if (part.file === file) all.push(await this.#readJson<Json>(seen[i][0]));
      names.set(file, await store.put(Buffer.from(JSON.stringify(all))));
    }
    const staged = await this.run(
      parts.map(({ file, shard }) => {
        const { format, source } = sources[file];
        const known = names.get(file);
        return {
          step: 'stage',
          inputs: known === undefined ? [shard] : [shard, known],
          parameters: {
            ...(options as unknown as Record<string, Json>),
            ...{ map, score: score ?? null, format },
            source: { path: source.name ?? source.path, format: source.format },
          },
        };
      }),
    );
    const found: StagedSource[] = [];
    for (const file of sources.keys()) {
      const own = parts.flatMap((part, i) => (part.file === file ? [{ ...part, outputs: staged[i] }] : []));
      const heads: (Pick<StagedShard, 'layout'> & { readonly tables: readonly string[] })[] = [];
      for (const { outputs } of own) heads.push(await this.#readJson(outputs[0]));
      found.push({
        layout: joinLayouts(heads.map(({ layout }) => layout)),
        eachPart: async (load) => {
          const local = await this.#own('load');
          for (const [i, { linesBefore, outputs }] of own.entries()) {
            const tables: Record<string, string> = {};
            for (const [t, table] of heads[i].tables.entries())
              tables[table] = await store.fetch(outputs[1 + t], local);
            await load({ tables, linesBefore });
            for (const copy of Object.values(tables)) if (copy.startsWith(local)) await rm(copy);
          }
        },
      });
    }
    return found;
  };

  /** @returns `[texts, dimensions]` */
  async embed(texts: readonly string[], config: EmbedderConfig, dimensions: number): Promise<Float32Array> {
    const distinct = [...new Set(texts)];
    const vectors = await this.#floats(
      await this.#shards(distinct, async (shard) => ({
        step: 'embed',
        inputs: [shard],
        parameters: config as Json,
      })),
      distinct.length * dimensions,
    );
    if (distinct.length === texts.length) return vectors;
    const placeOf = new Map(distinct.map((text, i) => [text, i]));
    const all = new Float32Array(texts.length * dimensions);
    for (const [row, text] of texts.entries()) {
      const at = placeOf.get(text)! * dimensions;
      all.set(vectors.subarray(at, at + dimensions), row * dimensions);
    }
    return all;
  }

  /**
   * Features that are not standardised.
   * @param embeddings `[requests, dimensions]` @param ngrams the fitted table, where a block is of n-grams
   */
  async featurise(
    requests: readonly Request[],
    embeddings: Matrix,
    blocks: readonly FeatureBlock[],
    ngrams: Uint8Array | null,
  ): Promise<Matrix> {
    const { store } = this.#engine;
    const table = ngrams === null ? [] : [await store.put(ngrams)];
    const jobs = await this.#shards(requests, async (shard, from, to) => {
      const { buffer, byteOffset } = embeddings.values;
      const start = byteOffset + 4 * from * embeddings.columns;
      const vectors = await store.put(new Uint8Array(buffer, start, 4 * (to - from) * embeddings.columns));
      return { step: 'featurise', inputs: [shard, vectors, ...table], parameters: blocks as unknown as Json };
    });
    const lengths = blocks.map((block) => (block.kind === 'numeric' ? block.names.length : block.dimensions));
    const columns = lengths.reduce((sum, length) => sum + length, 0);
    const values = await this.#floats(jobs, requests.length * columns);
    return { rows: requests.length, columns, values };
  }

  /**
   * Draws what is fitted on, where there are more prompts than that: whole groups of near-duplicates, by their hashes.
   *
   * @param table the outcomes table, sorted by request @param out where the rows of the sample are written
   * @returns null where all prompts can be fitted on
   */
  async sampleTable(
    table: string,
    out: string,
    { scratch, seed, split, ...config }: SampleOptions,
  ): Promise<WholeTraffic | null> {
    const file = join(await this.#own('table'), 'shard.parquet');
    const limits = { prompts: this.#fitSample, shardBytes: this.#shardBytes };
    const cut = await cutTable(table, scratch, limits, file, () => this.#engine.store.put({ file }));
    if (cut === null) return null;
    if (split.by === 'time')
      throw new InvalidInputError(
        `A split by time must have all prompts at hand, and more than ${formatCount(this.#fitSample)} are not: the log has ${formatCount(cut.prompts)}. Split by chance (--split-by random), or have all fitted on, which takes 10 GB a million prompts: --fit-sample ${cut.prompts}.`,
      );
    const { store } = this.#engine;
    const parts = Math.ceil(cut.prompts / TEXTS_AT_ONCE);
    const grouped = await this.run(
      cut.shards.map((shard) => ({ step: 'group', inputs: [shard], parameters: { parts } })),
    );
    const bands = Array.from({ length: BANDS * parts }, (_, i) => grouped.map((outputs) => outputs[2 + i]));
    const pairs: number[] = [];
    for (const [found] of await this.run(bands.map((inputs) => ({ step: 'pair', inputs, parameters: null }))))
      for (const value of numbersOf(await store.read(found))) pairs.push(value);
    const others = Float64Array.from(groupsOfPairs(Float64Array.from(pairs), cut.prompts).flat());
    const groups = await store.put(bytesOf(others));
    const { fit, calibrate } = split;
    const share = this.#fitSample / cut.prompts;
    const counts: DrawCounts[] = [];
    for (const [, own] of grouped) counts.push(await this.#readJson(own));
    const counted = addCounts(counts);
    const chances = isFittedAlone(config, counted)
      ? drawChances(counted, share, cut.candidates)
      : evenChances(share, cut.candidates);
    const settings: WholeSettings = { seed, fit, calibrate, share, chances, candidates: cut.candidates };
    const shards = cut.shards.map((shard, i) => ({ shard, keys: grouped[i][0] }));
    const drawn = await this.run(
      shards.map(({ keys, shard }) => ({
        step: 'draw',
        inputs: [shard, keys, groups],
        parameters: settings as unknown as Json,
      })),
    );
    const local = await this.#own('sample');
    const files: string[] = [];
    for (const [sample] of drawn) files.push(await store.fetch(sample, local));
    await withScratchDatabase(scratch, async (database) => {
      const connection = await database.connect();
      await connection.run(
        `COPY (SELECT * FROM read_parquet([${files.map(quotePath).join(', ')}], hive_partitioning = false) ORDER BY "requestId", candidate)
          TO ${quoteText(out)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`,
      );
    });
    const sums = readSums(await this.sum(drawn.map(([, sum]) => sum)));
    return { settings, shards, groups, others, sums };
  }

  /** Sums of a step over files, some of them a job. @param first what each job is given before its files */
  async sumOver(
    step: string,
    first: string,
    files: readonly string[],
    parameters: object,
  ): Promise<Float64Array> {
    const jobs: Job[] = [];
    for (let i = 0; i < files.length; i += FILES_TOGETHER)
      jobs.push({
        step,
        inputs: [first, ...files.slice(i, i + FILES_TOGETHER)],
        parameters: parameters as Json,
      });
    return this.sum((await this.run(jobs)).map(([sums]) => sums));
  }

  /** Adds up numbers, a few files at a time: in the same tree, whoever does it. */
  async sum(files: readonly string[]): Promise<Float64Array> {
    let level = files;
    while (level.length > 1) {
      const jobs: Job[] = [];
      for (let i = 0; i < level.length; i += FAN_IN)
        jobs.push({ step: 'sum', inputs: level.slice(i, i + FAN_IN), parameters: null });
      level = (await this.run(jobs)).map(([sum]) => sum);
    }
    return numbersOf(await this.#engine.store.read(level[0]));
  }

  /** Puts things into the store, some at a time. */
  async #shards(
    things: readonly unknown[],
    jobOf: (shard: string, from: number, to: number) => Promise<Job>,
  ): Promise<Job[]> {
    const jobs: Job[] = [];
    for (let from = 0; from < things.length; from += this.#shardPrompts) {
      const some = things.slice(from, from + this.#shardPrompts);
      const shard = await this.#engine.store.put(Buffer.from(JSON.stringify(some)));
      jobs.push(await jobOf(shard, from, from + some.length));
    }
    return jobs;
  }

  /** The numbers that jobs make, one behind the other. */
  async #floats(jobs: readonly Job[], length: number): Promise<Float32Array> {
    const values = new Float32Array(length);
    let at = 0;
    for (const [shard] of await this.run(jobs)) {
      const some = floatsOf(await this.#engine.store.read(shard));
      values.set(some, at);
      at += some.length;
    }
    return values;
  }

  /** Files that each job makes: see `Engine`. */
  run(jobs: readonly Job[]): Promise<readonly (readonly string[])[]> {
    return this.#engine.run(jobs, { onProgress: this.#onProgress });
  }

  async #readJson<Value>(shard: string): Promise<Value> {
    return JSON.parse(Buffer.from(await this.#engine.store.read(shard)).toString('utf8')) as Value;
  }

  async #own(name: string): Promise<string> {
    const folder = join(this.#folder, name);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  }
}
