import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createRouter,
  memoryFiles,
  type PolicySpec,
  type Request,
  readArtifact,
  readPrompt,
} from 'pointsman';
import { createFeatureExtractor, type FeatureBlock, readTextBlock } from 'pointsman/internal';
import { embedAll } from '../embed/embed.ts';
import {
  type EmbedderConfig,
  openEmbedder,
  type RouterEmbedder,
  staticTableDigest,
} from '../embed/embedders.ts';
import type { Release, Step, StepInput, Steps } from '../engine/engine.ts';
import { lookAtShard, type ShardSettings, stageShard } from '../ingest/shards.ts';
import type { ColumnMap, NamesSeen } from '../ingest/sql/layout.ts';
import { bandRecords, pairsInBand } from '../split/near-duplicates.ts';
import { textToCompare } from '../split/split.ts';
import { TOOL_VERSION } from '../work/run-folder.ts';
import {
  drawSample,
  groupsOfKeys,
  keyOfPrompt,
  measureShard,
  readShard,
  ridgeOfShard,
  type WholeSettings,
} from './whole-traffic.ts';

/** What all machines of a run must have alike. */
export async function trainingRelease(): Promise<Release> {
  return { 'version of pointsman': TOOL_VERSION, 'static table': await staticTableDigest() };
}

async function readJson<Value>(file: string): Promise<Value> {
  return JSON.parse(await readFile(file, 'utf8')) as Value;
}

async function writeFloats(folder: string, values: Float32Array): Promise<string> {
  const file = join(folder, 'floats');
  await writeFile(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return file;
}

/** Numbers of a file, in this machine's order of bytes, which all that run Node have in common. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  const whole = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  return new Float32Array(whole.buffer, whole.byteOffset, whole.byteLength / 4);
}

/** A model is loaded once a process, however many shards it embeds. */
const opened = new Map<string, Promise<RouterEmbedder>>();
function openedOnce(config: EmbedderConfig): Promise<RouterEmbedder> {
  const key = JSON.stringify(config);
  const known = opened.get(key) ?? openEmbedder(config);
  opened.set(key, known);
  known.catch(() => opened.delete(key));
  return known;
}

/** Part of a log → the names that its documents have. */
const look: Step = {
  name: 'look',
  version: 1,
  async run({ files: [shard], parameters }) {
    const seen = await lookAtShard(shard, (parameters as { readonly map: ColumnMap }).map);
    return [Buffer.from(JSON.stringify(seen))];
  },
};

/** Part of a log, and the names of all of it where it has more than one → how it was read, and its judged rows in Parquet. */
const stage: Step = {
  name: 'stage',
  version: 1,
  async run({ files: [shard, names], folder, parameters }) {
    const settings = {
      ...(parameters as unknown as Omit<ShardSettings, 'names'>),
      names: names === undefined ? null : await readJson<NamesSeen[]>(names),
    };
    const { layout, tables } = await stageShard(shard, settings, folder);
    return [Buffer.from(JSON.stringify({ layout, tables: Object.keys(tables) })), ...Object.values(tables)];
  },
};

/** Texts → their embeddings, float32: `[texts, dimensions]`. */
const embed: Step = {
  name: 'embed',
  version: 1,
  async run({ files: [texts], folder, parameters }) {
    const { embedder } = await openedOnce(parameters as unknown as EmbedderConfig);
    return [await writeFloats(folder, await embedAll(embedder, await readJson<string[]>(texts)))];
  },
};

/** Requests, their embeddings and the fitted n-grams → features that are not standardised yet, float32: `[requests, length]`. */
const featurise: Step = {
  name: 'featurise',
  version: 1,
  async run({ files: [requests, vectors, ngrams], folder, parameters }) {
    const blocks = parameters as unknown as readonly FeatureBlock[];
    const table = ngrams === undefined ? new Uint8Array() : await readFile(ngrams);
    const parts = blocks.map((block) =>
      block.kind === 'embedding' ? block : readTextBlock(block, () => table),
    );
    const extractor = createFeatureExtractor(parts, null);
    const prompts = (await readJson<Request[]>(requests)).map(readPrompt);
    const embeddings = floatsOf(await readFile(vectors));
    const dimensions = embeddings.length / prompts.length;
    const features = new Float32Array(prompts.length * extractor.length);
    for (const [row, prompt] of prompts.entries()) {
      const embedding = embeddings.subarray(row * dimensions, (row + 1) * dimensions);
      extractor.extractInto(prompt, embedding, features, row * extractor.length);
    }
    return [await writeFloats(folder, features)];
  },
};

/** Keys of the prompts of a shard of the outcomes table, and what near-duplicates are found by, part by part of each band. */
const group: Step = {
  name: 'group',
  version: 1,
  async run({ files: [shard], parameters }) {
    const { prompts } = await readShard(shard);
    const keys = Float64Array.from(prompts, keyOfPrompt);
    const records = bandRecords(
      keys,
      prompts.map(textToCompare),
      (parameters as { readonly parts: number }).parts,
    );
    return [bytesOf(keys), ...records];
  },
};

/** A part of a band, of all shards → near-duplicates in it: `[pairs, 3]`. */
const pair: Step = {
  name: 'pair',
  version: 1,
  async run({ files }) {
    return [bytesOf(pairsInBand(Buffer.concat(await readAll(files))))];
  },
};

/** A shard of the outcomes table, keys and groups of its prompts → its part of the sample, and sums over all of its prompts. */
const draw: Step = {
  name: 'draw',
  version: 1,
  async run({ files: [shard, keys, groups], folder, parameters }) {
    const out = join(folder, 'sample.parquet');
    const known = groupsOfKeys(numbersOf(await readFile(keys)), numbersOf(await readFile(groups)));
    const sums = await drawSample(shard, known, parameters as unknown as WholeSettings, out);
    return [out, bytesOf(sums)];
  },
};

/** What `measure` is told beside its files. */
export interface MeasureParameters {
  readonly settings: WholeSettings;
  readonly how: 'read' | 'estimated';
  readonly single: number;
  readonly embedder: EmbedderConfig;
  readonly policy: unknown;
  /** Names of the artifact's files, in the order of the inputs. */
  readonly names: readonly string[];
}

/** The same, and the files of a router → sums over what it chooses for the test prompts, and the embeddings of these. */
const measure: Step = {
  name: 'measure',
  version: 2,
  async run(input) {
    const { given, groups, shard } = await measured(input);
    const { embeddings, sums } = await measureShard(shard, groups, given);
    return [bytesOf(sums), await writeFloats(input.folder, embeddings)];
  },
};

/** The same, and these embeddings → what linear heads need to know of prompts to fit on and of test prompts. */
const ridge: Step = {
  name: 'ridge',
  version: 2,
  async run(input) {
    const { given, groups, more, shard } = await measured(input);
    return [bytesOf(await ridgeOfShard(shard, groups, { ...given, embeddings: floatsOf(more[0]) }))];
  },
};

async function measured({ files: [shard, keys, groups, ...others], parameters }: StepInput) {
  const given = parameters as unknown as MeasureParameters;
  const contents = await readAll(others);
  const { embedder } = await openedOnce(given.embedder);
  const router = createRouter(
    await readArtifact(memoryFiles(new Map(given.names.map((name, i) => [name, contents[i]])))),
    { embedder, policy: given.policy as PolicySpec, seed: given.settings.seed },
  );
  return {
    given: { ...given, router, embedder },
    groups: groupsOfKeys(numbersOf(await readFile(keys)), numbersOf(await readFile(groups))),
    more: contents.slice(given.names.length),
    shard,
  };
}

/** Numbers of several files → their sums, place by place, added in the order of the files. */
const sum: Step = {
  name: 'sum',
  version: 1,
  async run({ files }) {
    const [first, ...others] = (await readAll(files)).map((bytes) => numbersOf(bytes).slice());
    for (const other of others) for (const [i, value] of other.entries()) first[i] += value;
    return [bytesOf(first)];
  },
};

function readAll(files: readonly string[]): Promise<Buffer[]> {
  return Promise.all(files.map((file) => readFile(file)));
}

export function bytesOf({ buffer, byteLength, byteOffset }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

export function numbersOf(bytes: Uint8Array): Float64Array {
  const whole = bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.from(bytes);
  return new Float64Array(whole.buffer, whole.byteOffset, whole.byteLength / 8);
}

/** Every step of a training that runs on shards. */
export const TRAINING_STEPS: Steps = {
  look,
  stage,
  embed,
  featurise,
  group,
  pair,
  draw,
  measure,
  ridge,
  sum,
};
