import { blobValue, type DuckDBBlobValue, type DuckDBConnection } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { arrowBlocks } from './arrow-blocks.ts';
import { csvBlocks } from './csv-blocks.ts';
import { detectLayout, type MapTarget } from './detect-layout.ts';
import { jsonlBlocks } from './jsonl-blocks.ts';
import { rawRows } from './row-sql.ts';
import type { ScratchDatabase } from './scratch-database.ts';
import type { SourceFile } from './source-files.ts';
import type { SourceLayout } from './source-layout.ts';
import { stageRegularJsonl } from './stage-regular-jsonl.ts';
import { insertJudged } from './staged-table.ts';
import type { TextBlock } from './text-block.ts';

const SAMPLE_ROWS = 1000;
const BATCH_BYTES = 32 * 2 ** 20;
// Trimming costs more than parsing, so it is kept for the few lines that do not begin like an object.
const isRow = `CASE WHEN starts_with(doc, '{') THEN true ELSE trim(doc, ' \t\r') <> '' END`;
const BLOCK_LINES = `SELECT unnest(lines) AS doc, unnest(range($firstLine::BIGINT, $firstLine::BIGINT + len(lines))) AS line
  FROM (SELECT string_split(decode($bytes::BLOB), chr(10)) AS lines)`;

export interface StageOptions {
  readonly fileIndex: number;
  readonly map: Readonly<Partial<Record<MapTarget, string>>>;
  readonly onBytes: (bytes: number) => void;
  /** Called when rows were added, in the order of the file if `inOrder`. */
  readonly onStaged: () => Promise<void>;
  /** Whether rows must be judged in the order of the file, so that the first bad one is found first. */
  readonly inOrder: boolean;
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
  const sample = `SELECT doc FROM (${BLOCK_LINES}) WHERE ${isRow} LIMIT ${SAMPLE_ROWS}`;
  const layout = await detectLayout(connection, sample, parametersOf(firstBlock), options.map);
  if (source.format === 'jsonl' && !options.inOrder) {
    if (await stageRegularJsonl(connection, source, layout, options)) {
      connection.closeSync();
      await blocks.return(undefined);
      return layout;
    }
  }
  const judge = insertJudged(rawRows('SELECT line, doc FROM documents', layout), options.fileIndex);
  let waiting: TextBlock | null = firstBlock;
  // Planning the judgement takes as long as judging a thousand rows, so blocks gather in a table first.
  const work = async (worker: DuckDBConnection): Promise<void> => {
    for (let bytes = BATCH_BYTES; bytes >= BATCH_BYTES; ) {
      bytes = 0;
      await worker.run('CREATE OR REPLACE TEMP TABLE documents (line BIGINT, doc VARCHAR)');
      const gather = await worker.prepare(
        `INSERT INTO documents SELECT line, doc FROM (${BLOCK_LINES}) WHERE ${isRow}`,
      );
      while (bytes < BATCH_BYTES) {
        const block: TextBlock | undefined = waiting ?? (await blocks.next()).value;
        waiting = null;
        if (block === undefined) break;
        gather.bind(parametersOf(block));
        await gather.run();
        bytes += block.bytes.length;
      }
      gather.destroySync();
      await worker.run(judge);
      await options.onStaged();
    }
  };
  const workers = [connection];
  while (!options.inOrder && workers.length < database.threads) workers.push(await database.connect());
  try {
    await settle(workers.map(work));
  } finally {
    for (const worker of workers) worker.closeSync();
    await blocks.return(undefined);
  }
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
    await connection.run(insertJudged(rawRows(documents, layout), options.fileIndex));
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

function parametersOf(block: TextBlock): { firstLine: bigint; bytes: DuckDBBlobValue } {
  return { firstLine: BigInt(block.firstLine), bytes: blobValue(block.bytes) };
}

/** Waits for all, so that nothing runs on after a failure; then throws the first failure. */
async function settle(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
