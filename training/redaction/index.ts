export { redactJson } from './redact-json.ts';
export { REDACTION_PATTERNS, type RedactionPattern, redactText } from './redact-text.ts';
export { redactionPatterns } from './redaction-patterns.ts';
