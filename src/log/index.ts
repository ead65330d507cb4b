export {
  type DecisionRecord,
  type DroppedRecord,
  type FeedbackRecord,
  type FileRecord,
  LOG_SCHEMA_VERSION,
  type LoggedPrediction,
  type LoggedRequest,
  type LogRecord,
  type OutcomeRecord,
} from './log-record.ts';
export { parseLogRecord } from './parse-log-record.ts';
