import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { ANSWER_FIELDS, columnOf, OUTCOME_FIELDS, type OutcomeField } from '../../outcomes/outcome.ts';
import { quoteText } from '../../work/scratch-database.ts';
import { embeddedJson } from './fields.ts';

/** `outcomes` beside our own fields: where the cells of the wide form are. */
export type MapTarget = OutcomeField | 'outcomes';

/** The user's own names: field to column, or to a path with dots. */
export type ColumnMap = Readonly<Partial<Record<MapTarget, string>>>;

const COST_SUFFIX = '|total_cost';

/** Of what RouterBench's candidates said, beside their qualities and costs. */
export const RESPONSE_SUFFIX = '|model_response';

/** Beyond so many names, those that mean nothing to us are no longer noted. */
const MOST_NAMES = 10_000;
const KNOWN_NAMES = new Set(OUTCOME_FIELDS.flatMap((field) => columnOf(field).aliases));

/** The names of some documents of a file, as JSON. */
export interface NamesSeen {
  readonly columns: readonly string[];
  readonly cellKeys: readonly string[];
  readonly mapped: readonly MapTarget[];
  readonly hasCells: boolean;
}

/** What documents of a file hold, gathered from all of them before it is said how to read them. */
export class SeenNames {
  readonly #map: ColumnMap;
  readonly #columns = new Set<string>();
  /** Names inside the cells of the wide form. */
  readonly #cellKeys = new Set<string>();
  readonly #mapped = new Set<MapTarget>();
  #hasCells = false;
  #isComplete = false;

  constructor(map: ColumnMap) {
    this.#map = map;
  }

  /** Of a file whose parts have been looked at, each by itself: what is added later is known already. */
  static ofParts(map: ColumnMap, parts: readonly NamesSeen[]): SeenNames {
    const seen = new SeenNames(map);
    for (const part of parts) {
      seen.addColumns(part.columns);
      for (const key of part.cellKeys) note(seen.#cellKeys, key);
      for (const target of part.mapped) seen.#mapped.add(target);
      seen.#hasCells ||= part.hasCells;
    }
    seen.#isComplete = true;
    return seen;
  }

  seen(): NamesSeen {
    return {
      columns: [...this.#columns].sort(),
      cellKeys: [...this.#cellKeys].sort(),
      mapped: [...this.#mapped].sort(),
      hasCells: this.#hasCells,
    };
  }

  /**
   * Looks at more documents.
   * @param documents SQL of a relation with `doc`; broken documents are passed over.
   * @param values bound to the parameters of `documents`.
   */
  async add(
    connection: DuckDBConnection,
    documents: string,
    values: Record<string, DuckDBValue> = {},
  ): Promise<void> {
    if (this.#isComplete) return;
    // Most documents of a file have the same keys, so that what is taken apart are a few lists of them.
    const keys = `SELECT DISTINCT TRY(json_keys(doc)) AS keys FROM (${documents})`;
    this.addColumns(
      await namesIn(connection, `SELECT DISTINCT unnest(keys) FROM (${keys}) WHERE len(keys) > 0`, values),
    );
    await this.addInside(connection, documents, values);
  }

  /** Looks for what lies inside of the columns of documents. */
  async addInside(
    connection: DuckDBConnection,
    documents: string,
    values: Record<string, DuckDBValue> = {},
  ): Promise<void> {
    const list = (query: string): Promise<string[]> => namesIn(connection, query, values);
    const objects = `SELECT doc FROM (${documents}) WHERE json_valid(doc) AND json_type(doc) = 'OBJECT'`;
    for (const [target, column] of Object.entries(this.#map) as [MapTarget, string][]) {
      if (this.#mapped.has(target) || this.#columns.has(column) || !column.includes('.')) continue;
      const path = quoteText(this.#path(column));
      const found = await list(
        `SELECT 1 FROM (${objects}) WHERE json_extract(doc, ${path}) IS NOT NULL LIMIT 1`,
      );
      if (found.length > 0) this.#mapped.add(target);
    }
    if (!this.#columns.has(this.#cellColumn.split('.')[0]) && !this.#columns.has(this.#cellColumn)) return;
    const cells = `json_extract(doc, ${quoteText(this.#path(this.#cellColumn))})::VARCHAR`;
    const entries = `SELECT unnest(map_entries(TRY_CAST(o::JSON AS MAP(VARCHAR, JSON)))) AS entry FROM (
      SELECT ${embeddedJson('raw')} AS o FROM (SELECT ${cells} AS raw FROM (${objects}))) WHERE starts_with(o, '{')`;
    this.#hasCells ||= (await list(`SELECT 1 FROM (${entries}) LIMIT 1`)).length > 0;
    if (!this.#hasCells) return;
    const inCells = await list(
      `SELECT DISTINCT unnest(json_keys(entry.value)) FROM (${entries}) WHERE json_type(entry.value) = 'OBJECT'`,
    );
    for (const key of inCells) note(this.#cellKeys, key);
  }

  addColumns(names: Iterable<string>): void {
    for (const name of names) note(this.#columns, name);
  }

  /** How to read a file whose documents are those that were looked at. */
  layout(): SourceLayout {
    const map = this.#map;
    const columns = [...this.#columns].sort();
    const has = (column: string): boolean => this.#columns.has(column);
    const isMapped = (target: MapTarget): boolean => this.#mapped.has(target) || has(map[target] ?? '');
    const used = new Set<string>();
    const aliases: Partial<Record<OutcomeField, readonly string[]>> = {};
    const find = (field: OutcomeField, among: ReadonlySet<string>): string[] => {
      const own = map[field];
      const names =
        own !== undefined
          ? [own]
          : isOtherPromptMapped(field, map)
            ? []
            : columnOf(field).aliases.filter((name) => among.has(name));
      for (const name of names) used.add(among.has(name) ? name : name.split('.')[0]);
      const foreign = names.filter((name) => name !== field && (own === undefined || isMapped(field)));
      if (foreign.length > 0) aliases[field] = [...new Set([...(aliases[field] ?? []), ...foreign])];
      return names.map((name) => jsonPath(name, [...among]));
    };

    const pairs = columns.filter((column) => has(column + COST_SUFFIX));
    const form = this.#hasCells ? 'wide' : pairs.length > 0 && !has('candidate') ? 'paired' : 'long';
    const inCell = (field: OutcomeField): boolean => columnOf(field).of === 'answer';
    const rowFields = OUTCOME_FIELDS.filter((field) =>
      form === 'paired' ? !inCell(field) && field !== 'candidate' : form === 'long' || !inCell(field),
    );
    const paths = new Map(rowFields.map((field) => [field, find(field, this.#columns)]));
    const cellPaths = new Map<OutcomeField, string[]>();
    if (form === 'wide') {
      used.add(this.#cellColumn.split('.')[0]).add(this.#cellColumn);
      // A row of long form among the others is its own cell.
      const isMixed = (paths.get('candidate') ?? []).length > 0;
      const keys = isMixed ? new Set([...this.#cellKeys, ...this.#columns]) : this.#cellKeys;
      for (const field of ANSWER_FIELDS) cellPaths.set(field, find(field, keys));
    } else if (form === 'paired') {
      const isAnswered = pairs.some((pair) => has(pair + RESPONSE_SUFFIX));
      for (const field of ['quality', 'costUsd', ...(isAnswered ? (['answer'] as const) : [])] as const)
        cellPaths.set(field, [`$."${field}"`]);
      for (const pair of pairs)
        for (const column of columns) if (column === pair || column.startsWith(`${pair}|`)) used.add(column);
    }
    const isGiven = (field: OutcomeField): boolean => (paths.get(field) ?? []).length > 0;
    return {
      form,
      idsOfPrompts: !isGiven('requestId') && (['text', 'messages', 'promptHash'] as const).some(isGiven),
      paths,
      cellPaths,
      cells: form === 'wide' ? this.#path(this.#cellColumn) : null,
      aliases,
      columns,
      ignoredColumns: columns.filter((column) => !used.has(column)),
      mapped: (Object.keys(map) as MapTarget[]).filter(isMapped),
    };
  }

  get #cellColumn(): string {
    return this.#map.outcomes ?? 'outcomes';
  }

  #path(name: string): string {
    return jsonPath(name, this.#columns.has(name) ? [name] : []);
  }
}

/** Who says where one form of the prompt is wants no other one, whatever columns are called like it. */
function isOtherPromptMapped(field: OutcomeField, map: ColumnMap): boolean {
  return (field === 'text' && map.messages !== undefined) || (field === 'messages' && map.text !== undefined);
}

async function namesIn(
  connection: DuckDBConnection,
  query: string,
  values: Record<string, DuckDBValue>,
): Promise<string[]> {
  return (await connection.runAndReadAll(query, values)).getRows().map((row) => String(row[0]));
}

function note(names: Set<string>, name: string): void {
  if (names.size < MOST_NAMES || KNOWN_NAMES.has(name) || name.endsWith(COST_SUFFIX)) names.add(name);
}

/**
 * A DuckDB JSON path for a column name: the name itself where a column is called so, else a path whose dots
 * go into objects and whose numbers go into lists (`messages.0.content`).
 */
function jsonPath(name: string, columns: readonly string[]): string {
  if (columns.includes(name) || !name.includes('.')) return `$${step(name)}`;
  return `$${name
    .split('.')
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : step(part)))
    .join('')}`;
}

function step(name: string): string {
  return `."${name.replaceAll('"', '\\"')}"`;
}

/** How one file carries outcomes: what is read for each field, and where the candidates are. */
export interface SourceLayout {
  /**
   * `long`: a row per (request, candidate). `wide`: a row per request with an object of cells by candidate.
   * `paired`: RouterBench's columns, `<candidate>` (quality) and `<candidate>|total_cost`.
   */
  readonly form: 'long' | 'wide' | 'paired';
  /** JSON paths to try in turn, by field. In wide form, those of the request. */
  readonly paths: ReadonlyMap<OutcomeField, readonly string[]>;
  /** JSON paths inside a cell of the wide form. */
  readonly cellPaths: ReadonlyMap<OutcomeField, readonly string[]>;
  /** JSON path of the object of cells. */
  readonly cells: string | null;
  /** Fields read under another name, and the names. */
  readonly aliases: Readonly<Partial<Record<OutcomeField, readonly string[]>>>;
  readonly columns: readonly string[];
  readonly ignoredColumns: readonly string[];
  /** Left-hand sides of the column map that this file has. */
  readonly mapped: readonly string[];
  /** Whether there is no column of ids, so that the rows of one prompt are one request. @default false */
  readonly idsOfPrompts?: boolean;
}

/** Fields that a row of the file may have. */
export function givenFields({ cellPaths, form, paths }: SourceLayout): ReadonlySet<OutcomeField> {
  const found = [...paths, ...cellPaths].flatMap(([field, at]) => (at.length > 0 ? [field] : []));
  // A cell may be the bare quality.
  return new Set(form === 'long' ? found : [...found, 'quality']);
}

const PLAIN = /^\$\."([^"\\]+)"$/;

/** SQL that reads several JSON paths of a document in one parse; each value is a raw JSON text. */
export class PathReader {
  readonly #paths: readonly string[];
  /** Keys of the document, where every path is one: reading them into a struct is the fastest there is. */
  readonly keys: readonly string[] | null;

  constructor(paths: Iterable<string>) {
    this.#paths = [...new Set(paths)];
    const keys = this.#paths.map((path) => PLAIN.exec(path)?.[1] ?? '');
    // Struct fields know no case, JSON keys do.
    const distinct = new Set(keys.map((key) => key.toLowerCase())).size === keys.length;
    this.keys = keys.length > 0 && distinct && !keys.includes('') ? keys : null;
  }

  /** The values of one document, to be given a name; an error on what is no JSON. */
  read(doc: string): string {
    if (this.keys !== null) {
      const fields = Object.fromEntries(this.keys.map((key) => [key, 'JSON']));
      return `json_transform(${doc}, ${quoteText(JSON.stringify(fields))})`;
    }
    const paths = this.#paths.length === 0 ? ['$.none'] : this.#paths;
    return `json_extract(${doc}, [${paths.map(quoteText).join(', ')}])::VARCHAR[]`;
  }

  /** The first given value (neither missing nor JSON null) among paths, from what `read` gave. */
  firstGiven(values: string, paths: readonly string[] = []): string {
    if (paths.length === 0) return 'NULL::VARCHAR';
    const given = paths.map((path) => {
      const place = this.#paths.indexOf(path) + 1;
      const value =
        this.keys === null ? `${values}[${place}]` : `struct_extract_at(${values}, ${place})::VARCHAR`;
      return `nullif(${value}, 'null')`;
    });
    return `coalesce(${given.join(', ')})`;
  }
}
