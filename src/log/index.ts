/**
 * Decision logs: what is written down of decisions, outcomes and feedback, and where it goes.
 */
export { createDecisionLog, type DecisionLogOptions } from './create-decision-log.ts';
export { createPostgresSink, createPostgresTable, postgresTableSql, type QueryClient } from './postgres.ts';
export type { DecisionLog, LogRecord, LogSink } from './record.ts';
export { parseLogRecord } from './record-schema.ts';
