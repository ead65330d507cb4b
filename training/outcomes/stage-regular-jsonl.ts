import type { DuckDBConnection } from '@duckdb/node-api';
import type { SeenNames } from '../ingest/sql/layout.ts';
import { rawField } from '../ingest/sql/rows.ts';
import { OUTCOME_FIELDS } from './outcome-fields.ts';
import { PathReader } from './path-reader.ts';
import type { SourceFile } from './source-files.ts';
import type { SourceLayout } from './source-layout.ts';
import { quotePath, quoteText } from './sql-text.ts';
import { insertJudged, type JudgeSettings } from './staged-table.ts';

const PROGRESS_MS = 200;

interface StageRegularOptions extends JudgeSettings {
  readonly fileIndex: number;
  readonly onBytes: (bytes: number) => void;
}

/** How to read a JSONL file of nothing but objects, from the keys of all of them; null when it is none. */
export async function regularLayout(
  connection: DuckDBConnection,
  source: SourceFile,
  seen: SeenNames,
): Promise<SourceLayout | null> {
  try {
    await seen.add(
      connection,
      `SELECT json AS doc FROM read_json_objects(${quotePath(source.path)}, format = 'newline_delimited', hive_partitioning = false)`,
    );
    return seen.layout();
  } catch {
    return null;
  }
}

/**
 * The fast way for a JSONL file in long form that holds nothing but objects: DuckDB's own reader, which stops at the
 * first line that is broken, not UTF-8, or no object. Rows get their lines later, from the order they come in.
 * (A line `null` reads as an empty object, and is turned down as one.)
 * @returns false when the file must be read line by line; then nothing of it is staged.
 */
export async function stageRegularJsonl(
  connection: DuckDBConnection,
  source: SourceFile,
  layout: SourceLayout,
  options: StageRegularOptions,
): Promise<boolean> {
  const paths = new PathReader([...layout.paths.values()].flat());
  if (layout.form !== 'long' || paths.keys === null) return false;
  const columns = paths.keys.map((key) => `${quoteText(key)}: 'JSON'`).join(', ');
  const values = `{${paths.keys.map((key) => `${quoteText(key)}: "${key}"`).join(', ')}}`;
  const fields = OUTCOME_FIELDS.map((field) => `${rawField(paths, layout, field)} AS r_${field}`);
  const raw = `SELECT NULL::BIGINT AS line, NULL::VARCHAR AS broken, false AS absent, ${fields.join(', ')}
    FROM (SELECT ${values} AS x FROM read_json(${quotePath(source.path)}, hive_partitioning = false, format = 'newline_delimited', records = true, columns = {${columns}}))`;
  return stageRegular(connection, source, raw, options);
}

/**
 * Inserts what DuckDB's own reader makes of a file, all of it or nothing.
 * @param raw SQL of raw rows, in the order of the file and without `line`.
 * @returns false when the file must be read line by line.
 */
export async function stageRegular(
  connection: DuckDBConnection,
  source: SourceFile,
  raw: string,
  options: StageRegularOptions,
): Promise<boolean> {
  let told = 0;
  const tell = (): void => {
    const read = Math.max(told, (connection.progress.percentage / 100) * source.bytes);
    options.onBytes(read - told);
    told = read;
  };
  const timer = setInterval(tell, PROGRESS_MS);
  try {
    const { fileIndex } = options;
    await connection.run('SET enable_progress_bar = true; SET enable_progress_bar_print = false');
    await connection.run(insertJudged(raw, fileIndex, options));
    // Rows that were there before may have gone, and leave their places.
    await connection.run(
      `INSERT INTO first_rows SELECT ${fileIndex}, min(rowid) FROM staged WHERE file = ${fileIndex}`,
    );
    options.onBytes(source.bytes - told);
    return true;
  } catch {
    // Reading line by line says what was wrong, and where.
    options.onBytes(-told);
    return false;
  } finally {
    clearInterval(timer);
  }
}
