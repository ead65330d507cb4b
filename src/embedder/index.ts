export type { Embedder, SyncEmbedder } from './embedder.ts';
export { createOpenAiEmbedder, type OpenAiEmbedderOptions } from './openai.ts';
export { buildPieceTrie } from './static/build-piece-trie.ts';
export { encodeStaticTable } from './static/encode-static-table.ts';
export type { PieceTrie } from './static/piece-trie.ts';
export { StaticEmbedder } from './static/static-embedder.ts';
export type { StaticTable } from './static/static-table.ts';
export { decodeStaticTable } from './static.ts';
export { UNKNOWN_PIECE, UnigramTokeniser } from './tokeniser.ts';
export {
  loadTransformersEmbedder,
  type TransformersEmbedderOptions,
  type TransformersLibrary,
} from './transformers.ts';
