export { type FeatureOptions, type FittedFeatures, fitFeatures } from './fit-features.ts';
export { fitNgramTable, type NgramTableOptions } from './fit-ngram-table.ts';
