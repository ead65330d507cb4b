export { type DistilOptions, distillStatic } from '../embed/distill.ts';
export { loadUseEmbedder, type UseEmbedderOptions } from '../embed/use-embedder.ts';
export { cosineFidelity } from './cosine-fidelity.ts';
export { type EmbedAllOptions, type EmbedProgress, embedAll } from './embed-all.ts';
export { loadUseGraph, USE_DIMENSIONS, type UseGraph } from './use-graph.ts';
export { readUseVocabulary, USE_PACKAGE, USE_RESERVED_PIECES, type UseVocabulary } from './use-package.ts';
export { usePieceVectors } from './use-piece-vectors.ts';
