export { acceptScores, acceptTest, type TunableTest } from './accept-scores.ts';
export { learnThenTest } from './learn-then-test.ts';
export { measureSetting, type SettingFigures } from './measure-setting.ts';
export {
  bettingPValue,
  binomialPValue,
  hoeffdingBentkusPValue,
  predictivePValue,
} from './p-values.ts';
export { predictSuccess } from './predict-success.ts';
export {
  type CascadeShape,
  cascadeFamily,
  cascadePaths,
  type RoutingFamily,
  thresholdFamily,
} from './routing-family.ts';
export {
  fewestGroupsFor,
  type LossGuarantee,
  riskiestSetting,
  type TunedSetting,
  tuneAlongPaths,
  tuneForLoss,
} from './tune-for-loss.ts';
export { tuneForShare } from './tune-for-share.ts';
export { type PredictedRows, type TunedPolicy, type TunePolicyInput, tunePolicy } from './tune-policy.ts';
export { type TuningRows, tuningRows } from './tuning-rows.ts';
export { chooseByWeights, WEIGHT_SETTINGS, type WeighedPredictions } from './weight-settings.ts';
