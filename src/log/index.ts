export { createDecisionLog } from './create-decision-log.ts';
export type { DecisionLog, FeedbackInput, LogStats, OutcomeInput } from './decision-log.ts';
export type { DecisionLogOptions } from './decision-log-options.ts';
export type { LogClock } from './log-clock.ts';
export type { LogSink, WriteRecords } from './log-sink.ts';
export { parseLogRecord } from './parse-log-record.ts';
export {
  type CostSource,
  type DecisionRecord,
  type DroppedRecord,
  type FeedbackRecord,
  type FileRecord,
  LOG_SCHEMA_VERSION,
  type LoggedPrediction,
  type LoggedRequest,
  type LogRecord,
  type OutcomeRecord,
} from './record.ts';
export { LARGEST_AMOUNTS, LONGEST_TEXTS } from './record-limits.ts';
