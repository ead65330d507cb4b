export { createNumericSignals, NUMERIC_SIGNAL_NAMES, type NumericSignals } from './numeric-signals.ts';
export { createTextScan, scanText, type TextScan, TokenKind } from './text-scan.ts';
export { hashUnit, hashWord, mixHash } from './word-hash.ts';
