import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { type ScratchDatabase, VECTOR_ROWS } from '../work/scratch-database.ts';
import { quotePath, quoteText } from './sql-text.ts';

const ZSTD = 'FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, USE_TMP_FILE false';

/** Of the memory, a part of the rows that are sorted at a time, and a row group, may be so much. */
const SORTED_SHARE = 1 / 8;
const GROUP_SHARE = 1 / 16;
const MOST_GROUP_ROWS = 60 * VECTOR_ROWS;
const TEXTS = ['text', 'messages', 'metadata'];

/**
 * Writes rows to a Parquet file, sorted by request and candidate. Where texts are long, DuckDB can neither sort them nor gather a
 * row group of them within the memory it has: then parts are sorted that are small enough, and row groups end by their bytes.
 * @param rows SQL of a relation with the columns of an outcomes table, of which (requestId, candidate) is a key
 * @param columns SQL of what is written of each
 * @param out a file that is there already, whose rights stay
 * @returns how many rows there are
 */
export async function writeSorted(
  database: ScratchDatabase,
  connection: DuckDBConnection,
  rows: string,
  columns: string,
  out: string,
): Promise<number> {
  const bytes = TEXTS.map((text) => `coalesce(strlen("${text}"), 0)`).join(' + ');
  const sums = await connection.runAndReadAll(`SELECT count(*), sum(${bytes})::DOUBLE FROM (${rows})`);
  const [count, total] = sums.getRows()[0].map(Number);
  const mean = total / Math.max(1, count);
  const memory = database.memoryLimitMb * 1e6;
  if (mean <= database.longRowBytes) {
    const most = (memory * GROUP_SHARE) / database.threads / Math.max(1, mean);
    const groupRows = Math.min(MOST_GROUP_ROWS, Math.max(1, Math.floor(most / VECTOR_ROWS)) * VECTOR_ROWS);
    await connection.run(`COPY (SELECT ${columns} FROM (${rows}) ORDER BY "requestId", candidate)
      TO ${quoteText(out)} (${ZSTD}, ROW_GROUP_SIZE ${groupRows})`);
    return count;
  }
  const parts = await sortedParts(database, connection, rows, {
    bytes,
    columns,
    most: memory * SORTED_SHARE,
  });
  // On one thread rows stay in the order of the parts, although DuckDB then does not promise it.
  await connection.run('SET GLOBAL threads = 1; SET preserve_insertion_order = false');
  try {
    const files = parts.map(quotePath).join(', ');
    const group = Math.floor(Math.min(memory * GROUP_SHARE, 2 ** 26));
    await connection.run(`COPY (SELECT * FROM read_parquet([${files}], hive_partitioning = false))
      TO ${quoteText(out)} (${ZSTD}, ROW_GROUP_SIZE_BYTES ${group})`);
  } finally {
    await connection.run(`SET GLOBAL threads = ${database.threads}; SET preserve_insertion_order = true`);
    for (const part of parts) await rm(part, { force: true });
  }
  return count;
}

/** Files of rows that follow each other, none of more bytes than `most` where no single row has more. */
async function sortedParts(
  database: ScratchDatabase,
  connection: DuckDBConnection,
  rows: string,
  { bytes, columns, most }: { readonly bytes: string; readonly columns: string; readonly most: number },
): Promise<string[]> {
  const files: string[] = [];
  await connection.run('SET GLOBAL threads = 1');
  try {
    // Whole requests: the ends of a part are ids.
    const ends = await connection.runAndReadAll(`SELECT min(id), max(id) FROM (
        SELECT id, floor(sum(size) OVER (ORDER BY id) / ${most}) AS part FROM (
          SELECT "requestId" AS id, sum(${bytes})::DOUBLE AS size FROM (${rows}) GROUP BY id))
      GROUP BY part ORDER BY part`);
    for (const [part, [lowest, highest]] of ends.getRows().entries()) {
      const file = join(database.folder, `part-${part}.parquet`);
      await connection.run(
        `COPY (SELECT ${columns} FROM (${rows}) WHERE "requestId" BETWEEN $lowest AND $highest ORDER BY "requestId", candidate)
          TO ${quoteText(file)} (FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE ${VECTOR_ROWS})`,
        { lowest, highest } as Record<string, DuckDBValue>,
      );
      files.push(file);
    }
  } finally {
    await connection.run(`SET GLOBAL threads = ${database.threads}`);
  }
  return files;
}
