export { litellmLog } from './litellm.ts';
export {
  AMOUNT_FIELDS,
  type AmountField,
  type CallEntry,
  type LogDocument,
  type LogEntry,
  type LogReader,
  type OutcomeEntry,
  type ScoreEntry,
} from './log-entry.ts';
export { LOG_FORMATS, type LogFormat } from './log-format.ts';
export { LOG_READERS } from './log-readers.ts';
export { LOG_REASONS, VALUE_REASONS } from './log-reasons.ts';
export { pickFields } from './pick-fields.ts';
export { valueAt } from './values.ts';
