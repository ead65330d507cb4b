export { litellmLog } from './litellm.ts';
export type { CallEntry, LogDocument, LogEntry, LogReader, OutcomeEntry, ScoreEntry } from './log-entry.ts';
export { LOG_FORMATS, type LogFormat } from './log-format.ts';
export { LOG_READERS } from './log-readers.ts';
export { LOG_REASONS } from './log-reasons.ts';
export { pickFields } from './pick-fields.ts';
export { valueAt } from './values.ts';
