/**
 * Loads what `@pointsman/training` made, and decides which model should take a request: routers with every kind of policy. It runs wherever
 * JavaScript does, needs nothing of Node, and is at most 44 kB, minified and gzipped; what reads the rules of a policy comes on top when it has some.
 */
export type { Manifest } from './artifact/manifest.ts';
export {
  type Artifact,
  type ArtifactFiles,
  memoryFiles,
  type ReadArtifactOptions,
} from './artifact/read-artifact.ts';
export type { Embedder } from './embedder/embedder.ts';
export { loadTransformersEmbedder } from './embedder/embedders.ts';
export {
  ArtifactError,
  EmbeddingError,
  InvalidInputError,
  MissingPackageError,
  NoCandidateError,
  PointsmanError,
} from './errors.ts';
export type { CandidatePrediction, Decision } from './policy/plan.ts';
export { describeChange, type PlanStep } from './policy/plan.ts';
export type { Limits, PolicySpec, UtilityWeights } from './policy/spec.ts';
export { type Candidate, type Message, type Request, readPrompt } from './request.ts';
export { createRouter, loadCel, readArtifact } from './router/full-router.ts';
export type { RouteOptions, Router, RouterOptions } from './router/router.ts';
export {
  type LanguageDetector,
  loadLanguageDetector,
  loadTokenCounter,
  type Signals,
} from './signals/signals.ts';
export type { TokenCounter } from './tokens.ts';
