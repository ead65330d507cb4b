export {
  createFeatureExtractor,
  createStandardisation,
  decodeStandardisation,
  type ExtractorBlock,
  encodeStandardisation,
  type FeatureExtractor,
  readFeatures,
  type Standardisation,
} from './features.ts';
export {
  createNgramBlock,
  createNgramCounter,
  decodeNgramTable,
  encodeNgramTable,
  type NgramBlock,
  type NgramCounter,
  type NgramCounts,
  type NgramSpec,
  type NgramTable,
} from './ngrams.ts';
export { createNumericSignals, NUMERIC_SIGNAL_NAMES, type NumericSignals } from './numeric.ts';
export {
  createTextScan,
  hashUnit,
  hashWord,
  mixHash,
  scanText,
  type TextScan,
  TokenKind,
} from './text-scan.ts';
