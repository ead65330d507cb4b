export type { Embedder, SyncEmbedder } from './embedder.ts';
export { createOpenAiEmbedder, type OpenAiEmbedderOptions } from './openai.ts';
export { decodeStaticTable, encodeStaticTable, StaticEmbedder, type StaticTable } from './static.ts';
export { buildPieceTrie, type PieceTrie, UNKNOWN_PIECE, UnigramTokeniser } from './tokeniser.ts';
export {
  loadTransformersEmbedder,
  type TransformersEmbedderOptions,
  type TransformersLibrary,
} from './transformers.ts';
