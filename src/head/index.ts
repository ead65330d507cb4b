export {
  createHead,
  type HeadContext,
  LogitHead,
  ShrunkHead,
  SpreadHead,
  StackHead,
  type StackMember,
} from './create-head.ts';
export { type Activation, activate, Dense } from './dense.ts';
export type { Head, HeadSpec } from './head.ts';
export {
  KnnHead,
  type KnnHeadOptions,
  type KnnLink,
  type KnnTable,
  knnHeaderBytes,
  knnLinks,
  knnMagic,
  knnVersion,
  readKnnFile,
} from './knn.ts';
export { type LayersModel, readLayersModel } from './layers.ts';
