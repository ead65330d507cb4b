import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { blobValue, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import type { Prices } from '../../outcomes/amounts.ts';
import {
  ANSWER_FIELDS,
  columnOf,
  OUTCOME_FIELDS,
  type OutcomeField,
  REASONS,
  WORD_FIELDS,
} from '../../outcomes/outcome.ts';
import {
  isText,
  jsonStructure,
  quotePath,
  quoteText,
  type ScratchDatabase,
  unquoted,
  VECTOR_ROWS,
} from '../../work/scratch-database.ts';
import { LOG_REASONS } from '../record/format.ts';
import { embeddedJson, type FieldSettings, judgedRows } from './fields.ts';
import { PathReader, RESPONSE_SUFFIX, type SourceLayout } from './layout.ts';

/** In front of a document that a reader already turned down: what follows is one of `REASONS`. */
export const REFUSED_MARK = '\u0001';

const COST_SUFFIX = '|total_cost';

/**
 * SQL that takes JSON documents apart into raw fields.
 * @param documents SQL of a relation with `line` and `doc`, a JSON text or a refused mark.
 * @returns SQL of a relation with `line`, `broken`, `absent` (a cell that says the candidate was not asked)
 * and `r_<field>`.
 */
export function rawRows(documents: string, layout: SourceLayout): string {
  const rowPaths = new PathReader([...layout.paths.values()].flat().concat(layout.cells ?? []));
  const inRow = (field: OutcomeField): string => `${rawField(rowPaths, layout, field)} AS r_${field}`;
  const parsed = `SELECT line, CASE WHEN starts_with(doc, '${REFUSED_MARK}') THEN NULL
      ELSE TRY(${rowPaths.read('doc')}) END AS x, doc FROM (${documents})`;
  const known = `${[...Object.values(REASONS), ...Object.values(LOG_REASONS)].map(quoteText).join(', ')}`;
  // What is costly on long documents stays behind a CASE that good documents never pass.
  const broken = `CASE WHEN x IS NULL THEN
      CASE WHEN starts_with(doc, '${REFUSED_MARK}') AND (substring(doc, 2) IN (${known})
          OR starts_with(substring(doc, 2), ${quoteText(LOG_REASONS.scoreLabel)})) THEN substring(doc, 2)
        WHEN trim(doc, ' \t\r') = 'null' THEN ${quoteText(REASONS.notObject)} ELSE ${quoteText(REASONS.notJson)} END
      WHEN NOT starts_with(doc, '{') THEN
        CASE WHEN NOT starts_with(ltrim(doc, ' \t\r'), '{') THEN ${quoteText(REASONS.notObject)} END END`;
  if (layout.form === 'long') {
    return `SELECT line, ${broken} AS broken, false AS absent, ${OUTCOME_FIELDS.map(inRow).join(', ')} FROM (${parsed})`;
  }
  const rowFields = OUTCOME_FIELDS.filter((field) => columnOf(field).of === 'request');
  const cells = rowPaths.firstGiven('x', layout.cells === null ? [] : [layout.cells]);
  const columns = rowFields.map((field) => `r_${field}`).join(', ');
  const candidate = rowPaths.firstGiven('x', layout.paths.get('candidate'));
  const opened = `SELECT line, broken, ${columns}, CASE WHEN broken IS NULL THEN ${CELL_LISTS[layout.form]} END AS cells FROM (
    SELECT line, ${broken} AS broken, ${rowFields.map(inRow).join(', ')}, doc, ${candidate} AS own,
      ${layout.form === 'wide' ? embeddedJson(cells) : 'doc'} AS o FROM (${parsed}))`;
  const cellPaths = new PathReader([...layout.cellPaths.values()].flat());
  const cellField = (field: OutcomeField): string => {
    const held = cellPaths.firstGiven('y', layout.cellPaths.get(field));
    // A cell may be the bare quality: {"outcomes": {"small": 1, "large": 0.5}}.
    const bare = field === 'quality' ? `nullif(cell, 'null')` : 'NULL';
    return `CASE WHEN starts_with(cell, '{') THEN ${held} ELSE ${bare} END AS r_${field}`;
  };
  const fields = ANSWER_FIELDS.map(cellField).join(', ');
  const spread = `SELECT line, broken, ${columns}, unnest(CASE WHEN len(cells) > 0 THEN cells
      ELSE [{name: NULL::VARCHAR, cell: NULL::VARCHAR}] END, recursive := true) FROM (${opened})`;
  return `SELECT line, coalesce(broken, CASE WHEN name IS NULL THEN ${quoteText(REASONS.noCandidates)} END) AS broken,
    name IS NOT NULL AND broken IS NULL AND coalesce(cell, 'null') = 'null' AS absent, ${columns}, to_json(name)::VARCHAR AS r_candidate, ${fields}
    FROM (SELECT *, CASE WHEN starts_with(cell, '{') THEN ${cellPaths.read('cell')} END AS y FROM (${spread}))`;
}

/**
 * Lists of {name, cell}, from the columns `o` (what holds the cells), `own` (the row's own candidate) and `doc`: cells are
 * raw JSON. A row of long form among wide ones is its own cell.
 */
const CELL_LISTS = {
  wide: `CASE WHEN starts_with(o, '{')
      THEN list_transform(map_entries(TRY_CAST(CASE WHEN starts_with(o, '{') THEN o END::JSON AS MAP(VARCHAR, JSON))), lambda e: {name: e.key, cell: e.value::VARCHAR})
    WHEN own IS NOT NULL THEN [{name: ${label('own')}, cell: ltrim(doc, ' \t\r')}] END`,
  paired: `list_transform(list_filter(map_entries(TRY_CAST(o::JSON AS MAP(VARCHAR, JSON))), lambda e: ${costOf('e.key')} IS NOT NULL), lambda e: {name: e.key,
      cell: CASE WHEN e.value::VARCHAR = 'null' AND ${costOf('e.key')} = 'null' THEN 'null'
        ELSE '{"quality":' || e.value::VARCHAR || ',"costUsd":' || ${costOf('e.key')}
          || coalesce(',"answer":' || ${beside('e.key', RESPONSE_SUFFIX)}, '') || '}' END})`,
} as const;

/** SQL of a field of the values `x` that `paths` read. Where there are no ids, the same prompt is the same request, whoever answered it. */
export function rawField(paths: PathReader, layout: SourceLayout, field: OutcomeField): string {
  const given = (name: OutcomeField): string => paths.firstGiven('x', layout.paths.get(name));
  if (field !== 'requestId' || layout.idsOfPrompts !== true) return given(field);
  // What lacks a prompt is refused for that.
  const prompt = `coalesce(${given('messages')}, ${given('text')}, ${given('promptHash')}, '')`;
  return `'"prompt-' || substring(sha256(${prompt}), 1, 32) || '"'`;
}

function label(raw: string): string {
  return `CASE WHEN ${isText(raw)} THEN ${unquoted(raw)} ELSE ${raw} END`;
}

function costOf(name: string): string {
  return beside(name, COST_SUFFIX);
}

function beside(name: string, suffix: string): string {
  return `json_extract(o, '$."' || replace(${name}, '"', '\\"') || '${suffix}"')::VARCHAR`;
}

export const STAGED_COLUMNS = OUTCOME_FIELDS.map((field) => `"${field}"`).join(', ');

/** Number of the file that rows of the table that is appended to come from. */
export const EXISTING = -1;

/** In the place of a reason: the prompt is still to be read. */
export const UNREAD = '\u0001unread';
export const USABLE = 'reason IS NULL AND NOT absent';

/** Whether a relation, by its SQL, has any row. Most tables lack most of what is looked for: to know that is cheap. */
export async function hasRows(
  connection: DuckDBConnection,
  relation: string,
  where = 'true',
): Promise<boolean> {
  const found = await connection.runAndReadAll(`SELECT 1 FROM ${relation} WHERE ${where} LIMIT 1`);
  return found.currentRowCount > 0;
}

/**
 * One row per row read; `reason` is null where it can be used, and `absent` marks cells that are no rows. `rating` is what was
 * given as quality where it is no number.
 */
export const CREATE_STAGED = `CREATE TABLE staged (file INTEGER, line BIGINT, reason VARCHAR, absent BOOLEAN, derived BOOLEAN,
  ${OUTCOME_FIELDS.map((field) => `"${field}" ${columnOf(field).type}`).join(', ')}, rating VARCHAR)`;
export const CREATE_PRICES = 'CREATE TABLE prices (name VARCHAR, input DOUBLE, output DOUBLE)';

/**
 * Files whose lines count no blank ones. Where `row` is given, rows have no `line` yet: they follow each other in the
 * file and here, from `row` on.
 */
export const CREATE_FIRST_ROWS = 'CREATE TABLE first_rows (file INTEGER, row BIGINT)';

/** How rows are judged, beside what they say. */
export interface ValidateOptions extends FieldSettings {
  /** For rows with tokens and no cost. @default {} */
  readonly prices?: Prices;
}

/**
 * Where log rows become outcomes: SQL that judges raw rows, and puts each into a table as an outcome or with the reason why it is
 * none.
 *
 * @param raw SQL of raw rows, as `rawRows` gives them.
 * @param into a table with the columns of `staged`
 */
export function insertValid(
  raw: string,
  fileIndex: number,
  settings: ValidateOptions = {},
  into = 'staged',
): string {
  const { prices = {} } = settings;
  const entries = Object.entries(prices).map(
    ([name, { inputPricePerMillionTokens: input, outputPricePerMillionTokens: output }]) =>
      `${quoteText(name)}: {input: ${input}::DOUBLE, output: ${output}::DOUBLE}`,
  );
  // A lookup and no join: joined rows do not come in the order of their file, which their lines are counted by.
  const price =
    entries.length === 0
      ? 'NULL::DOUBLE'
      : // A failed call has no cost, whatever it counted.
        `CASE WHEN NOT contains(metadata, '"failed"') OR json_extract_string(metadata, '$.failed') IS DISTINCT FROM 'true'
          THEN (inputTokens * MAP {${entries.join(', ')}}[candidate].input + outputTokens * MAP {${entries.join(', ')}}[candidate].output) / 1e6 END`;
  const isDerived = `costUsd IS NULL AND ${price} IS NOT NULL`;
  const values: Partial<Record<OutcomeField, string>> = {
    costUsd: `coalesce(costUsd, ${price})`,
    // So that it can be computed again when prices have changed.
    metadata: `CASE WHEN ${isDerived} THEN json_merge_patch(metadata, '{"costSource":"computed"}') ELSE metadata END`,
  };
  const columns = OUTCOME_FIELDS.map((field) => values[field] ?? `"${field}"`);
  return `INSERT INTO ${into} SELECT ${fileIndex}, line, reason, absent, ${isDerived}, ${columns.join(', ')}, rating
    FROM (${judgedRows(raw, settings)})`;
}

/** Rows that are held in memory at a time, and bytes of them. */
const MOST_ROWS = 2000;
const MOST_BYTES = 8 * 2 ** 20;

/** Longer rows than this on average are written anew: what an update changes DuckDB must hold in memory. */
const LONG_ROW_BYTES = 4096;

interface RewriteOptions {
  /** Which rows, in SQL. @default the new ones that can be used */
  readonly where?: string;
  /** With the columns of `staged`. @default 'staged' */
  readonly table?: string;
  readonly onProgress?: (done: number, total: number) => void;
  /** Whether rows are written anew however short they are: where much is written of each. @default false */
  readonly anew?: boolean;
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
  options: RewriteOptions = {},
): Promise<void> {
  const { anew = false, where = `${USABLE} AND file <> ${EXISTING}`, table = 'staged' } = options;
  const { onProgress = () => {} } = options;
  const rows = async (query: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(query)).getRows();
  const [[lowest, highest]] = await rows(`SELECT min(rowid), max(rowid) FROM ${table} WHERE ${where}`);
  if (highest === null) return;
  const total = Number(highest) + 1;
  const columns = Object.keys(write);
  const structure = jsonStructure({ at: 'BIGINT', ...write });
  await connection.run(
    `CREATE TEMP TABLE rewritten ("at" BIGINT, ${columns.map((name) => `"${name}" ${write[name]}`).join(', ')})`,
  );
  let hasAnew = false;
  // Few at first: how long they are is not known yet.
  for (let [from, size] = [Number(lowest), 50]; from < total; ) {
    onProgress(from, total);
    const found = await rows(`SELECT rowid, ${read.map((name) => `"${name}"`).join(', ')} FROM ${table}
      WHERE rowid >= ${from} AND rowid < ${from + size} AND ${where} ORDER BY rowid`);
    from += size;
    const made = await rewrite(found.map(([, ...values]) => values as (string | null)[]));
    const lines = made.flatMap((values, i) =>
      values === null ? [] : [JSON.stringify({ at: Number(found[i][0]), ...values })],
    );
    const bytes = lengthOf(found) + lines.reduce((sum, line) => sum + line.length, 0);
    size = Math.max(1, Math.min(MOST_ROWS, 4 * size, Math.floor((size * MOST_BYTES) / Math.max(1, bytes))));
    if (lines.length === 0) continue;
    await connection.run(
      `INSERT INTO rewritten SELECT unnest(json_transform(line, ${structure}))
        FROM (SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS line)`,
      { bytes: blobValue(Buffer.from(lines.join('\n'))) },
    );
    if (!anew && bytes <= LONG_ROW_BYTES * lines.length) continue;
    await writeAnew(connection, table, columns, [Number(found[0][0]), from]);
    hasAnew = true;
  }
  onProgress(total, total);
  const assignments = columns.map((name) => `"${name}" = rewritten."${name}"`).join(', ');
  await connection.run(
    `UPDATE ${table} SET ${assignments} FROM rewritten WHERE ${table}.rowid = rewritten."at"`,
  );
  await connection.run('DROP TABLE rewritten');
  if (hasAnew) await replaceRows(connection, table);
}

function lengthOf(rows: readonly (readonly DuckDBValue[])[]): number {
  let length = 0;
  for (const row of rows) for (const value of row) if (typeof value === 'string') length += value.length;
  return length;
}

/** Gives rows whose lines are known by their places alone their lines: before these places change. */
export async function numberRows(connection: DuckDBConnection): Promise<void> {
  await connection.run(`UPDATE staged SET line = staged.rowid - first_rows.row + 1 FROM first_rows
    WHERE staged.file = first_rows.file AND first_rows.row IS NOT NULL AND line IS NULL`);
  await connection.run('UPDATE first_rows SET row = NULL WHERE row IS NOT NULL');
}

/**
 * Notes the rows that those of `rewritten` are to become. None is put into the table yet: rows that are taken out of it may
 * change the places of all others.
 *
 * @param range places from the first to before the last
 */
async function writeAnew(
  connection: DuckDBConnection,
  table: string,
  columns: readonly string[],
  [from, to]: readonly [number, number],
): Promise<void> {
  const replaced = columns.map((name) => `r."${name}" AS "${name}"`).join(', ');
  const anew = `SELECT t.* REPLACE (${replaced}), r."at" AS place FROM ${table} AS t JOIN rewritten AS r ON t.rowid = r."at"
    WHERE t.rowid >= ${from} AND t.rowid < ${to}`;
  await connection.run(`CREATE TEMP TABLE IF NOT EXISTS anew AS FROM (${anew}) LIMIT 0`);
  await connection.run(`INSERT INTO anew FROM (${anew}) ORDER BY place; DELETE FROM rewritten`);
}

const ROWS_AT_ONCE = 8192;

/** Puts the rows of `anew` in the place of those that they were made of, behind all others. */
async function replaceRows(connection: DuckDBConnection, table: string): Promise<void> {
  if (table === 'staged') {
    await connection.run(`UPDATE anew SET line = place - first_rows.row + 1 FROM first_rows
      WHERE anew.file = first_rows.file AND first_rows.row IS NOT NULL AND line IS NULL`);
    await numberRows(connection);
  }
  await connection.run(`DELETE FROM ${table} WHERE rowid IN (SELECT place FROM anew)`);
  const ends = await connection.runAndReadAll('SELECT min(place), max(place) FROM anew');
  const [lowest, highest] = ends.getRows()[0].map(Number);
  // All at once they would be sorted, and held until they are written.
  for (let from = lowest; from <= highest; from += ROWS_AT_ONCE)
    await connection.run(`INSERT INTO ${table} SELECT * EXCLUDE (place) FROM anew
      WHERE place >= ${from} AND place < ${from + ROWS_AT_ONCE} ORDER BY place`);
  await connection.run('DROP TABLE anew');
}

const ZSTD = 'FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, USE_TMP_FILE false';

/** Columns of many numbers, and what one of them takes at most. */
const LIST_FIELDS = OUTCOME_FIELDS.filter((field) => columnOf(field).type.endsWith('[]'));
const NUMBER_BYTES = 8;

/** Of the memory, a part of the rows that are sorted at a time, and a row group, may be so much. */
const SORTED_SHARE = 1 / 8;
const GROUP_SHARE = 1 / 16;
const MOST_GROUP_ROWS = 60 * VECTOR_ROWS;

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
  const lists = LIST_FIELDS.map((list) => `${NUMBER_BYTES} * coalesce(len("${list}"), 0)`);
  const bytes = WORD_FIELDS.map((text) => `coalesce(strlen("${text}"), 0)`)
    .concat(lists)
    .join(' + ');
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
