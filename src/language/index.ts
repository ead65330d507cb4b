export { loadLanguageDetector } from '../signals/signals.ts';
