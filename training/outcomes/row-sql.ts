import { embeddedJson } from './json-sql.ts';
import { CELL_FIELDS, OUTCOME_FIELDS, type OutcomeField, REASONS } from './outcome-fields.ts';
import type { SourceLayout } from './source-layout.ts';
import { quoteText } from './sql-text.ts';

/** In front of a document that a reader already turned down: what follows is one of `REASONS`. */
export const REFUSED_MARK = '\u0001';

const COST_SUFFIX = '|total_cost';
const isCellField = (field: OutcomeField): boolean =>
  (CELL_FIELDS as readonly OutcomeField[]).includes(field);

/**
 * SQL that takes JSON documents apart into raw fields.
 * @param documents SQL of a relation with `line` and `doc`, a JSON text or a refused mark.
 * @returns SQL of a relation with `line`, `broken`, `absent` (a cell that says the candidate was not asked)
 * and `r_<field>`.
 */
export function rawRows(documents: string, layout: SourceLayout): string {
  const paths = new PathList();
  const inRow = new Map(
    OUTCOME_FIELDS.map((field) => [
      field,
      (layout.paths.get(field) ?? []).map((path) => paths.add('x', path)),
    ]),
  );
  const cells = layout.cells === null ? 'NULL' : paths.add('x', layout.cells);
  // One pass over each document: a list of paths is read in one parse, and TRY makes a broken one null.
  const parsed = `SELECT line, CASE WHEN starts_with(doc, '${REFUSED_MARK}') THEN NULL
      ELSE TRY(json_extract(doc, ${paths.list()})::VARCHAR[]) END AS x, doc FROM (${documents})`;
  const known = `${Object.values(REASONS).map(quoteText).join(', ')}`;
  // What is costly on long documents stays behind a CASE that good documents never pass.
  const broken = `CASE WHEN x IS NULL THEN
      CASE WHEN starts_with(doc, '${REFUSED_MARK}') AND substring(doc, 2) IN (${known}) THEN substring(doc, 2)
        ELSE ${quoteText(REASONS.notJson)} END
      WHEN NOT starts_with(doc, '{') THEN
        CASE WHEN NOT starts_with(ltrim(doc, ' \t\r'), '{') THEN ${quoteText(REASONS.notObject)} END END`;
  if (layout.form === 'long') {
    const fields = OUTCOME_FIELDS.map((field) => `${firstGiven(inRow.get(field))} AS r_${field}`);
    return `SELECT line, ${broken} AS broken, false AS absent, ${fields.join(', ')} FROM (${parsed})`;
  }
  const rowFields = OUTCOME_FIELDS.filter((field) => field !== 'candidate' && !isCellField(field));
  const row = rowFields.map((field) => `${firstGiven(inRow.get(field))} AS r_${field}`).join(', ');
  const columns = rowFields.map((field) => `r_${field}`).join(', ');
  const map = layout.form === 'wide' ? `CASE WHEN starts_with(o, '{') THEN o END` : 'o';
  const opened = `SELECT line, broken, ${columns}, CASE WHEN broken IS NULL THEN ${CELL_LISTS[layout.form](map)} END AS cells FROM (
    SELECT line, ${broken} AS broken, ${row}, ${layout.form === 'wide' ? embeddedJson(cells) : 'doc'} AS o FROM (${parsed}))`;
  const cellPaths = new PathList();
  const cellField = (field: OutcomeField): string => {
    const found = (layout.cellPaths.get(field) ?? []).map((path) => cellPaths.add('y', path));
    const value = `CASE WHEN starts_with(cell, '{') THEN ${firstGiven(found)} END`;
    // A cell may be the bare quality: {"outcomes": {"small": 1, "large": 0.5}}.
    return `${field === 'quality' ? `CASE WHEN starts_with(cell, '{') THEN ${firstGiven(found)} ELSE nullif(cell, 'null') END` : value} AS r_${field}`;
  };
  const fields = CELL_FIELDS.map(cellField).join(', ');
  const spread = `SELECT line, broken, ${columns}, unnest(CASE WHEN len(cells) > 0 THEN cells
      ELSE [{name: NULL::VARCHAR, cell: NULL::VARCHAR}] END, recursive := true) FROM (${opened})`;
  return `SELECT line, coalesce(broken, CASE WHEN name IS NULL THEN ${quoteText(REASONS.noCandidates)} END) AS broken,
    name IS NOT NULL AND broken IS NULL AND coalesce(cell, 'null') = 'null' AS absent, ${columns}, to_json(name)::VARCHAR AS r_candidate, ${fields}
    FROM (SELECT *, CASE WHEN starts_with(cell, '{') THEN json_extract(cell, ${cellPaths.list()})::VARCHAR[] END AS y FROM (${spread}))`;
}

/** Lists of {name, cell}: cells are raw JSON. */
const CELL_LISTS = {
  wide: (object: string): string =>
    `list_transform(map_entries(TRY_CAST(${object}::JSON AS MAP(VARCHAR, JSON))), lambda e: {name: e.key, cell: e.value::VARCHAR})`,
  paired: (object: string): string => {
    const map = `TRY_CAST(${object}::JSON AS MAP(VARCHAR, JSON))`;
    const cost = `json_extract(${object}, '$."' || replace(e.key, '"', '\\"') || '${COST_SUFFIX}"')::VARCHAR`;
    return `list_transform(list_filter(map_entries(${map}), lambda e: ${cost} IS NOT NULL), lambda e: {name: e.key,
      cell: CASE WHEN e.value::VARCHAR = 'null' AND ${cost} = 'null' THEN 'null'
        ELSE '{"quality":' || e.value::VARCHAR || ',"costUsd":' || ${cost} || '}' END})`;
  },
} as const;

function firstGiven(elements: readonly string[] | undefined): string {
  if (elements === undefined || elements.length === 0) return 'NULL::VARCHAR';
  return `coalesce(${elements.map((element) => `nullif(${element}, 'null')`).join(', ')})`;
}

/** Numbers JSON paths, so that all of them are read in one pass. */
class PathList {
  readonly #paths: string[] = [];

  add(column: string, path: string): string {
    if (!this.#paths.includes(path)) this.#paths.push(path);
    return `${column}[${this.#paths.indexOf(path) + 1}]`;
  }

  list(): string {
    return this.#paths.length === 0 ? `['$.none']` : `[${this.#paths.map(quoteText).join(', ')}]`;
  }
}
