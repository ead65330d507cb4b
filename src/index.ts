export type { Manifest } from './artifact/manifest.ts';
export {
  type Artifact,
  type ArtifactFiles,
  memoryFiles,
  type ReadArtifactOptions,
  readArtifact,
} from './artifact/read-artifact.ts';
export type { Calibrator, CalibratorParameters } from './calibrator.ts';
export type { CandidatePrediction, Decision } from './decision.ts';
export type { Embedder, SyncEmbedder } from './embedder/embedder.ts';
export {
  ArtifactError,
  AttemptTimeoutError,
  BrokenStreamError,
  CostBudgetError,
  DeadlineError,
  EmbeddingError,
  ExecutionError,
  ExecutionFailedError,
  InvalidInputError,
  MalformedAnswerError,
  MissingPackageError,
  NoCandidateError,
  PointsmanError,
  UnavailableError,
  UpstreamError,
  type UpstreamErrorOptions,
} from './errors.ts';
export type { Head } from './head/head.ts';
export type { Predictions } from './policy/plan.ts';
export type { Limits, PolicySpec, RelaxableLimit, UtilityWeights, WeightsName } from './policy/spec.ts';
export type { Candidate, ContentPart, Message, Modality, Request, TokenPrices } from './request.ts';
export { createRouter } from './router/create-router.ts';
export type { RouteOptions, Router, RouterOptions } from './router/router.ts';
export type { Signals } from './signals/signals.ts';
export { tokenCost } from './tokens.ts';
