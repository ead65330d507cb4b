import { blobValue, type DuckDBConnection } from '@duckdb/node-api';
import { AMOUNT_FIELDS, columnOf, OUTCOME_FIELDS, SAID_FIELDS } from '../outcomes/outcome.ts';
import { jsonStructure, type ScratchDatabase } from '../work/scratch-database.ts';
import { type LogMapping, mapLogBlock, SIDE_TABLES, type SideTable } from './formats/map-log.ts';
import { readDocuments } from './read/documents.ts';
import type { SourceFile, TextBlock } from './read/files.ts';
import { hasLongLines } from './read/json.ts';
import type { LogReader } from './record/format.ts';
import type { MapTarget, SourceLayout } from './sql/layout.ts';
import { insertValid, rawRows, type ValidateOptions } from './sql/rows.ts';
import { type StageBlocksOptions, stageBlocks, stageRegular } from './stage.ts';

/** Columns of what is joined to rows once all files are read, after those of `file`. */
const SIDES = {
  outcomes: {
    line: 'BIGINT',
    id: 'VARCHAR',
    candidate: 'VARCHAR',
    failed: 'BOOLEAN',
    ...Object.fromEntries(AMOUNT_FIELDS.map((field) => [field, columnOf(field).type])),
    costSource: 'VARCHAR',
    several: 'BOOLEAN',
    refused: 'VARCHAR[]',
    error: 'VARCHAR',
    ...Object.fromEntries(SAID_FIELDS.map((field) => [field, columnOf(field).type])),
    saidAt: 'VARCHAR',
  },
  scores: {
    line: 'BIGINT',
    of: 'VARCHAR',
    id: 'VARCHAR',
    candidate: 'VARCHAR',
    name: 'VARCHAR',
    value: 'DOUBLE',
    rating: 'VARCHAR',
    saidAt: 'VARCHAR',
  },
  prompts: {
    line: 'BIGINT',
    nth: 'INTEGER',
    id: 'VARCHAR',
    traceId: 'VARCHAR',
    row: 'VARCHAR',
    message: 'VARCHAR',
    answer: 'VARCHAR',
    saidAt: 'VARCHAR',
  },
  openCalls: {
    line: 'BIGINT',
    id: 'VARCHAR',
    traceId: 'VARCHAR',
    row: 'VARCHAR',
    own: 'VARCHAR',
  },
} as const satisfies Record<SideTable, Readonly<Record<string, string>>>;

export const CREATE_LOG_TABLES = [
  ...SIDE_TABLES.map((table) => {
    const columns = Object.entries(SIDES[table]).map(([name, type]) => `"${name}" ${type}`);
    return `CREATE TABLE "${table}" (file INTEGER, ${columns.join(', ')})`;
  }),
  'CREATE TABLE ignored_values (file INTEGER, line BIGINT, reason VARCHAR)',
];

/** How rows with canonical names are read. */
const CANONICAL: SourceLayout = {
  form: 'long',
  paths: new Map(OUTCOME_FIELDS.map((field) => [field, [`$."${field}"`]])),
  cellPaths: new Map(),
  cells: null,
  aliases: {},
  columns: [],
  ignoredColumns: [],
  mapped: [],
};

interface StageLogOptions extends Omit<StageBlocksOptions, 'numbered'>, LogMapping, ValidateOptions {
  readonly onBytes: (bytes: number) => void;
}

/**
 * Reads one file of a log: its calls into `staged`, each judged, and what is joined to them into tables of their own.
 * @returns how the file was read.
 */
export async function stageLog(
  database: ScratchDatabase,
  source: SourceFile,
  reader: LogReader,
  options: StageLogOptions,
): Promise<SourceLayout> {
  const whole = await stageWhole(database, source, reader, options);
  if (whole !== null) return { ...CANONICAL, mapped: whole };
  const side = await database.connect();
  const mapped = new Set<MapTarget>();
  async function* rows(): AsyncGenerator<TextBlock> {
    for await (const block of readDocuments(database, source, options.onBytes)) {
      const made = mapLogBlock(block, reader, { ...options, path: source.path });
      for (const target of made.mapped) mapped.add(target);
      for (const table of SIDE_TABLES) await insertSide(side, table, options.fileIndex, made[table]);
      if (made.rows.length > 0) yield { bytes: Buffer.from(made.rows.join('\n')), firstLine: 0 };
    }
  }
  try {
    await stageNumbered(database, rows(), options);
  } finally {
    side.closeSync();
  }
  return { ...CANONICAL, mapped: [...mapped] };
}

/** Judges documents with canonical names, numbered by their lines, whose scores are qualities and messages plain. */
export async function stageNumbered(
  database: ScratchDatabase,
  blocks: AsyncGenerator<TextBlock>,
  options: Omit<StageBlocksOptions, 'numbered'> & ValidateOptions,
): Promise<void> {
  const raw = rawRows('SELECT line, doc FROM documents', CANONICAL);
  const settings = { ...options, plainMessages: true };
  const judge = (table: string): string => insertValid(raw, options.fileIndex, settings, table);
  await stageBlocks(database, blocks, judge, { ...options, numbered: true });
}

/**
 * The fast way, for a regular file of a format that has it.
 * @returns the fields of `map` that a record had; null when the file must be read record by record.
 */
async function stageWhole(
  database: ScratchDatabase,
  source: SourceFile,
  reader: LogReader,
  options: StageLogOptions,
): Promise<MapTarget[] | null> {
  const { answers, failureQuality, inOrder, map } = options;
  const { regular } = reader;
  if (regular === undefined || source.format !== 'jsonl' || inOrder) return null;
  if (failureQuality !== null || ['outcomes', 'text', 'messages'].some((target) => target in map))
    return null;
  if (await hasLongLines(source.path, database.longRowBytes)) return null;
  const connection = await database.connect();
  try {
    if (
      !(await stageRegular(connection, source, regular.rows(source.path, map, answers), {
        ...options,
        plainMessages: true,
      }))
    )
      return null;
    const mapped: MapTarget[] = [];
    for (const [target, path] of Object.entries(map) as [MapTarget, string][]) {
      const found = await connection.runAndReadAll(regular.has(source.path, path));
      if (found.currentRowCount > 0) mapped.push(target);
    }
    return mapped;
  } finally {
    connection.closeSync();
  }
}

/** @param documents JSON objects, with the line each is of. */
export async function insertSide(
  connection: DuckDBConnection,
  table: SideTable,
  fileIndex: number,
  documents: readonly string[],
): Promise<void> {
  if (documents.length === 0) return;
  await connection.run(
    `INSERT INTO "${table}" SELECT ${fileIndex}, unnest(json_transform(doc, ${jsonStructure(SIDES[table])}))
      FROM (SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS doc)`,
    { bytes: blobValue(Buffer.from(documents.join('\n'))) },
  );
}
