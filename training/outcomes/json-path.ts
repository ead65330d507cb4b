/**
 * A DuckDB JSON path for a column name: the name itself where a column is called so, else a path whose dots
 * go into objects and whose numbers go into lists (`messages.0.content`).
 */
export function jsonPath(name: string, columns: readonly string[]): string {
  if (columns.includes(name) || !name.includes('.')) return `$${step(name)}`;
  return `$${name
    .split('.')
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : step(part)))
    .join('')}`;
}

function step(name: string): string {
  return `."${name.replaceAll('"', '\\"')}"`;
}
