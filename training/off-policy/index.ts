export {
  type ClippedWeights,
  clipWeights,
  HIGHEST_WEIGHT,
  highestWeight,
  LEAST_FLOOR,
} from './clip-weights.ts';
export { effectiveSampleSize } from './effective-sample-size.ts';
export type { LoggedTable, TargetPolicy } from './logged-table.ts';
export {
  type LoggingPropensities,
  loggingPropensities,
  type PropensityOptions,
} from './logging-propensities.ts';
export { measureOverlap, type Overlap } from './overlap.ts';
export { ESTIMATORS, type EstimatorId, type PolicyScores, policyScores } from './policy-scores.ts';
export { policyWeights } from './policy-weights.ts';
export { type PseudoOutcomeInput, pseudoOutcomes } from './pseudo-outcomes.ts';
export { isAnswerable, LEAST_CARRIERS, LEAST_SAMPLE, MOST_UNSUPPORTED, refusals } from './refusals.ts';
export { type DoubtTable, doubtTable, scoreDoubt, takeDoubt } from './score-doubt.ts';
export {
  type ScoreDoubt,
  type ScoreInterval,
  type ScoreIntervalOptions,
  scoreInterval,
} from './score-interval.ts';
