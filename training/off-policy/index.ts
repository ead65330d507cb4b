export { type ClippedWeights, clipWeights, HIGHEST_WEIGHT } from './clip-weights.ts';
export { effectiveSampleSize } from './effective-sample-size.ts';
export {
  type LoggingPropensities,
  loggingPropensities,
  type PropensityOptions,
} from './logging-propensities.ts';
export { type PseudoOutcomeInput, pseudoOutcomes } from './pseudo-outcomes.ts';
