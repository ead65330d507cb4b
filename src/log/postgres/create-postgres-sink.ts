import { inSlices } from '../in-slices.ts';
import type { LogRecord } from '../log-record.ts';
import type { LogSink } from '../log-sink.ts';
import { DEFAULT_TABLE, postgresTableSql, quoteTable } from './postgres-table.ts';
import type { QueryClient } from './query-client.ts';

export interface PostgresSinkOptions {
  /** A `Pool` of `pg`, say; with a time limit (`query_timeout`), or a lost connection stops the log. Not closed by the sink. */
  readonly client: QueryClient;
  /** Made by {@link createPostgresTable}. @default 'pointsman_log' */
  readonly table?: string;
}

/**
 * A sink that inserts each batch with one statement into a table of PostgreSQL. A record that comes again is there
 * already, and is left alone. Characters that PostgreSQL cannot keep (U+0000, halves of surrogate pairs) become U+FFFD.
 *
 * @throws InvalidInputError when `table` is no name.
 * @example
 * const log = createDecisionLog({ sink: createPostgresSink({ client: new pg.Pool({ query_timeout: 10_000 }) }) });
 */
export function createPostgresSink({ client, table = DEFAULT_TABLE }: PostgresSinkOptions): LogSink {
  // All in one parameter, so that a client needs to know nothing of arrays.
  const insert =
    `INSERT INTO ${quoteTable(table)} (key, kind, id, at, record) ` +
    "SELECT row->>'key', row->'record'->>'kind', row->'record'->>'id', (row->'record'->>'at')::timestamptz, " +
    "row->'record' FROM jsonb_array_elements($1::jsonb) AS row ON CONFLICT (key) DO NOTHING";
  return {
    async write(records) {
      const rows = await inSlices(records, (record) =>
        JSON.stringify({ key: keyOf(record), record }, keepable),
      );
      await client.query(insert, [`[${rows.join(',')}]`]);
    },
    async close() {},
  };
}

/**
 * Makes the table, if it is not there.
 *
 * @throws InvalidInputError when `table` is no name; what the client throws.
 */
export async function createPostgresTable(client: QueryClient, table?: string): Promise<void> {
  await client.query(postgresTableSql(table));
}

/** The same for a record that is written twice, and for no two that say different things. */
function keyOf(record: LogRecord): string {
  switch (record.kind) {
    case 'decision':
      return `decision ${record.id}`;
    case 'outcome':
      return JSON.stringify(['outcome', record.id, record.at, record.candidate, record.status]);
    case 'feedback': {
      const { id, at, quality, candidate, source } = record;
      return JSON.stringify(['feedback', id, at, quality, candidate, source]);
    }
    default:
      return JSON.stringify(record);
  }
}

function keepable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replace(UNKEEPABLE, '\ufffd') : value;
}

/** With the flag u a pair is one character, and only halves are surrogates. */
const UNKEEPABLE = /[\0\p{Surrogate}]/gu;
