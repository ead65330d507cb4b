export { createDecisionLog, type DecisionLogOptions } from './create-decision-log.ts';
export type { LogClock } from './queue.ts';
export {
  type CostSource,
  type DecisionLog,
  type DecisionRecord,
  type DroppedRecord,
  type FeedbackInput,
  type FeedbackRecord,
  type FileRecord,
  LARGEST_AMOUNTS,
  LOG_SCHEMA_VERSION,
  LONGEST_TEXTS,
  type LoggedPrediction,
  type LoggedRequest,
  type LogRecord,
  type LogSink,
  type LogStats,
  type OutcomeInput,
  type OutcomeRecord,
  type WriteRecords,
} from './record.ts';
export { parseLogRecord } from './record-schema.ts';
