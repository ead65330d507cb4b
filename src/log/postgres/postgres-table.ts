import { InvalidInputError } from '../../errors/invalid-input-error.ts';

/** Where records go when nothing is said. */
export const DEFAULT_TABLE = 'pointsman_log';

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$/;

/**
 * The SQL that makes the table of a log, if it is not there: for a migration, or for `createPostgresTable`.
 *
 * @param table its name, with that of its schema or without.
 * @throws InvalidInputError when that is no name.
 */
export function postgresTableSql(table: string = DEFAULT_TABLE): string {
  const quoted = quoteTable(table);
  const index = `"${table.replace('.', '_').slice(0, 55)}_id"`;
  return `CREATE TABLE IF NOT EXISTS ${quoted} (
  key text PRIMARY KEY,
  kind text NOT NULL,
  id text,
  at timestamptz NOT NULL,
  record jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS ${index} ON ${quoted} (id);
`;
}

/** In quotes, part by part. @throws InvalidInputError when it is no name. */
export function quoteTable(table: string): string {
  if (NAME.test(table)) return table.replace(/[^.]+/g, '"$&"');
  throw new InvalidInputError(
    `\`table\` of PostgreSQL sink must be letters, digits and _, after its schema or without. Got "${table}".`,
  );
}
