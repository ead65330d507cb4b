/** A SQL string literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * SQL that reads one Parquet file. Its path is a name, even where it looks like a pattern (`z[1].parquet`), and no
 * folder of it adds a column (`candidate=small/`).
 */
export function parquetFile(path: string, options = ''): string {
  const name = path.replace(/[[*?]/g, '[$&]');
  return `read_parquet(${quoteText(name)}, hive_partitioning = false${options})`;
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
