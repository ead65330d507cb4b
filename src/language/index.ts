export { loadLanguageDetector } from './load-language-detector.ts';
