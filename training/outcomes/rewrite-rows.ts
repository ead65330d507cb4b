import { blobValue, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import { EXISTING, USABLE } from './staged-table.ts';

/** Rows that are held in memory at a time. */
const BATCH = 2000;

export interface RewriteOptions {
  /** Which rows, in SQL. @default the new ones that can be used */
  readonly where?: string;
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
  { where = `${USABLE} AND file <> ${EXISTING}`, onProgress = () => {} }: RewriteOptions = {},
): Promise<void> {
  const rows = async (query: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(query)).getRows();
  const [[lowest, highest]] = await rows(`SELECT min(rowid), max(rowid) FROM staged WHERE ${where}`);
  if (highest === null) return;
  const total = Number(highest) + 1;
  const columns = Object.keys(write);
  const types = Object.entries({ at: 'BIGINT', ...write }).map(
    ([name, type]) => `"${name}":${JSON.stringify(type.endsWith('[]') ? [type.slice(0, -2)] : type)}`,
  );
  await connection.run(
    `CREATE TABLE rewritten ("at" BIGINT, ${columns.map((name) => `"${name}" ${write[name]}`).join(', ')})`,
  );
  for (let from = Number(lowest); from < total; from += BATCH) {
    onProgress(from, total);
    const found = await rows(`SELECT rowid, ${read.map((name) => `"${name}"`).join(', ')} FROM staged
      WHERE rowid >= ${from} AND rowid < ${from + BATCH} AND ${where} ORDER BY rowid`);
    const made = await rewrite(found.map(([, ...values]) => values as (string | null)[]));
    const lines = made.flatMap((values, i) =>
      values === null ? [] : [JSON.stringify({ at: Number(found[i][0]), ...values })],
    );
    if (lines.length === 0) continue;
    await connection.run(
      `INSERT INTO rewritten SELECT unnest(json_transform(line, '{${types.join(',')}}'))
        FROM (SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS line)`,
      { bytes: blobValue(Buffer.from(lines.join('\n'))) },
    );
  }
  onProgress(total, total);
  const assignments = columns.map((name) => `"${name}" = rewritten."${name}"`).join(', ');
  await connection.run(`UPDATE staged SET ${assignments} FROM rewritten WHERE staged.rowid = rewritten."at"`);
  await connection.run('DROP TABLE rewritten');
}
