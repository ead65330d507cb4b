export type { TokenCounter } from '../tokens.ts';
export { readSignals, type SeenSignals, type SignalInput, type TaskGuess } from './read-signals.ts';
export type {
  CandidateLoad,
  LanguageDetector,
  LoadView,
  QualityRequirement,
  SignalSources,
  Signals,
} from './signals.ts';
