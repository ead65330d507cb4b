export {
  addReports,
  type BuiltArtifact,
  buildArtifact,
  type ManifestContents,
} from './artifact/build-artifact.ts';
export { type CardFigure, type CardInfo, renderCard } from './artifact/card.ts';
export {
  listVersions,
  pruneVersions,
  type RolledBack,
  RouterBusyError,
  rollBack,
  type VersionEntry,
  withRetrainLock,
} from './artifact/versions.ts';
export { type WrittenArtifact, writeArtifact } from './artifact/write-artifact.ts';
export { type CalibratorChoice, chooseCalibrator } from './calibrate/choose-calibrator.ts';
export type { CalibrationData } from './calibrate/fit-calibrators.ts';
export {
  type AddCandidateInput,
  type AddedCandidate,
  addCandidate,
  type OnboardedCandidate,
} from './candidates/add-candidate.ts';
export {
  type CandidateSettings,
  restoreCandidate,
  retireCandidate,
  setCandidate,
} from './candidates/edit-candidate.ts';
export { parseTrainConfig, type TrainConfig, type TrainConfigInput } from './config.ts';
export { openEmbedder, type RouterEmbedder } from './embed/embedders.ts';
export { type BootstrapOptions, bootstrap, bootstrapMeans } from './evaluate/bootstrap.ts';
export { evaluate } from './evaluate/evaluate.ts';
export {
  type Coverage,
  type Evaluation,
  headlineMetrics,
  type OffPolicyEstimate,
  type OffPolicyEvaluation,
  type Strategy,
  type Verdict,
} from './evaluate/evaluation.ts';
export type {
  EvaluationInput,
  EvaluationOptions,
  PromptEmbeddings,
  TestPredictions,
} from './evaluate/evaluation-input.ts';
export { type Backend, useBackend } from './fit/backend.ts';
export type { DenseChain, DenseLayer } from './fit/chain.ts';
export { type ExportOptions, exportLayersModel } from './fit/export.ts';
export { fitMatrixFactorisation } from './fit/factorisation.ts';
export type { JoinedLayer } from './fit/fold-head.ts';
export { crossValidate, groupedFolds } from './fit/folds.ts';
export { fitKnn } from './fit/knn.ts';
export { type FitProgress, fitLinear, fitLinearPath } from './fit/linear.ts';
export { type FitData, type Loss, softTargets } from './fit/loss.ts';
export { fitMlp } from './fit/mlp.ts';
export type { Matrix } from './fit/rows.ts';
export { chooseShrinkage, fitStack } from './fit/stack-weights.ts';
export { LOG_FORMATS, type LogFormat } from './ingest/formats/log-formats.ts';
export { ingestOutcomes } from './ingest/ingest.ts';
export type { JudgeAnswer, Judged } from './ingest/judge.ts';
export type { IngestOptions, IngestProgress } from './ingest/options.ts';
export { readOutcomeMatrix } from './ingest/outcome-store.ts';
export type { IngestReport, Rejection } from './ingest/report.ts';
export { type CompactOptions, type CompactReport, compactLog } from './log-store/compact.ts';
export { type LogFile, listLogFiles, type ReadLogOptions, readDecisionLog } from './log-store/read.ts';
export {
  type ClippedWeights,
  clipWeights,
  effectiveSampleSize,
  type PseudoOutcomeInput,
  pseudoOutcomes,
} from './off-policy/estimate.ts';
export {
  type LoggingPropensities,
  loggingPropensities,
  type PropensityOptions,
} from './off-policy/propensities.ts';
export type { Prices } from './outcomes/amounts.ts';
export { type OutcomeMatrix, outcomeMatrixFromRows, type PromptRecord } from './outcomes/matrix.ts';
export { type OutcomeRow, outcomeRowSchema, parseOutcomeRow } from './outcomes/outcome.ts';
export { type ReportOptions, renderReport } from './report/report.ts';
export { parseRetrainConfig, type RetrainConfig, type RetrainConfigInput } from './retrain/config.ts';
export { type GateInput, runGate } from './retrain/gate/gate.ts';
export type { GateOptions, GateTest, GateVerdict } from './retrain/gate/tests.ts';
export { type ValueTable, type ValueTableInput, valueTable } from './retrain/gate/values.ts';
export { retrain, type ScheduleOptions, scheduleRetrain } from './retrain/retrain.ts';
export type { Rescaled, RetrainOptions, RetrainRun, RunTraffic } from './retrain/run.ts';
export type {
  CandidateShift,
  DayResidual,
  ScoredTraffic,
  ShiftMeasure,
} from './retrain/watch/candidate-shifts.ts';
export { type Alarm, type DriftOptions, type DriftReport, findDrift } from './retrain/watch/drift.ts';
export { releaseBatch } from './retrain/watch/quarantine.ts';
export {
  type BatchScreening,
  batchesOf,
  type ScreenOptions,
  type Suspicion,
  screenBatches,
} from './retrain/watch/screen.ts';
export { groupNearDuplicates, type NearDuplicateGroups } from './split/near-duplicates.ts';
export {
  type Split,
  type SplitOptions,
  type SplitRole,
  type SplitSizes,
  type Splits,
  splitByTime,
  splitOutcomes,
} from './split/split.ts';
export type { TrainProgress } from './train/data.ts';
export { type RequestFeaturesOptions, requestFeatures } from './train/embed-prompts.ts';
export { type EvaluateRouterOptions, evaluateRouter } from './train/evaluate-router.ts';
export type { LogMethod, LogReport } from './train/logged.ts';
export {
  type LogOptions,
  type PreparedTraffic,
  type PrepareOptions,
  prepareTraffic,
} from './train/prepare-traffic.ts';
export {
  type TrainedFromFiles,
  type TrainedRouter,
  type TrainFromFilesOptions,
  type TrainInput,
  trainFromFiles,
  trainRouter,
} from './train/train-router.ts';
export { type SeenSplit, splitBySeen } from './train/tuning-traffic.ts';
export type { Interval } from './words/format-number.ts';
export { MemoryLimitError } from './work/scratch-database.ts';
