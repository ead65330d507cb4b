export {
  addReports,
  type CardFigure,
  type CardInfo,
  type ManifestContents,
  renderCard,
  type SealedArtifact,
  sealArtifact,
  type WrittenArtifact,
  writeArtifact,
} from './artifact/index.ts';
export { type Backend, useBackend } from './backend/index.ts';
export { type CalibrationData, type CalibratorChoice, chooseCalibrator } from './calibrator/index.ts';
export {
  type AddCandidateInput,
  type AddedCandidate,
  addCandidate,
  type CandidateSettings,
  type OnboardedCandidate,
  restoreCandidate,
  retireCandidate,
  setCandidate,
} from './candidates/index.ts';
export {
  parseRetrainConfig,
  type RetrainConfig,
  type RetrainConfigInput,
} from './config/retrain-config.ts';
export { parseTrainConfig, type TrainConfig, type TrainConfigInput } from './config/train-config.ts';
export {
  type Alarm,
  type CandidateShift,
  type DayResidual,
  type DriftOptions,
  type DriftReport,
  findDrift,
  type ScoredTraffic,
  type ShiftMeasure,
} from './drift/index.ts';
export { type BootstrapOptions, bootstrap } from './evaluation/bootstrap.ts';
export { bootstrapMeans } from './evaluation/bootstrap-means.ts';
export { evaluate } from './evaluation/evaluate.ts';
export type { Contender, Coverage, Evaluation, Verdict } from './evaluation/evaluation.ts';
export type {
  EvaluationInput,
  EvaluationOptions,
  LossCurve,
  PromptEmbeddings,
  TestPredictions,
} from './evaluation/evaluation-input.ts';
export { headlineMetrics } from './evaluation/headline-metrics.ts';
export type { OffPolicyEstimate, OffPolicyEvaluation } from './evaluation/off-policy-evaluation.ts';
export {
  type GateInput,
  type GateOptions,
  type GateTest,
  type GateVerdict,
  judgeChallenger,
  type ValueTable,
  type ValueTableInput,
  valueTable,
} from './gate/index.ts';
export {
  chooseShrinkage,
  crossValidate,
  type DenseChain,
  type DenseLayer,
  type ExportOptions,
  exportLayersModel,
  type FitData,
  type FitProgress,
  fitKnn,
  fitLinear,
  fitLinearPath,
  fitMatrixFactorisation,
  fitMlp,
  fitStack,
  groupedFolds,
  type JoinedLayer,
  type Loss,
  type Matrix,
  onboardCandidate,
  softTargets,
} from './head/index.ts';
export type { JudgeAnswer, Judged } from './judge/index.ts';
export {
  type CompactOptions,
  type CompactReport,
  compactLog,
  type LogFile,
  listLogFiles,
  type ReadLogOptions,
  readDecisionLog,
} from './log-store/index.ts';
export { LOG_FORMATS, type LogFormat } from './logs/index.ts';
export {
  type ClippedWeights,
  clipWeights,
  effectiveSampleSize,
  type LoggingPropensities,
  loggingPropensities,
  type PropensityOptions,
  type PseudoOutcomeInput,
  pseudoOutcomes,
} from './off-policy/index.ts';
export { ingestOutcomes } from './outcomes/ingest.ts';
export type { IngestOptions, IngestProgress, Prices } from './outcomes/ingest-options.ts';
export type { IngestReport, Rejection } from './outcomes/ingest-report.ts';
export type { OutcomeMatrix, PromptRecord } from './outcomes/outcome-matrix.ts';
export { outcomeMatrixFromRows } from './outcomes/outcome-matrix-from-rows.ts';
export { type OutcomeRow, outcomeRowSchema, parseOutcomeRow } from './outcomes/outcome-row.ts';
export { readOutcomeMatrix } from './outcomes/read-outcome-matrix.ts';
export { type EvaluateRouterOptions, evaluateRouter } from './pipeline/evaluate-router.ts';
export type { LogMethod, LogReport } from './pipeline/log-report.ts';
export { partBySeen, type SeenParts } from './pipeline/part-by-seen.ts';
export {
  type LogOptions,
  type PreparedTraffic,
  type PrepareOptions,
  prepareTraffic,
} from './pipeline/prepare-traffic.ts';
export { type RequestFeaturesOptions, requestFeatures } from './pipeline/request-features.ts';
export { openEmbedder, type RouterEmbedder } from './pipeline/router-embedder.ts';
export {
  type TrainedFromFiles,
  type TrainFromFilesOptions,
  trainFromFiles,
} from './pipeline/train-from-files.ts';
export type { TrainProgress } from './pipeline/train-progress.ts';
export { type TrainedRouter, type TrainInput, trainRouter } from './pipeline/train-router.ts';
export { type ReportOptions, renderReport } from './report/render-report.ts';
export {
  type Restated,
  type RetrainOptions,
  type RetrainRun,
  type RunTraffic,
  releaseBatch,
  retrain,
  type ScheduleOptions,
  scheduleRetrain,
} from './retrain/index.ts';
export {
  type BatchScreening,
  batchesOf,
  type ScreenOptions,
  type Suspicion,
  screenBatches,
} from './screening/index.ts';
export { groupNearDuplicates, type NearDuplicateGroups } from './split/near-duplicate-groups.ts';
export type { Split, SplitRole, Splits } from './split/split.ts';
export { splitByTime } from './split/split-by-time.ts';
export { type SplitOptions, splitOutcomes } from './split/split-outcomes.ts';
export type { SplitSizes } from './split/split-sizes.ts';
export {
  listVersions,
  pruneVersions,
  type RolledBack,
  RouterBusyError,
  rollBack,
  type VersionEntry,
  withRetrainLock,
} from './versions/index.ts';
export type { Interval } from './words/format-number.ts';
export { MemoryLimitError } from './work/index.ts';
