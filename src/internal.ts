/**
 * For `@pointsman/training` and the tests of this project alone: what is in here changes without notice.
 */
export type { SdkModel, SdkRequest } from './ai-sdk/sdk-model.ts';
export {
  ANSWER_VERSION,
  type AnswerBlock,
  type AnswerExtractor,
  type AnswerKeeper,
  answerBlockLength,
  CHECK_NAMES,
  createAnswerExtractor,
  createAnswerKeeper,
  type EarlierAnswer,
  EVIDENCE_LENGTH,
  evidenceInto,
  KEPT_BLOCKS,
  KEPT_LENGTH,
  UNASKED_LENGTH,
  unaskedInto,
} from './answer/answer-features.ts';
export {
  type AnswerHead,
  type AnswerScore,
  type AnswerScorer,
  readAnswerHead,
  successLogit,
} from './answer/answer-scorer.ts';
export type { GivenAnswer } from './answer/question.ts';
export { isSafePath } from './artifact/check-manifest.ts';
export {
  type AmountPart,
  type AnswerFeatureBlock,
  type FeatureBlock,
  type FileEntry,
  type LatencyByTokens,
  type LearnedTokens,
  MANIFEST_SCHEMA_VERSION,
  type ManifestAnswer,
  type ManifestCandidate,
  type ManifestHeads,
  type ToldTask,
} from './artifact/manifest.ts';
export { canonicalJson, ID_DIGITS, manifestDigest, manifestId, webSha256 } from './artifact/read-artifact.ts';
export {
  BetaCalibrator,
  type Calibrator,
  type CalibratorParameters,
  createCalibrator,
  IdentityCalibrator,
  IsotonicCalibrator,
  PlattCalibrator,
  TemperatureCalibrator,
} from './calibrator.ts';
export type { SyncEmbedder } from './embedder/embedder.ts';
export { embedderSource } from './embedder/embedders.ts';
export { decodeStaticTable, encodeStaticTable, StaticEmbedder, type StaticTable } from './embedder/static.ts';
export { buildPieceTrie, UnigramTokeniser } from './embedder/tokeniser.ts';
export { type ClientAnswer, type ClientMap, finishReasonOf } from './execution/answer.ts';
export type { ExecutionTrace, PlannedExecution } from './execution/attempt.ts';
export {
  createFeatureExtractor,
  createNgramBlock,
  createNgramCounter,
  createStandardisation,
  decodeNgramTable,
  type ExtractorBlock,
  type NgramSpec,
  type NgramTable,
  readFeatures,
  readNovelty,
  readTextBlock,
  type Standardisation,
} from './features/features.ts';
export { createNumericSignals, NUMERIC_SIGNAL_NAMES } from './features/numeric.ts';
export { createHead, type HeadContext } from './head/create-head.ts';
export type { Head, HeadSpec } from './head/head.ts';
export {
  KnnHead,
  type KnnTable,
  knnHeaderBytes,
  knnMagic,
  knnVersion,
  readKnnFile,
  readKnnHead,
} from './head/knn.ts';
export { type LayersModel, readLayersModel } from './head/layers.ts';
export {
  type CostSource,
  type DecisionRecord,
  LARGEST_AMOUNTS,
  LOG_SCHEMA_VERSION,
  type OutcomeRecord,
} from './log/record.ts';
export {
  type Activation,
  activate,
  allFinite,
  argMax,
  argMin,
  binaryCrossEntropy,
  createRandom,
  Dense,
  dot,
  holdBack,
  largest,
  logit,
  logSigmoid,
  mean,
  moments,
  quantile,
  quantileSorted,
  type Random,
  readFloat32,
  sigmoid,
  smallest,
  softmaxInto,
} from './math.ts';
export { createFileLog, createFileSink } from './node/file-sink.ts';
export { CURRENT_FILE, folderFiles, MAX_POINTER_BYTES, resolveVersion } from './node/load-router.ts';
export type { ModelRequest } from './openai/client.ts';
export { compileCel } from './policy/cel.ts';
export { createPolicy, needsAnswers } from './policy/kinds/create-policy.ts';
export type { AcceptTest, CascadeRouting, Combine, Predictions } from './policy/plan.ts';
export { nextToAsk } from './policy/plan.ts';
export type { PolicyCandidate, PolicyContext, PolicyOverrides, RequestNeeds } from './policy/policy.ts';
export { NAMED_WEIGHTS, type WeightsName } from './policy/spec.ts';
export {
  readUncertainty,
  type Uncertainty,
  type UncertaintySpec,
} from './policy/uncertainty.ts';
export type { Prompt, TokenPrices } from './request.ts';
export { toldHead } from './router/predictor.ts';
export { readSignals } from './signals/read-signals.ts';
export type { SignalSources } from './signals/signals.ts';
export { createRowSums } from './simd.ts';
export { createTextScan, hashWord, mixHash, prepareText, scanText } from './text.ts';
export { countRequestTokens, estimateTokens, tokenCost } from './tokens.ts';
