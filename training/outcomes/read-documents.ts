import { InvalidInputError } from 'pointsman';
import { csvBlocks } from '../ingest/read/csv.ts';
import type { ScratchDatabase } from '../work/scratch-database.ts';
import { arrowBlocks } from './arrow-blocks.ts';
import { jsonBlocks } from './json-blocks.ts';
import type { SourceFile } from './source-files.ts';
import { parquetFile } from './sql-text.ts';
import { BLOCK_BYTES, type TextBlock } from './text-block.ts';

/** Reads a file of any kind as blocks of JSON documents, a document a line. */
export function readDocuments(
  database: ScratchDatabase,
  source: SourceFile,
  onBytes: (bytes: number) => void,
): AsyncGenerator<TextBlock> {
  if (source.format === 'parquet') return parquetBlocks(database, source, onBytes);
  return { jsonl: jsonBlocks, csv: csvBlocks, arrow: arrowBlocks }[source.format](source.path, onBytes);
}

async function* parquetBlocks(
  database: ScratchDatabase,
  source: SourceFile,
  onBytes: (bytes: number) => void,
): AsyncGenerator<TextBlock> {
  const connection = await database.connect();
  let lines: string[] = [];
  let characters = 0;
  let firstLine = 1;
  try {
    const rows = await connection.stream(
      `SELECT to_json(p)::VARCHAR FROM (SELECT * FROM ${parquetFile(source.path)}) AS p`,
    );
    for await (const chunk of rows.yieldRowsJs()) {
      for (const [document] of chunk) {
        lines.push(String(document));
        characters += String(document).length;
      }
      if (characters < BLOCK_BYTES) continue;
      yield { bytes: Buffer.from(lines.join('\n')), firstLine };
      firstLine += lines.length;
      lines = [];
      characters = 0;
    }
    if (lines.length > 0) yield { bytes: Buffer.from(lines.join('\n')), firstLine };
    onBytes(source.bytes);
  } catch (error) {
    throw new InvalidInputError(
      `${source.path} cannot be read as Parquet: ${(error as Error).message.split('\n')[0]} Write the file again.`,
      { cause: error },
    );
  } finally {
    connection.closeSync();
  }
}
