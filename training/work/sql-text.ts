/** A SQL string literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A path as a pattern that fits it alone, whatever `*`, `?` and `[` it holds. */
export function escapePattern(path: string): string {
  return path.replace(/[[*?]/g, '[$&]');
}

/** A path as DuckDB's readers take it, which would read what looks like a pattern as one. */
export function quotePath(path: string): string {
  return quoteText(escapePattern(path));
}

/**
 * SQL that reads one Parquet file. Its path is a name, even where it looks like a pattern (`z[1].parquet`), and no
 * folder of it adds a column (`candidate=small/`).
 */
export function parquetFile(path: string, options = ''): string {
  return `read_parquet(${quotePath(path)}, hive_partitioning = false${options})`;
}

/** Whether the raw JSON text in column `raw` is a string. */
export function isText(raw: string): string {
  return `starts_with(${raw}, '"')`;
}

/** The value of a JSON string. Few hold a backslash, and only those need the JSON parser. */
export function unquoted(raw: string): string {
  return `CASE WHEN contains(${raw}, '\\') THEN json_extract_string(${raw}, '$')
    ELSE substring(${raw}, 2, length(${raw}) - 2) END`;
}

/** Columns with their types, as `json_transform` takes them. */
export function jsonStructure(columns: Readonly<Record<string, string>>): string {
  const types = Object.entries(columns).map(([name, type]) => [
    name,
    type.endsWith('[]') ? [type.slice(0, -2)] : type,
  ]);
  return quoteText(JSON.stringify(Object.fromEntries(types)));
}
