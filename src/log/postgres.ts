import { webSha256 } from '../artifact/read-artifact.ts';
import { InvalidInputError } from '../errors.ts';
import {
  cannotKeep,
  type LogRecord,
  type LogSink,
  mapTexts,
  type RecordLine,
  recordLines,
} from './record.ts';

export interface PostgresSinkOptions {
  /** A `Pool` of `pg`, say; with a time limit (`query_timeout`), or a lost connection stops the log. Not closed by the sink. */
  readonly client: QueryClient;
  /** Made by {@link createPostgresTable}. @default 'pointsman_log' */
  readonly table?: string;
}

/**
 * A sink that inserts each batch with one statement into a table of PostgreSQL. A record that comes again is there
 * already, and is left alone. Characters that PostgreSQL cannot keep (U+0000, halves of surrogate pairs) become U+FFFD,
 * in keys and in values. A record that PostgreSQL refuses is set aside, and the others of its batch are kept.
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
  /** @returns an error for each row that the table cannot hold: found by halving, so that one costs little. */
  const insertRows = async (rows: readonly RecordLine[]): Promise<Error[]> => {
    try {
      await client.query(insert, [`[${rows.map(({ line }) => line).join(',')}]`]);
      return [];
    } catch (error) {
      if (!isDataError(error)) throw error;
      if (rows.length === 1) return [cannotKeep(rows[0].record, 'is refused by PostgreSQL', error)];
      const half = Math.ceil(rows.length / 2);
      return [...(await insertRows(rows.slice(0, half))), ...(await insertRows(rows.slice(half)))];
    }
  };
  return {
    async write(records) {
      const { lines, refused } = await recordLines(records, lineOf);
      return lines.length === 0 ? refused : [...refused, ...(await insertRows(lines))];
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

async function lineOf(record: LogRecord): Promise<string> {
  const line = JSON.stringify({ key: await keyOf(record), record });
  // Only such a line can hold what PostgreSQL cannot keep: elsewhere JSON writes these characters as escapes.
  return ESCAPED.test(line) ? JSON.stringify(mapTexts(JSON.parse(line), keepable)) : line;
}

/** An entry of an index of PostgreSQL has at most 2,704 bytes, of which a UTF-16 unit can take three. */
const LONGEST_KEY = 800;

/** The same for a record that is written twice, and for no two that say different things. */
async function keyOf(record: LogRecord): Promise<string> {
  const key = wholeKey(record);
  return key.length <= LONGEST_KEY ? key : `sha256 ${await webSha256(new TextEncoder().encode(key))}`;
}

function wholeKey(record: LogRecord): string {
  switch (record.kind) {
    case 'decision':
      return `decision ${record.id}`;
    case 'outcome':
      return JSON.stringify(['outcome', record.id, record.at, record.candidate, record.status]);
    case 'feedback': {
      const { id, at, quality, candidate, source, comment, rightAnswer } = record;
      const words = comment === undefined && rightAnswer === undefined ? [] : [comment, rightAnswer];
      return JSON.stringify(['feedback', id, at, quality, candidate, source, ...words]);
    }
    default:
      return JSON.stringify(record);
  }
}

const ESCAPED = /\\u(?:0000|d[89a-f])/;

/** With the flag u a pair is one character, and only halves are surrogates. */
const UNKEEPABLE = /[\0\p{Surrogate}]/gu;

function keepable(text: string): string {
  return text.replace(UNKEEPABLE, '\ufffd');
}

/** Whether it is the data that PostgreSQL refuses (SQLSTATE classes 22, 23 and 54), so that trying again is no use. */
function isDataError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^(?:22|23|54)\w{3}$/.test(code);
}

/** Where records go when nothing is said. */
const DEFAULT_TABLE = 'pointsman_log';

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
function quoteTable(table: string): string {
  if (NAME.test(table)) return table.replace(/[^.]+/g, '"$&"');
  throw new InvalidInputError(
    `\`table\` of PostgreSQL sink must be letters, digits and _, after its schema or without. Got "${table}".`,
  );
}

/** What is needed of a database: a `Pool` of `pg` is one, and so is anything that takes SQL with `$1`. */
export interface QueryClient {
  query(text: string, values?: unknown[]): Promise<unknown>;
}
