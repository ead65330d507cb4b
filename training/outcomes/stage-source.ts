import { InvalidInputError } from 'pointsman';
import { arrowBlocks } from './arrow-blocks.ts';
import { csvBlocks } from './csv-blocks.ts';
import { detectLayout, type MapTarget } from './detect-layout.ts';
import { jsonlBlocks } from './jsonl-blocks.ts';
import { rawRows } from './row-sql.ts';
import type { ScratchDatabase } from './scratch-database.ts';
import type { SourceFile } from './source-files.ts';
import type { SourceLayout } from './source-layout.ts';
import {
  BLOCK_LINES,
  blockParameters,
  IS_ROW,
  type StageBlocksOptions,
  stageBlocks,
} from './stage-blocks.ts';
import { stageRegularJsonl } from './stage-regular-jsonl.ts';
import { insertJudged, type JudgeSettings } from './staged-table.ts';
import type { TextBlock } from './text-block.ts';

const SAMPLE_ROWS = 1000;
export interface StageOptions extends StageBlocksOptions, JudgeSettings {
  readonly map: Readonly<Partial<Record<MapTarget, string>>>;
  readonly onBytes: (bytes: number) => void;
}

/** Reads one file into the table `staged`, judging each row. @returns how the file was read. */
export async function stageSource(
  database: ScratchDatabase,
  source: SourceFile,
  options: StageOptions,
): Promise<SourceLayout> {
  if (source.format === 'parquet') return stageParquet(database, source, options);
  const read = { jsonl: jsonlBlocks, csv: csvBlocks, arrow: arrowBlocks }[source.format];
  const blocks = read(source.path, options.onBytes);
  const first = await blocks.next();
  const firstBlock: TextBlock = first.done === true ? { bytes: new Uint8Array(), firstLine: 1 } : first.value;
  const connection = await database.connect();
  const sample = `SELECT doc FROM (${BLOCK_LINES}) WHERE ${IS_ROW} LIMIT ${SAMPLE_ROWS}`;
  const layout = await detectLayout(connection, sample, blockParameters(firstBlock), options.map);
  if (source.format === 'jsonl' && !options.inOrder) {
    if (await stageRegularJsonl(connection, source, layout, options)) {
      connection.closeSync();
      await blocks.return(undefined);
      return layout;
    }
  }
  connection.closeSync();
  const judge = insertJudged(rawRows('SELECT line, doc FROM documents', layout), options.fileIndex, options);
  await stageBlocks(database, resumed(firstBlock, blocks), judge, options);
  return layout;
}

async function stageParquet(
  database: ScratchDatabase,
  source: SourceFile,
  options: StageOptions,
): Promise<SourceLayout> {
  const connection = await database.connect();
  const file = source.path.replaceAll("'", "''");
  const documents = `SELECT file_row_number + 1 AS line, to_json(p)::VARCHAR AS doc
    FROM (SELECT * FROM read_parquet('${file}', file_row_number = true)) AS p`;
  try {
    const layout = await detectLayout(connection, `${documents} LIMIT ${SAMPLE_ROWS}`, {}, options.map);
    await connection.run(insertJudged(rawRows(documents, layout), options.fileIndex, options));
    options.onBytes(source.bytes);
    await options.onStaged();
    const isOurs = (column: string): boolean => column === 'file_row_number';
    return {
      ...layout,
      columns: layout.columns.filter((column) => !isOurs(column)),
      ignoredColumns: layout.ignoredColumns.filter((column) => !isOurs(column)),
    };
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
