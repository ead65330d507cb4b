export { createPostgresSink, createPostgresTable, type PostgresSinkOptions } from './create-postgres-sink.ts';
export { DEFAULT_TABLE, postgresTableSql } from './postgres-table.ts';
export type { QueryClient } from './query-client.ts';
