import { InvalidInputError } from 'pointsman';
import { arrowBlocks } from '../outcomes/arrow-blocks.ts';
import { hasLongLines, isJsonLines, jsonBlocks } from '../outcomes/json-blocks.ts';
import { settlePrompts } from '../outcomes/settle-prompts.ts';
import type { SourceFile } from '../outcomes/source-files.ts';
import type { SourceLayout } from '../outcomes/source-layout.ts';
import { parquetFile } from '../outcomes/sql-text.ts';
import {
  BLOCK_LINES,
  blockParameters,
  IS_ROW,
  type StageBlocksOptions,
  stageBlocks,
} from '../outcomes/stage-blocks.ts';
import { regularLayout, stageRegularJsonl } from '../outcomes/stage-regular-jsonl.ts';
import { insertJudged, type JudgeSettings, UNREAD } from '../outcomes/staged-table.ts';
import type { TextBlock } from '../outcomes/text-block.ts';
import type { ScratchDatabase } from '../work/scratch-database.ts';
import { csvBlocks } from './read/csv.ts';
import { checkGzip } from './read/files.ts';
import { type ColumnMap, SeenNames } from './sql/layout.ts';
import { rawRows } from './sql/rows.ts';

interface StageOptions extends Omit<StageBlocksOptions, 'look' | 'settle'>, JudgeSettings {
  readonly map: ColumnMap;
  readonly onBytes: (bytes: number) => void;
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
  const seen = new SeenNames(options.map);
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
    const judge = (table: string): string => insertJudged(raw, options.fileIndex, options, table);
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
    await connection.run(insertJudged(rawRows(documents, layout), options.fileIndex, options));
    options.onBytes(source.bytes);
    await options.onStaged();
    return layout;
  } catch (error) {
    if (error instanceof InvalidInputError) throw error;
    throw new InvalidInputError(
      `${source.path} cannot be read as Parquet: ${(error as Error).message.split('\n')[0]} Write the file again.`,
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
