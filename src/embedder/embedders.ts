import type { Simd } from '../simd.ts';
import type { Embedder, EmbedderToOpen, Environment } from './embedder.ts';
import { decodeStaticTable, StaticEmbedder } from './static.ts';
import type { TransformersEmbedderOptions } from './transformers.ts';

/** What the manifest says of the embedder that a router was trained with. */
export interface ManifestEmbedder extends EmbedderToOpen {
  readonly kind: EmbedderKind;
  /** Of kinds that the artifact carries: the file that holds it. */
  readonly table?: string;
}

/** How a router comes by an embedder of a kind. Where neither way is there, the caller must pass it. */
interface EmbedderSource {
  /** Reads it from the file that the artifact carries it in. */
  readonly read?: (file: Uint8Array, simd?: Simd) => Embedder;
  /** Makes it of what the manifest says; the code is loaded when it is needed. */
  readonly open?: (embedder: EmbedderToOpen, env: Environment) => Promise<Embedder>;
}

/** Every kind of embedder that a manifest may name. */
export const EMBEDDERS = {
  static: { read: (file, simd) => new StaticEmbedder(decodeStaticTable(file), simd?.createRowSums) },
  // It takes TF.js, which training has.
  use: {},
  transformers: {
    open: async (embedder) => (await import('./transformers.ts')).openTransformersEmbedder(embedder),
  },
  openai: { open: async (embedder, env) => (await import('./openai.ts')).openOpenAiEmbedder(embedder, env) },
  // Of the caller's own.
  custom: {},
} as const satisfies Readonly<Record<string, EmbedderSource>>;

export type EmbedderKind = keyof typeof EMBEDDERS;

/** How a router comes by an embedder of this kind. */
export function embedderSource(kind: EmbedderKind): EmbedderSource {
  return EMBEDDERS[kind];
}

/**
 * Any ONNX feature-extraction model, through `@huggingface/transformers`: mean-pooled, scaled to length 1.
 *
 * @throws MissingPackageError where the package is not installed.
 * @throws EmbeddingError where the model cannot be had, or cannot be run.
 */
export async function loadTransformersEmbedder(options: TransformersEmbedderOptions): Promise<Embedder> {
  return (await import('./transformers.ts')).createTransformersEmbedder(options);
}
