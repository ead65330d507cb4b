import { type FileHandle, open, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BIGINT, type DuckDBConnection, LIST, listValue } from '@duckdb/node-api';
import type { Prices } from '../outcomes/amounts.ts';
import type { OutcomeField } from '../outcomes/outcome.ts';
import {
  parquetFile,
  quoteText,
  type ScratchDatabase,
  withScratchDatabase,
} from '../work/scratch-database.ts';
import type { LogMapping } from './formats/log-formats.ts';
import { LOG_READERS, type LogFormat } from './formats/log-formats.ts';
import { CREATE_LOG_TABLES, STAGING_TABLES, stageLog } from './log-tables.ts';
import { physicalLines, readBytes, type SourceFile } from './read/files.ts';
import { isJsonLines, jsonBlocks } from './read/json.ts';
import {
  type ColumnMap,
  type MapTarget,
  type NamesSeen,
  SeenNames,
  type SourceLayout,
} from './sql/layout.ts';
import { CREATE_FIRST_ROWS, CREATE_PRICES, CREATE_STAGED, numberRows } from './sql/rows.ts';
import {
  BLOCK_LINES,
  blockParameters,
  IS_ROW,
  regularLayout,
  type StageBlocksOptions,
  stageSource,
  WHOLE_DOCUMENT,
} from './stage.ts';

/** A file, and whose log it is. */
export interface FormattedSource {
  readonly source: SourceFile;
  readonly format: LogFormat;
}

/** What of an ingest's options says how single rows are read. */
export interface StagingOptions extends Omit<LogMapping, 'path' | 'map'> {
  readonly map: ColumnMap;
  readonly prices: Prices;
}

/** The tables that rows are staged in. */
export async function createStagingTables(connection: DuckDBConnection): Promise<void> {
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  for (const create of [CREATE_STAGED, CREATE_PRICES, CREATE_FIRST_ROWS, ...CREATE_LOG_TABLES])
    await connection.run(create);
}

interface StageFormattedOptions
  extends StagingOptions,
    Omit<StageBlocksOptions, 'look' | 'settle' | 'numbered'> {
  readonly onBytes: (bytes: number) => void;
  readonly names?: SeenNames;
  readonly path?: string;
}

/** Reads one file into the tables. @returns how it was read */
export function stageFormatted(
  database: ScratchDatabase,
  { format, source }: FormattedSource,
  options: StageFormattedOptions,
): Promise<SourceLayout> {
  return format === 'table'
    ? stageSource(database, source, options)
    : stageLog(database, source, LOG_READERS[format], options);
}

/** Part of a file: whole lines of it, or all of it. */
export interface SourceShard {
  /** On the local disk; whoever takes it removes it. Null where the file itself is its one shard. */
  readonly file: string | null;
  /** Lines of the file before it. */
  readonly linesBefore: number;
}

/** These name rows by their lines, and cannot be told in parts. */
const BY_LINES: readonly LogFormat[] = ['preferences'];

/**
 * Cuts a file into parts of so many bytes, and of whole lines. A file that is not JSON lines is one part.
 * @param folder where parts are written, one after the other: the next one begins when this one has been dealt with
 */
export async function* cutSource(
  { format, source }: FormattedSource,
  shardBytes: number,
  folder: string,
): AsyncGenerator<SourceShard> {
  const isLines = source.format === 'jsonl' && !BY_LINES.includes(format) && (await isJsonLines(source.path));
  if (!isLines) {
    yield { file: null, linesBefore: 0 };
    return;
  }
  const file = join(folder, 'shard.jsonl');
  let handle: FileHandle | null = null;
  let [bytes, lines, linesBefore] = [0, 0, 0];
  try {
    for await (let rest of readBytes(source.path)) {
      while (rest.length > 0) {
        handle ??= await open(file, 'w', 0o600);
        const end = rest.indexOf(LINE_FEED, Math.max(0, shardBytes - bytes - 1)) + 1;
        const part = end === 0 ? rest : rest.subarray(0, end);
        await handle.writeFile(part);
        bytes += part.length;
        for (let at = part.indexOf(LINE_FEED); at >= 0; at = part.indexOf(LINE_FEED, at + 1)) lines++;
        rest = rest.subarray(part.length);
        if (end === 0) continue;
        await handle.close();
        handle = null;
        yield { file, linesBefore };
        [bytes, linesBefore] = [0, lines];
      }
    }
    await handle?.close();
    if (handle !== null || lines === 0) {
      if (handle === null) await writeFile(file, '', { mode: 0o600 });
      handle = null;
      yield { file, linesBefore };
    }
  } finally {
    await handle?.close();
  }
}
const LINE_FEED = 10;

/** What a part of a file is read by; plain JSON. */
export interface ShardSettings extends Omit<StagingOptions, 'score'> {
  readonly score: string | null;
  readonly format: LogFormat;
  readonly source: Omit<SourceFile, 'bytes'>;
  /** What all parts of the file hold; null where it has one part. */
  readonly names: readonly NamesSeen[] | null;
}

/** Looks at the names that documents of a part have, broken ones among them or not: by all of them each part is then read. */
export async function lookAtShard(file: string, map: ColumnMap): Promise<NamesSeen> {
  return withScratchDatabase({}, async (database) => {
    const [connection, seen] = [await database.connect(), new SeenNames(map)];
    const regular = await regularLayout(connection, { path: file, format: 'jsonl', bytes: 0 }, seen);
    if (regular !== null) return seen.seen();
    const documents = `SELECT ${WHOLE_DOCUMENT} AS doc FROM (${BLOCK_LINES}) WHERE ${IS_ROW}`;
    for await (const block of jsonBlocks(file)) await seen.add(connection, documents, blockParameters(block));
    return seen.seen();
  });
}

/** What became of a part of a file. */
export interface StagedShard {
  readonly layout: StoredLayout;
  /** Parquet of each table that has rows. */
  readonly tables: Readonly<Record<string, string>>;
}

/**
 * Reads and judges one part of a file.
 * @param folder for what it makes
 */
export async function stageShard(
  file: string,
  settings: ShardSettings,
  folder: string,
): Promise<StagedShard> {
  const { format, names, score, source, ...rest } = settings;
  return withScratchDatabase({}, async (database) => {
    const connection = await database.connect();
    await createStagingTables(connection);
    // Errors name the file by its name, and readers know by it how it is compressed.
    const path = join(folder, `${basename(source.path)}`);
    await symlink(file, path);
    const options = {
      ...{ ...rest, score: score ?? undefined, fileIndex: 0, inOrder: false, path: source.path },
      ...(names === null ? {} : { names: SeenNames.ofParts(rest.map, names) }),
      onBytes: () => {},
      onStaged: async () => {},
    };
    const layout = await stageFormatted(database, { format, source: { ...source, path, bytes: 0 } }, options);
    await numberLines(connection, file);
    const tables: Record<string, string> = {};
    for (const [table, order] of Object.entries(STAGING_TABLES)) {
      const [[count]] = (await connection.runAndReadAll(`SELECT count(*) FROM "${table}"`)).getRows();
      if (Number(count) === 0) continue;
      tables[table] = join(folder, `${table}.parquet`);
      await connection.run(
        `COPY (SELECT * FROM "${table}" ORDER BY ${order}) TO ${quoteText(tables[table])} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`,
      );
    }
    return { layout: storeLayout(layout), tables };
  });
}

/** Rows that are known by their places get their lines; blank ones, which are no rows, count as they do in the file. */
async function numberLines(connection: DuckDBConnection, file: string): Promise<void> {
  const placed = await connection.runAndReadAll('SELECT 1 FROM first_rows WHERE row IS NOT NULL');
  if (placed.currentRowCount === 0) return;
  await numberRows(connection);
  const [[last]] = (await connection.runAndReadAll('SELECT max(line) FROM staged')).getRows();
  const rows = Array.from({ length: Number(last ?? 0) }, (_, i) => i + 1);
  const lines = await physicalLines(file, rows);
  if (rows.every((row) => lines.get(row) === row)) return;
  await connection.run(
    `UPDATE staged SET line = places.line FROM (SELECT unnest($rows) AS row, unnest($lines) AS line) AS places WHERE staged.line = places.row`,
    {
      rows: listValue(rows.map(BigInt)),
      lines: listValue(rows.map((row) => BigInt(lines.get(row) ?? row))),
    },
    { rows: LIST(BIGINT), lines: LIST(BIGINT) },
  );
}

/** What was staged of a file: its parts, in their order. */
export interface StagedSource {
  /** How it was read: as all of its parts. */
  readonly layout: SourceLayout;
  /**
   * Parquet of each table of a part, brought to this machine while it is read.
   * @param load puts them into the tables
   */
  eachPart(load: (part: StagedPart) => Promise<void>): Promise<void>;
}

interface StagedPart {
  readonly tables: Readonly<Record<string, string>>;
  readonly linesBefore: number;
}

/** Puts what was staged elsewhere of a file into the tables. @returns how it was read */
export async function loadStaged(
  connection: DuckDBConnection,
  fileIndex: number,
  { eachPart, layout }: StagedSource,
): Promise<SourceLayout> {
  await eachPart(async ({ linesBefore, tables }) => {
    for (const [table, file] of Object.entries(tables))
      await connection.run(
        `INSERT INTO "${table}" BY NAME SELECT * REPLACE (${fileIndex} AS file, line + ${linesBefore} AS line) FROM ${parquetFile(file)}`,
      );
  });
  return layout;
}

/** A layout as JSON. */
type StoredLayout = Omit<SourceLayout, 'paths' | 'cellPaths'> & {
  readonly paths: readonly (readonly [OutcomeField, readonly string[]])[];
  readonly cellPaths: readonly (readonly [OutcomeField, readonly string[]])[];
};

function storeLayout({ cellPaths, paths, ...rest }: SourceLayout): StoredLayout {
  return { ...rest, paths: [...paths], cellPaths: [...cellPaths] };
}

/** How a file was read whose parts were read so. What `map` names is in one of them. */
export function joinLayouts(parts: readonly StoredLayout[]): SourceLayout {
  const [{ cellPaths, paths, ...rest }] = parts;
  const mapped = [...new Set(parts.flatMap((part) => part.mapped))] as MapTarget[];
  return { ...rest, mapped, paths: new Map(paths), cellPaths: new Map(cellPaths) };
}
