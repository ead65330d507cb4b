import * as v from 'valibot';
import { EmbeddingError, importPackage } from '../errors.ts';
import { object } from '../validate.ts';
import { checkedOptions, type Embedder, type EmbedderToOpen, embedNonEmpty } from './embedder.ts';

const PACKAGE = '@huggingface/transformers';

/** The part of transformers.js that is used. */
export interface TransformersLibrary {
  pipeline(
    task: 'feature-extraction',
    model: string,
    options: { dtype?: string; revision?: string; local_files_only?: boolean },
  ): Promise<FeatureExtractor>;
}

type FeatureExtractor = (
  texts: string[],
  options: { pooling: 'mean'; normalize: boolean },
) => Promise<{ readonly data: ArrayLike<number>; readonly dims: readonly number[] }>;

/** Which model an embedder of transformers.js runs, and how. */
export interface TransformersEmbedderOptions {
  /** A model on the Hugging Face hub (`Xenova/all-MiniLM-L6-v2`), or a folder (`./minilm`, `/models/minilm`). */
  model: string;
  /** Precision of the weights: `fp32`, `q8`, ... @default 'fp32' */
  dtype?: string;
  /** Branch, tag or commit on the hub. @default 'main' */
  revision?: string;
  /** Looks at the local disk alone. @default false */
  localOnly?: boolean;
  /** Texts at once. @default 32 */
  batchSize?: number;
  /** transformers.js itself, where it is bundled. @default imported when needed */
  library?: TransformersLibrary;
}

/** See `loadTransformersEmbedder`, which loads this. */
export async function createTransformersEmbedder(options: TransformersEmbedderOptions): Promise<Embedder> {
  const { model, dtype = 'fp32', revision = 'main', localOnly = false } = options;
  const library =
    options.library ?? (await importPackage<TransformersLibrary>(PACKAGE, 'The `transformers` embedder'));
  let extract: FeatureExtractor;
  let dimensions: number;
  try {
    extract = await library.pipeline('feature-extraction', model, {
      dtype,
      revision,
      local_files_only: localOnly,
    });
    dimensions = (await run(extract, ['.']))[0].length;
  } catch (cause) {
    throw new EmbeddingError(
      `The model "${model}" (${dtype}) could not be loaded: ${messageOf(cause)} Name a model of the Hugging Face hub ` +
        'that has ONNX weights, or a folder with config.json, tokenizer.json, tokenizer_config.json and onnx/model.onnx ' +
        '(begin its path with "./" or "/"); offline, only a folder or a model already in the cache will do.',
      { cause },
    );
  }
  return {
    id: `transformers:${model}@${revision}:${dtype}:mean`,
    dimensions,
    embed: (texts) =>
      embedNonEmpty(texts, dimensions, options.batchSize ?? 32, (batch) => run(extract, batch)),
  };
}

const optionsSchema = object({
  model: v.string(),
  dtype: v.exactOptional(v.string()),
  revision: v.exactOptional(v.string()),
  localOnly: v.exactOptional(v.boolean()),
});

/** As the manifest of a router says. */
export function openTransformersEmbedder(embedder: EmbedderToOpen): Promise<Embedder> {
  return createTransformersEmbedder(checkedOptions(optionsSchema, embedder));
}

async function run(extract: FeatureExtractor, texts: readonly string[]): Promise<Float32Array[]> {
  // Tokenisers are not built for lone surrogates.
  const wellFormed = texts.map((text) => text.replace(/\p{Surrogate}/gu, '\ufffd'));
  const { data, dims } = await extract(wellFormed, { pooling: 'mean', normalize: true }); // [texts, dimensions]
  const width = dims[1];
  return texts.map((_, row) => Float32Array.from({ length: width }, (_, c) => data[row * width + c]));
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /[.!?]$/.test(message) ? message : `${message}.`;
}
