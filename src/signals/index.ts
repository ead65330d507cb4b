export type { TokenCounter } from '../request/count-request-tokens.ts';
export type { LoadView } from './load-view.ts';
export { readSignals, type SeenSignals, type SignalInput, type TaskGuess } from './read-signals.ts';
export type { LanguageDetector, SignalSources } from './signal-sources.ts';
export type { CandidateLoad, QualityRequirement, Signals } from './signals.ts';
