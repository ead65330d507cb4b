export { chooseLossShrinkage } from './choose-loss-shrinkage.ts';
export { chooseShrinkage, type ShrinkageChoice, type ShrinkageOptions } from './choose-shrinkage.ts';
export { crossValidate } from './cross-validate.ts';
export { chainHead, type DenseChain, type DenseLayer, predictRows } from './dense-chain.ts';
export { encodeKnn } from './encode-knn.ts';
export { type ExportedModel, type ExportOptions, exportLayersModel } from './export-layers-model.ts';
export { exportRouter, type RouterModel } from './export-router.ts';
export type { FitData, Loss } from './fit-data.ts';
export { fitKnn, type KnnFit, type KnnOptions } from './fit-knn.ts';
export { fitLinear, fitLinearPath, type LinearFit } from './fit-linear.ts';
export {
  type Factorisation,
  type FactorisationOptions,
  fitMatrixFactorisation,
  onboardCandidate,
} from './fit-matrix-factorisation.ts';
export { fitMlp, type MlpFit } from './fit-mlp.ts';
export type { FitProgress, FoldProgress, OnFold, OnProgress } from './fit-progress.ts';
export { fitStack, type StackFit } from './fit-stack.ts';
export { type FoldedHeads, foldHeads, type ModelOutputs } from './fold-head.ts';
export { countFolds, foldRows, groupedFolds } from './grouped-folds.ts';
export { isSameChain, type JoinedLayer, joinedHead, joinedLayer } from './joined-layer.ts';
export type { LinearOptions, LinearPathOptions } from './linear-options.ts';
export { createMatrix, type Matrix, takeColumn, takeRows, takeValues } from './matrix.ts';
export { meanLoss } from './mean-loss.ts';
export type { MlpOptions, MlpTask } from './mlp-options.ts';
export { searchPenalties } from './search-penalties.ts';
export { softTargets } from './soft-targets.ts';
export { weighOutputs } from './weigh-outputs.ts';
