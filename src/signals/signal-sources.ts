import type { LoadView } from './load-view.ts';

/** Length of a text in tokens. Must not throw. */
export type TokenCounter = (text: string) => number;

/** ISO 639-1 code of a text's language; 'und' when it cannot tell. Must not throw. */
export type LanguageDetector = (text: string) => string;

/** What signals are computed with, beside the request. */
export interface SignalSources {
  /** Such as `loadTokenCounter()` of `pointsman/tokens` gives. @default four characters count as a token */
  readonly countTokens?: TokenCounter;
  /** Such as `loadLanguageDetector()` of `pointsman/language` gives. @default every language is 'und' */
  readonly detectLanguage?: LanguageDetector;
  /** How busy the candidates are: the executor's. @default nothing is in flight */
  readonly load?: LoadView;
}
