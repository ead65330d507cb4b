export {
  createPostgresSink,
  createPostgresTable,
  DEFAULT_TABLE,
  type PostgresSinkOptions,
  postgresTableSql,
  type QueryClient,
} from '../postgres.ts';
