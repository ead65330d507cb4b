import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Request } from 'pointsman';
import type { FeatureBlock } from 'pointsman/internal';
import type { EmbedderConfig } from '../../embed/embedders.ts';
import type { Engine, EngineProgress, Job, Json } from '../../engine/engine.ts';
import type { Matrix } from '../../fit/rows.ts';
import type { StageAll } from '../../ingest/ingest.ts';
import { cutSource, joinLayouts, type StagedShard, type StagedSource } from '../../ingest/shards.ts';
import { floatsOf } from './steps.ts';

/** Where the parts of a training are done that are done shard by shard. */
export interface ShardOptions {
  readonly engine: Engine;
  /** Bytes of a log that are read at a time. @default 64 MiB */
  readonly shardBytes?: number;
  /** Prompts that are embedded at a time. @default 4096 */
  readonly shardPrompts?: number;
}

/** To begin with one takes half a second of a core, so that it must be worth it. */
const SHARD_BYTES = 64 * 2 ** 20;
const SHARD_PROMPTS = 4096;

/** Runs the steps of one training. What it makes depends on the shards alone, and not on who works on them. */
export class ShardedTraining {
  readonly #engine: Engine;
  readonly #shardBytes: number;
  readonly #shardPrompts: number;
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
    this.#folder = folder;
    this.#onProgress = onProgress;
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
    const seen = await this.#run(
      looked.map(({ shard }) => ({ step: 'look', inputs: [shard], parameters: { map } })),
    );
    const names = new Map<number, string>();
    for (const file of new Set(looked.map((part) => part.file))) {
      const all: Json[] = [];
      for (const [i, part] of looked.entries())
        if (part.file === file) all.push(await this.#readJson<Json>(seen[i][0]));
      names.set(file, await store.put(Buffer.from(JSON.stringify(all))));
    }
    const staged = await this.#run(
      parts.map(({ file, shard }) => {
        const { format, source } = sources[file];
        const known = names.get(file);
        return {
          step: 'stage',
          inputs: known === undefined ? [shard] : [shard, known],
          parameters: {
            ...(options as unknown as Record<string, Json>),
            ...{ map, score: score ?? null, format },
            source: { path: source.path, format: source.format },
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
    for (const [shard] of await this.#run(jobs)) {
      const some = floatsOf(await this.#engine.store.read(shard));
      values.set(some, at);
      at += some.length;
    }
    return values;
  }

  #run(jobs: readonly Job[]): Promise<readonly (readonly string[])[]> {
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
