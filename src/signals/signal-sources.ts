import type { TokenCounter } from '../request/count-request-tokens.ts';
import type { LoadView } from './load-view.ts';

/** ISO 639-1 code of a text's language; 'und' when it cannot tell. Must not throw. */
export type LanguageDetector = (text: string) => string;

/** What signals are computed with, beside the request. */
export interface SignalSources {
  /** Such as `loadTokenCounter()` of `pointsman/tokens` gives. @default an estimate, some 4 % off */
  readonly countTokens?: TokenCounter;
  /** Such as `loadLanguageDetector()` of `pointsman/language` gives. @default every language is 'und' */
  readonly detectLanguage?: LanguageDetector;
  /** How busy the candidates are: the executor's. @default nothing is in flight */
  readonly load?: LoadView;
}
