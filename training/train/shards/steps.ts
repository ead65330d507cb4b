import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Request, readPrompt } from 'pointsman';
import { createFeatureExtractor, type FeatureBlock, readTextBlock } from 'pointsman/internal';
import { embedAll } from '../../embed/embed.ts';
import {
  type EmbedderConfig,
  openEmbedder,
  type RouterEmbedder,
  staticTableDigest,
} from '../../embed/embedders.ts';
import type { Release, Step, Steps } from '../../engine/engine.ts';
import { lookAtShard, type ShardSettings, stageShard } from '../../ingest/shards.ts';
import type { ColumnMap, NamesSeen } from '../../ingest/sql/layout.ts';
import { TOOL_VERSION } from '../../version.ts';

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

/** Every step of a training that runs on shards. */
export const TRAINING_STEPS: Steps = { look, stage, embed, featurise };
