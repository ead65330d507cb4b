export { createFeatureExtractor, type ExtractorBlock, type FeatureExtractor } from './feature-extractor.ts';
export { createNgramBlock, type NgramBlock } from './ngram-block.ts';
export { createNgramCounter, type NgramCounter, type NgramCounts, type NgramSpec } from './ngram-counter.ts';
export { decodeNgramTable, encodeNgramTable, type NgramTable } from './ngram-table.ts';
export { createNumericSignals, NUMERIC_SIGNAL_NAMES, type NumericSignals } from './numeric-signals.ts';
export { readFeatures } from './read-features.ts';
export {
  createStandardisation,
  decodeStandardisation,
  encodeStandardisation,
  type Standardisation,
} from './standardisation.ts';
export { createTextScan, scanText, type TextScan, TokenKind } from './text-scan.ts';
export { hashUnit, hashWord, mixHash } from './word-hash.ts';
