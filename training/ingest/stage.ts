import { blobValue, type DuckDBBlobValue, type DuckDBConnection } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { OUTCOME_FIELDS } from '../outcomes/outcome.ts';
import { saidBy } from '../work/run-folder.ts';
import {
  parquetFile,
  quotePath,
  quoteText,
  type ScratchDatabase,
  VECTOR_ROWS,
} from '../work/scratch-database.ts';
import { arrowBlocks, csvBlocks } from './read/documents.ts';
import { checkGzip, type SourceFile, type TextBlock } from './read/files.ts';
import { hasLongLines, isJsonLines, jsonBlocks } from './read/json.ts';
import { settlePrompts } from './settle.ts';
import { IRREGULAR, mayHoldSurrogates, noneOf, wellFormed } from './sql/fields.ts';
import { type ColumnMap, givenFields, PathReader, SeenNames, type SourceLayout } from './sql/layout.ts';
import { insertValid, rawField, rawRows, UNREAD, type ValidateOptions } from './sql/rows.ts';

interface StageOptions extends Omit<StageBlocksOptions, 'look' | 'settle'>, ValidateOptions {
  readonly map: ColumnMap;
  readonly onBytes: (bytes: number) => void;
  /** What all documents of the file hold, where it has been looked at. @default it is looked at first */
  readonly names?: SeenNames;
}

/**
 * Reads one file into the table `staged`, judging each row by what all rows of the file hold, the last ones too.
 * @returns how the file was read.
 */
export async function stageSource(
  database: ScratchDatabase,
  source: SourceFile,
  options: StageOptions,
): Promise<SourceLayout> {
  const connection = await database.connect();
  const settle = (): Promise<void> => settlePrompts(connection);
  try {
    const onStaged = async (): Promise<void> => {
      if (options.inOrder) await settle();
      await options.onStaged();
    };
    const layout = await stageFile(database, source, { ...options, onStaged, unread: UNREAD });
    await settle();
    return layout;
  } finally {
    connection.closeSync();
  }
}

async function stageFile(
  database: ScratchDatabase,
  source: SourceFile,
  options: StageOptions,
): Promise<SourceLayout> {
  if (source.format === 'parquet') return stageParquet(database, source, options);
  const seen = options.names ?? new SeenNames(options.map);
  const isWhole = source.format === 'jsonl' && !options.inOrder && (await isJsonLines(source.path));
  if (isWhole && !(await hasLongLines(source.path, database.longRowBytes))) {
    const layout = await stageWhole(database, source, seen, options);
    if (layout !== null) return layout;
  }
  const read = { jsonl: jsonBlocks, csv: csvBlocks, arrow: arrowBlocks }[source.format];
  for (let layout: SourceLayout | null = null; ; ) {
    let told = 0;
    const blocks = read(source.path, (bytes) => {
      told += bytes;
      options.onBytes(bytes);
    });
    const first = await blocks.next();
    const firstBlock: TextBlock =
      first.done === true ? { bytes: new Uint8Array(), firstLine: 1 } : first.value;
    layout ??= await firstLayout(database, firstBlock, seen);
    const raw = rawRows('SELECT line, doc FROM documents', layout);
    const settings = { ...options, given: givenFields(layout) };
    const judge = (table: string): string => insertValid(raw, options.fileIndex, settings, table);
    await stageBlocks(database, resumed(firstBlock, blocks), judge, {
      ...options,
      look: (worker) => seen.add(worker, 'SELECT doc FROM documents'),
      settle: settlePrompts,
    });
    const known = seen.layout();
    if (readsAlike(layout, known)) return known;
    // A column came late that makes a difference: once more, with all that is known now.
    layout = known;
    options.onBytes(-told);
    await database.run(`DELETE FROM staged WHERE file = ${options.fileIndex}`);
  }
}

/** The fast way, for a regular file. @returns null when the file must be read block by block. */
async function stageWhole(
  database: ScratchDatabase,
  source: SourceFile,
  seen: SeenNames,
  options: StageOptions,
): Promise<SourceLayout | null> {
  const connection = await database.connect();
  try {
    await checkGzip(source.path);
    const layout = await regularLayout(connection, source, seen);
    if (layout === null || !(await stageRegularJsonl(connection, source, layout, options))) return null;
    return layout;
  } finally {
    connection.closeSync();
  }
}

async function firstLayout(
  database: ScratchDatabase,
  block: TextBlock,
  seen: SeenNames,
): Promise<SourceLayout> {
  const connection = await database.connect();
  try {
    await seen.add(connection, `SELECT doc FROM (${BLOCK_LINES}) WHERE ${IS_ROW}`, blockParameters(block));
    return seen.layout();
  } finally {
    connection.closeSync();
  }
}

/** Whether two layouts read the same from every document. */
function readsAlike(one: SourceLayout, other: SourceLayout): boolean {
  const reading = ({ form, paths, cellPaths, cells }: SourceLayout): string =>
    JSON.stringify([form, [...paths], [...cellPaths], cells]);
  return reading(one) === reading(other);
}

const ROW_NUMBER = 'file_row_number';

async function stageParquet(
  database: ScratchDatabase,
  source: SourceFile,
  options: StageOptions,
): Promise<SourceLayout> {
  const connection = await database.connect();
  const seen = new SeenNames(options.map);
  const described = `DESCRIBE SELECT * FROM ${parquetFile(source.path)}`;
  try {
    const columns = (await connection.runAndReadAll(described)).getRows().map(([name]) => String(name));
    seen.addColumns(columns);
    const rows = `(SELECT * FROM ${parquetFile(source.path)})`;
    await seen.addInside(connection, `SELECT to_json(p)::VARCHAR AS doc FROM ${rows} AS p`);
    const layout = seen.layout();
    // A column of that name is the file's own, and leaves no place for ours.
    const numbered = columns.includes(ROW_NUMBER)
      ? `SELECT row_number() OVER () AS line, p FROM ${rows} AS p`
      : `SELECT ${ROW_NUMBER} + 1 AS line, p FROM (SELECT * FROM ${parquetFile(source.path, `, ${ROW_NUMBER} = true`)}) AS p`;
    const documents = `SELECT line, to_json(p)::VARCHAR AS doc FROM (${numbered})`;
    const settings = { ...options, given: givenFields(layout) };
    await connection.run(insertValid(rawRows(documents, layout), options.fileIndex, settings));
    options.onBytes(source.bytes);
    await options.onStaged();
    return layout;
  } catch (error) {
    if (error instanceof InvalidInputError) throw error;
    throw new InvalidInputError(
      `${source.path} cannot be read as Parquet: ${saidBy(error)} Write the file again.`,
      { cause: error },
    );
  } finally {
    connection.closeSync();
  }
}

async function* resumed(first: TextBlock, rest: AsyncIterable<TextBlock>): AsyncGenerator<TextBlock> {
  yield first;
  yield* rest;
}

const BATCH_BYTES = 32 * 2 ** 20;

/** Trimming costs more than parsing, so it is kept for the few lines that do not begin like an object. */
export const IS_ROW = `CASE WHEN starts_with(doc, '{') THEN true ELSE trim(doc, ' \t\r') <> '' END`;

/** The lines of one block, from the parameters of `blockParameters`. */
export const BLOCK_LINES = `SELECT unnest(lines) AS doc, unnest(range($firstLine::BIGINT, $firstLine::BIGINT + len(lines))) AS line
  FROM (SELECT string_split(decode($bytes::BLOB), chr(10)) AS lines)`;

/** The same of a block whose lines are numbered in front: the number, a tab, the document. */
const NUMBERED_LINES = `SELECT substring(numbered, tab + 1) AS doc, substring(numbered, 1, tab - 1)::BIGINT + $firstLine AS line
  FROM (SELECT numbered, instr(numbered, chr(9)) AS tab FROM (SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS numbered))`;

export const WHOLE_DOCUMENT = `CASE WHEN ${mayHoldSurrogates('doc')} AND NOT json_valid(doc) THEN ${wellFormed('doc')} ELSE doc END`;

export interface StageBlocksOptions {
  readonly fileIndex: number;
  /** Called when rows were added, in the order of the file if `inOrder`. */
  readonly onStaged: () => Promise<void>;
  /** Whether rows must be judged in the order of the file, so that the first bad one is found first. */
  readonly inOrder: boolean;
  /** Told of a batch before it is judged: the table `documents` of that connection. @default nothing */
  readonly look?: (worker: DuckDBConnection) => Promise<void>;
  /**
   * What is still to be done to the rows of a batch of long texts, in the table of that name, before they are with the others:
   * there it would be done to too many at a time. @default nothing
   */
  readonly settle?: (worker: DuckDBConnection, table: string) => Promise<void>;
  /** Whether lines are numbered in front, counted on from the block's `firstLine`. @default false */
  readonly numbered?: boolean;
}

/**
 * Judges documents a batch at a time, on as many connections as there are threads.
 * @param judge SQL that inserts what it makes of the table `documents` (`line`, `doc`) into a table such as `staged`.
 */
export async function stageBlocks(
  database: ScratchDatabase,
  blocks: AsyncGenerator<TextBlock>,
  judge: (table: string) => string,
  { onStaged, inOrder, look = async () => {}, settle, numbered = false }: StageBlocksOptions,
): Promise<void> {
  // Planning the judgement takes as long as judging a thousand rows, so blocks gather in a table first.
  const work = async (worker: DuckDBConnection): Promise<void> => {
    for (let isLast = false; !isLast; ) {
      let [bytes, rows] = [0, 0];
      let leave: (() => void) | null = null;
      await worker.run('CREATE OR REPLACE TEMP TABLE documents (line BIGINT, doc VARCHAR)');
      const gather = await worker.prepare(
        `INSERT INTO documents SELECT line, ${WHOLE_DOCUMENT} AS doc FROM (${numbered ? NUMBERED_LINES : BLOCK_LINES}) WHERE ${IS_ROW}`,
      );
      const atOnce = (): number => bytes * Math.min(1, VECTOR_ROWS / Math.max(1, rows));
      try {
        while (bytes < BATCH_BYTES && atOnce() < database.heavyBytes) {
          const block: TextBlock | undefined = (await blocks.next()).value;
          isLast = block === undefined;
          if (block === undefined) break;
          if (block.bytes.length > database.bytesAtOnce) leave ??= await gate.enter(block.bytes.length);
          gather.bind(blockParameters(block));
          await gather.run();
          bytes += block.bytes.length;
          rows += linesIn(block.bytes);
        }
        gather.destroySync();
        // Nothing was left for this worker.
        if (bytes === 0) break;
        leave ??= await gate.enter(atOnce());
        await look(worker);
        if (settle === undefined || atOnce() < database.heavyBytes) await worker.run(judge('staged'));
        else {
          await worker.run('CREATE OR REPLACE TEMP TABLE judged AS FROM staged LIMIT 0');
          await worker.run(judge('judged'));
          await settle(worker, 'judged');
          await worker.run('INSERT INTO staged FROM judged; DROP TABLE judged');
        }
      } finally {
        leave?.();
      }
      await onStaged();
    }
  };
  const gate = new ByteGate(database.bytesAtOnce);
  const workers: DuckDBConnection[] = [];
  while (workers.length < (inOrder ? 1 : database.threads)) workers.push(await database.connect());
  try {
    await allOf(workers.map(work));
  } finally {
    for (const worker of workers) worker.closeSync();
    await blocks.return(undefined);
  }
}

export function blockParameters(block: TextBlock): { firstLine: bigint; bytes: DuckDBBlobValue } {
  return { firstLine: BigInt(block.firstLine), bytes: blobValue(block.bytes) };
}

/** Waits for all, so that nothing runs on after a failure; then throws the first failure. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

function linesIn(bytes: Uint8Array): number {
  let lines = 1;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

/** Lets in as many at a time as fit into so many bytes together, and one in any case, in the order in which they came. */
class ByteGate {
  readonly #most: number;
  #used = 0;
  #last: Promise<void> = Promise.resolve();
  #left: () => void = () => {};

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns what must be called when it is done */
  enter(bytes: number): Promise<() => void> {
    const entered = this.#last.then(async () => {
      while (this.#used > 0 && this.#used + bytes > this.#most)
        await new Promise<void>((resolve) => {
          this.#left = resolve;
        });
      this.#used += bytes;
      return () => {
        this.#used -= bytes;
        this.#left();
      };
    });
    this.#last = entered.then(() => {});
    return entered;
  }
}

const PROGRESS_MS = 200;

interface StageRegularOptions extends ValidateOptions {
  readonly fileIndex: number;
  readonly onBytes: (bytes: number) => void;
}

/** How to read a JSONL file of nothing but objects, from the keys of all of them; null when it is none. */
export async function regularLayout(
  connection: DuckDBConnection,
  source: SourceFile,
  seen: SeenNames,
): Promise<SourceLayout | null> {
  try {
    await seen.add(
      connection,
      `SELECT json AS doc FROM read_json_objects(${quotePath(source.path)}, format = 'newline_delimited', hive_partitioning = false)`,
    );
    return seen.layout();
  } catch {
    return null;
  }
}

/**
 * The fast way for a JSONL file in long form that holds nothing but objects: DuckDB's own reader, which stops at the
 * first line that is broken, not UTF-8, or no object. Rows get their lines later, from the order they come in.
 * A line `null` it reads as an object without fields: one that has none of ours is read line by line.
 * @returns false when the file must be read line by line; then nothing of it is staged.
 */
async function stageRegularJsonl(
  connection: DuckDBConnection,
  source: SourceFile,
  layout: SourceLayout,
  options: StageRegularOptions,
): Promise<boolean> {
  const paths = new PathReader([...layout.paths.values()].flat());
  if (layout.form !== 'long' || paths.keys === null) return false;
  const columns = paths.keys.map((key) => `${quoteText(key)}: 'JSON'`).join(', ');
  const values = `{${paths.keys.map((key) => `${quoteText(key)}: "${key}"`).join(', ')}}`;
  const fields = OUTCOME_FIELDS.map((field) => `${rawField(paths, layout, field)} AS r_${field}`);
  const raw = `SELECT NULL::BIGINT AS line, CASE WHEN bare THEN ${IRREGULAR} END::VARCHAR AS broken, false AS absent, ${fields.join(', ')}
    FROM (SELECT ${values} AS x, ${noneOf(paths.keys)} AS bare FROM read_json(${quotePath(source.path)}, hive_partitioning = false, format = 'newline_delimited', records = true, columns = {${columns}}))`;
  return stageRegular(connection, source, raw, { ...options, given: givenFields(layout) });
}

/**
 * Inserts what DuckDB's own reader makes of a file, all of it or nothing.
 * @param raw SQL of raw rows, in the order of the file and without `line`.
 * @returns false when the file must be read line by line.
 */
export async function stageRegular(
  connection: DuckDBConnection,
  source: SourceFile,
  raw: string,
  options: StageRegularOptions,
): Promise<boolean> {
  let told = 0;
  const tell = (): void => {
    const read = Math.max(told, (connection.progress.percentage / 100) * source.bytes);
    options.onBytes(read - told);
    told = read;
  };
  const timer = setInterval(tell, PROGRESS_MS);
  try {
    const { fileIndex } = options;
    await connection.run('SET enable_progress_bar = true; SET enable_progress_bar_print = false');
    await connection.run(insertValid(raw, fileIndex, options));
    // Rows that were there before may have gone, and leave their places.
    await connection.run(
      `INSERT INTO first_rows SELECT ${fileIndex}, min(rowid) FROM staged WHERE file = ${fileIndex}`,
    );
    options.onBytes(source.bytes - told);
    return true;
  } catch {
    // Reading line by line says what was wrong, and where.
    options.onBytes(-told);
    return false;
  } finally {
    clearInterval(timer);
  }
}
