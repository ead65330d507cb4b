/** A SQL string literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
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
