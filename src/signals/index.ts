export type { TokenCounter } from '../tokens.ts';
export { readSignals, type SeenSignals } from './read-signals.ts';
export type {
  CandidateLoad,
  LanguageDetector,
  LoadView,
  QualityRequirement,
  SignalInput,
  SignalSources,
  Signals,
  TaskGuess,
} from './signals.ts';
