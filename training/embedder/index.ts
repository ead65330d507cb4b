export { cosineFidelity, type DistilOptions, distillStatic } from '../embed/distill.ts';
export { type EmbedAllOptions, type EmbedProgress, embedAll } from '../embed/embed.ts';
export {
  loadUseEmbedder,
  loadUseGraph,
  readUseVocabulary,
  USE_DIMENSIONS,
  USE_PACKAGE,
  USE_RESERVED_PIECES,
  type UseEmbedderOptions,
  type UseGraph,
  type UseVocabulary,
  usePieceVectors,
} from '../embed/use-embedder.ts';
