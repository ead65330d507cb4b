export { createPostgresSink, createPostgresTable, type PostgresSinkOptions } from '../postgres.ts';
export { DEFAULT_TABLE, postgresTableSql } from './postgres-table.ts';
export type { QueryClient } from './query-client.ts';
