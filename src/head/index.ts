export { type Activation, activate } from './activation.ts';
export { createHead, type HeadContext } from './create-head.ts';
export { Dense } from './dense.ts';
export type { Head } from './head.ts';
export type { HeadSpec } from './head-spec.ts';
export {
  type KnnLink,
  type KnnTable,
  knnHeaderBytes,
  knnLinks,
  knnMagic,
  knnVersion,
  readKnnFile,
} from './knn.ts';
export { KnnHead, type KnnHeadOptions } from './knn-head.ts';
export { type LayersModel, readLayersModel } from './layers.ts';
export { LogitHead } from './logit-head.ts';
export { ShrunkHead } from './shrunk-head.ts';
export { SpreadHead } from './spread-head.ts';
export { StackHead, type StackMember } from './stack-head.ts';
