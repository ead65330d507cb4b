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
export { type BootstrapOptions, bootstrap, type Interval } from './evaluation/bootstrap.ts';
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
export {
  chooseShrinkage,
  crossValidate,
  type DenseChain,
  type DenseLayer,
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
  type Loss,
  type Matrix,
  onboardCandidate,
  softTargets,
} from './head/index.ts';
export type { OutcomeMatrix, PromptRecord } from './outcomes/outcome-matrix.ts';
export type { OutcomeRow } from './outcomes/outcome-row.ts';
export { type ReportOptions, renderReport } from './report/render-report.ts';
export type { Split, SplitRole, Splits } from './split/split.ts';
