export { createFeatureExtractor, type ExtractorBlock, type FeatureExtractor } from './feature-extractor.ts';
export {
  createStandardisation,
  decodeStandardisation,
  encodeStandardisation,
  type Standardisation,
} from './features.ts';
export { createNgramBlock, type NgramBlock } from './ngram-block.ts';
export { decodeNgramTable, encodeNgramTable, type NgramTable } from './ngram-table.ts';
export { createNgramCounter, type NgramCounter, type NgramCounts, type NgramSpec } from './ngrams.ts';
export { createNumericSignals, NUMERIC_SIGNAL_NAMES, type NumericSignals } from './numeric.ts';
export { readFeatures } from './read-features.ts';
export { createTextScan, scanText, type TextScan, TokenKind } from './text-scan.ts';
export { hashUnit, hashWord, mixHash } from './word-hash.ts';
