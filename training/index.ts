export { type CardFigure, type CardInfo, renderCard } from './artifact/card.ts';
export {
  addReports,
  type ManifestContents,
  type SealedArtifact,
  sealArtifact,
} from './artifact/seal-artifact.ts';
export { listVersions, type VersionEntry } from './artifact/versions.ts';
export { type WrittenArtifact, writeArtifact } from './artifact/write-artifact.ts';
export { type CalibratorChoice, chooseCalibrator } from './calibrate/choose-calibrator.ts';
export type { CalibrationData } from './calibrator/calibration-data.ts';
export { type AddCandidateInput, type AddedCandidate, addCandidate } from './candidates/add-candidate.ts';
export type { OnboardedCandidate } from './candidates/onboarded-candidate.ts';
export { restoreCandidate, retireCandidate } from './candidates/retire-candidate.ts';
export { type CandidateSettings, setCandidate } from './candidates/set-candidate.ts';
export { parseTrainConfig, type TrainConfig, type TrainConfigInput } from './config.ts';
export type { Alarm } from './drift/alarm.ts';
export type { ScoredTraffic } from './drift/scored-traffic.ts';
export { type BootstrapOptions, bootstrap } from './evaluate/bootstrap.ts';
export { evaluate } from './evaluate/evaluate.ts';
export type { Contender, Coverage, Evaluation, LossCurve, Verdict } from './evaluate/evaluation.ts';
export type {
  EvaluationInput,
  EvaluationOptions,
  PromptEmbeddings,
  TestPredictions,
} from './evaluate/evaluation-input.ts';
export { bootstrapMeans } from './evaluation/bootstrap-means.ts';
export { headlineMetrics } from './evaluation/headline-metrics.ts';
export type { OffPolicyEstimate, OffPolicyEvaluation } from './evaluation/off-policy-evaluation.ts';
export { type Backend, useBackend } from './fit/backend.ts';
export { type ExportOptions, exportLayersModel } from './fit/export.ts';
export { fitMatrixFactorisation, onboardCandidate } from './fit/factorisation.ts';
export { fitKnn } from './fit/knn.ts';
export type { FitData, Loss } from './fit/loss.ts';
export { fitMlp } from './fit/mlp.ts';
export { fitStack } from './fit/stack-weights.ts';
export type { GateOptions } from './gate/gate-options.ts';
export type { GateTest, GateVerdict } from './gate/gate-verdict.ts';
export { chooseShrinkage } from './head/choose-shrinkage.ts';
export { crossValidate } from './head/cross-validate.ts';
export type { DenseChain, DenseLayer } from './head/dense-chain.ts';
export { fitLinear, fitLinearPath } from './head/fit-linear.ts';
export type { FitProgress } from './head/fit-progress.ts';
export { groupedFolds } from './head/grouped-folds.ts';
export type { JoinedLayer } from './head/joined-layer.ts';
export type { Matrix } from './head/matrix.ts';
export { softTargets } from './head/soft-targets.ts';
export { ingestOutcomes } from './ingest/ingest.ts';
export type { JudgeAnswer, Judged } from './ingest/judge.ts';
export type { IngestOptions, IngestProgress } from './ingest/options.ts';
export type { IngestReport, Rejection } from './ingest/report.ts';
export { type CompactOptions, compactLog } from './log-store/compact-log.ts';
export type { CompactReport } from './log-store/compact-report.ts';
export { type LogFile, listLogFiles } from './log-store/log-files.ts';
export { type ReadLogOptions, readDecisionLog } from './log-store/read.ts';
export { LOG_FORMATS, type LogFormat } from './logs/log-format.ts';
export { type ClippedWeights, clipWeights } from './off-policy/clip-weights.ts';
export { effectiveSampleSize } from './off-policy/effective-sample-size.ts';
export {
  type LoggingPropensities,
  loggingPropensities,
  type PropensityOptions,
} from './off-policy/propensities.ts';
export { type PseudoOutcomeInput, pseudoOutcomes } from './off-policy/pseudo-outcomes.ts';
export type { Prices } from './outcomes/amounts.ts';
export { outcomeMatrixFromRows } from './outcomes/matrix.ts';
export type { OutcomeMatrix, PromptRecord } from './outcomes/outcome-matrix.ts';
export { type OutcomeRow, outcomeRowSchema, parseOutcomeRow } from './outcomes/outcome-row.ts';
export { readOutcomeMatrix } from './outcomes/read-outcome-matrix.ts';
export type { LogMethod, LogReport } from './pipeline/log-report.ts';
export { partBySeen, type SeenParts } from './pipeline/part-by-seen.ts';
export { type RequestFeaturesOptions, requestFeatures } from './pipeline/request-features.ts';
export { openEmbedder, type RouterEmbedder } from './pipeline/router-embedder.ts';
export {
  type TrainedFromFiles,
  type TrainFromFilesOptions,
  trainFromFiles,
} from './pipeline/train-from-files.ts';
export type { TrainProgress } from './pipeline/train-progress.ts';
export { type ReportOptions, renderReport } from './report/render-report.ts';
export { parseRetrainConfig, type RetrainConfig, type RetrainConfigInput } from './retrain/config.ts';
export { type GateInput, judgeChallenger } from './retrain/gate/gate.ts';
export { type ValueTable, type ValueTableInput, valueTable } from './retrain/gate/values.ts';
export { retrain } from './retrain/retrain.ts';
export type { RetrainOptions } from './retrain/retrain-options.ts';
export type { Restated, RetrainRun, RunTraffic } from './retrain/retrain-run.ts';
export { type ScheduleOptions, scheduleRetrain } from './retrain/schedule-retrain.ts';
export type { CandidateShift, DayResidual, ShiftMeasure } from './retrain/watch/candidate-shifts.ts';
export { type DriftOptions, type DriftReport, findDrift } from './retrain/watch/drift.ts';
export { releaseBatch } from './retrain/watch/quarantine.ts';
export { batchesOf, type ScreenOptions, screenBatches } from './retrain/watch/screen.ts';
export type { BatchScreening, Suspicion } from './screening/screening.ts';
export { groupNearDuplicates, type NearDuplicateGroups } from './split/near-duplicate-groups.ts';
export type { Split, SplitRole, Splits } from './split/split.ts';
export { splitByTime } from './split/split-by-time.ts';
export { type SplitOptions, splitOutcomes } from './split/split-outcomes.ts';
export type { SplitSizes } from './split/split-sizes.ts';
export { type EvaluateRouterOptions, evaluateRouter } from './train/evaluate-router.ts';
export {
  type LogOptions,
  type PreparedTraffic,
  type PrepareOptions,
  prepareTraffic,
} from './train/prepare-traffic.ts';
export { type TrainedRouter, type TrainInput, trainRouter } from './train/train-router.ts';
export { pruneVersions } from './versions/prune-versions.ts';
export { withRetrainLock } from './versions/retrain-lock.ts';
export { type RolledBack, rollBack } from './versions/roll-back.ts';
export { RouterBusyError } from './versions/router-busy-error.ts';
export type { Interval } from './words/format-number.ts';
export { MemoryLimitError } from './work/memory-limit.ts';
