import { blobValue, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import { EXISTING, USABLE } from '../outcomes/staged-table.ts';

/** Rows that are held in memory at a time, and bytes of them. */
const MOST_ROWS = 2000;
const MOST_BYTES = 8 * 2 ** 20;

/** Longer rows than this on average are written anew: what an update changes DuckDB must hold in memory. */
const LONG_ROW_BYTES = 4096;

interface RewriteOptions {
  /** Which rows, in SQL. @default the new ones that can be used */
  readonly where?: string;
  /** With the columns of `staged`. @default 'staged' */
  readonly table?: string;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Reads columns of the new rows, some rows at a time, and writes what becomes of them.
 * @param read columns, by name.
 * @param write columns that `rewrite` gives, with their types; each is a text, a list or null.
 * @param rewrite gives for each row its new values, or null to leave it.
 */
export async function rewriteRows(
  connection: DuckDBConnection,
  read: readonly string[],
  write: Readonly<Record<string, string>>,
  rewrite: (rows: readonly (string | null)[][]) => Promise<(Readonly<Record<string, unknown>> | null)[]>,
  options: RewriteOptions = {},
): Promise<void> {
  const { where = `${USABLE} AND file <> ${EXISTING}`, table = 'staged', onProgress = () => {} } = options;
  const rows = async (query: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(query)).getRows();
  const [[lowest, highest]] = await rows(`SELECT min(rowid), max(rowid) FROM ${table} WHERE ${where}`);
  if (highest === null) return;
  const total = Number(highest) + 1;
  const columns = Object.keys(write);
  const types = Object.entries({ at: 'BIGINT', ...write }).map(
    ([name, type]) => `"${name}":${JSON.stringify(type.endsWith('[]') ? [type.slice(0, -2)] : type)}`,
  );
  await connection.run(
    `CREATE TEMP TABLE rewritten ("at" BIGINT, ${columns.map((name) => `"${name}" ${write[name]}`).join(', ')})`,
  );
  // Few at first: how long they are is not known yet.
  for (let [from, size] = [Number(lowest), 50]; from < total; ) {
    onProgress(from, total);
    const found = await rows(`SELECT rowid, ${read.map((name) => `"${name}"`).join(', ')} FROM ${table}
      WHERE rowid >= ${from} AND rowid < ${from + size} AND ${where} ORDER BY rowid`);
    from += size;
    const made = await rewrite(found.map(([, ...values]) => values as (string | null)[]));
    const lines = made.flatMap((values, i) =>
      values === null ? [] : [JSON.stringify({ at: Number(found[i][0]), ...values })],
    );
    const bytes = lengthOf(found) + lines.reduce((sum, line) => sum + line.length, 0);
    size = Math.max(1, Math.min(MOST_ROWS, 4 * size, Math.floor((size * MOST_BYTES) / Math.max(1, bytes))));
    if (lines.length === 0) continue;
    await connection.run(
      `INSERT INTO rewritten SELECT unnest(json_transform(line, '{${types.join(',')}}'))
        FROM (SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS line)`,
      { bytes: blobValue(Buffer.from(lines.join('\n'))) },
    );
    if (bytes > LONG_ROW_BYTES * lines.length) await writeAnew(connection, table, columns);
  }
  onProgress(total, total);
  const assignments = columns.map((name) => `"${name}" = rewritten."${name}"`).join(', ');
  await connection.run(
    `UPDATE ${table} SET ${assignments} FROM rewritten WHERE ${table}.rowid = rewritten."at"`,
  );
  await connection.run('DROP TABLE rewritten');
}

function lengthOf(rows: readonly (readonly DuckDBValue[])[]): number {
  let length = 0;
  for (const row of rows) for (const value of row) if (typeof value === 'string') length += value.length;
  return length;
}

/** Puts the rows of `rewritten` in the place of those that they were made of, behind all others. */
async function writeAnew(
  connection: DuckDBConnection,
  table: string,
  columns: readonly string[],
): Promise<void> {
  if (table === 'staged') {
    // Rows whose lines are known by their places alone are about to lose these.
    await connection.run(`UPDATE staged SET line = staged.rowid - first_rows.row + 1 FROM first_rows
      WHERE staged.file = first_rows.file AND first_rows.row IS NOT NULL AND line IS NULL`);
    await connection.run('UPDATE first_rows SET row = NULL WHERE row IS NOT NULL');
  }
  const replaced = columns.map((name) => `r."${name}" AS "${name}"`).join(', ');
  await connection.run(`CREATE TEMP TABLE anew AS SELECT t.* REPLACE (${replaced})
    FROM ${table} AS t JOIN rewritten AS r ON t.rowid = r."at" ORDER BY r."at"`);
  await connection.run(`DELETE FROM ${table} WHERE rowid IN (SELECT "at" FROM rewritten)`);
  await connection.run(`INSERT INTO ${table} FROM anew; DROP TABLE anew; DELETE FROM rewritten`);
}
