import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { COLUMN_ALIASES } from './column-aliases.ts';
import { jsonPath } from './json-path.ts';
import { embeddedJson } from './json-sql.ts';
import { CELL_FIELDS, OUTCOME_FIELDS, type OutcomeField } from './outcome-fields.ts';
import type { SourceLayout } from './source-layout.ts';
import { quoteText } from './sql-text.ts';

/** `outcomes` beside our own fields: where the cells of the wide form are. */
export type MapTarget = OutcomeField | 'outcomes';
const COST_SUFFIX = '|total_cost';

/**
 * Looks at the first documents of a file and decides how to read all of it.
 * @param documents SQL of a relation with `doc`; broken documents are passed over.
 * @param values bound to the parameters of `documents`.
 * @param map the user's own names: field to column, or to a path with dots.
 */
export async function detectLayout(
  connection: DuckDBConnection,
  documents: string,
  values: Record<string, DuckDBValue>,
  map: Readonly<Partial<Record<MapTarget, string>>>,
): Promise<SourceLayout> {
  const objects = `SELECT doc FROM (${documents}) WHERE json_valid(doc) AND json_type(doc) = 'OBJECT'`;
  const list = async (query: string): Promise<string[]> => {
    const reader = await connection.runAndReadAll(query, values);
    return reader.getRows().map((row) => String(row[0]));
  };
  const columns = await list(
    `SELECT DISTINCT key FROM (SELECT unnest(json_keys(doc)) AS key FROM (${objects})) ORDER BY key`,
  );
  const has = (column: string): boolean => columns.includes(column);
  const hasPath = async (path: string): Promise<boolean> =>
    (await list(`SELECT 1 FROM (${objects}) WHERE json_extract(doc, ${quoteText(path)}) IS NOT NULL LIMIT 1`))
      .length > 0;
  const mapped: MapTarget[] = [];
  for (const [target, column] of Object.entries(map) as [MapTarget, string][]) {
    if (has(column) || (await hasPath(jsonPath(column, columns)))) mapped.push(target);
  }
  const used = new Set<string>();
  const aliases: Partial<Record<OutcomeField, readonly string[]>> = {};
  const find = (field: OutcomeField, among: readonly string[], path: (name: string) => string): string[] => {
    const own = map[field];
    const names = own === undefined ? COLUMN_ALIASES[field].filter((name) => among.includes(name)) : [own];
    for (const name of names) used.add(among.includes(name) ? name : name.split('.')[0]);
    const foreign = names.filter((name) => name !== field && (own === undefined || mapped.includes(field)));
    if (foreign.length > 0) aliases[field] = [...new Set([...(aliases[field] ?? []), ...foreign])];
    return names.map(path);
  };

  const cellColumn = map.outcomes ?? 'outcomes';
  const cells = jsonPath(cellColumn, columns);
  const cellJson = embeddedJson('raw');
  const entries = `SELECT unnest(map_entries(TRY_CAST(o::JSON AS MAP(VARCHAR, JSON)))) AS entry FROM (
    SELECT ${cellJson} AS o FROM (SELECT json_extract(doc, ${quoteText(cells)})::VARCHAR AS raw FROM (${objects}))) WHERE starts_with(o, '{')`;
  const cellNames = await list(`SELECT DISTINCT entry.key FROM (${entries})`);
  const pairs = columns.filter((column) => has(column + COST_SUFFIX));
  const form = cellNames.length > 0 ? 'wide' : pairs.length > 0 && !has('candidate') ? 'paired' : 'long';

  const inCell = (field: OutcomeField): boolean => (CELL_FIELDS as readonly OutcomeField[]).includes(field);
  const rowFields = OUTCOME_FIELDS.filter(
    (field) => form === 'long' || (!inCell(field) && field !== 'candidate'),
  );
  const paths = new Map(
    rowFields.map((field) => [field, find(field, columns, (name) => jsonPath(name, columns))]),
  );
  const cellPaths = new Map<OutcomeField, string[]>();
  if (form === 'wide') {
    used.add(cellColumn.split('.')[0]).add(cellColumn);
    const keys = await list(
      `SELECT DISTINCT unnest(json_keys(entry.value)) FROM (${entries}) WHERE json_type(entry.value) = 'OBJECT'`,
    );
    for (const field of CELL_FIELDS)
      cellPaths.set(
        field,
        find(field, keys, (name) => jsonPath(name, keys)),
      );
  } else if (form === 'paired') {
    for (const field of ['quality', 'costUsd'] as const) cellPaths.set(field, [`$."${field}"`]);
    for (const pair of pairs)
      for (const column of columns) if (column === pair || column.startsWith(`${pair}|`)) used.add(column);
  }
  return {
    form,
    paths,
    cellPaths,
    cells: form === 'wide' ? cells : null,
    aliases,
    columns,
    ignoredColumns: columns.filter((column) => !used.has(column)),
    mapped,
  };
}
