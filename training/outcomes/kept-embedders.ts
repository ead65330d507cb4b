import { type ScratchOptions, withScratchDatabase } from '../work/scratch-database.ts';
import { parquetFile } from './sql-text.ts';

/** Ids of the embedders that an outcomes table keeps embeddings of, as far as it says. */
export async function keptEmbedders(parquet: string, scratch: ScratchOptions = {}): Promise<string[]> {
  return withScratchDatabase(scratch, async (database) => {
    const connection = await database.connect();
    const reader = await connection.runAndReadAll(
      `SELECT DISTINCT json_extract_string(metadata, '$.embedder') AS id FROM ${parquetFile(parquet)}
        WHERE embedding IS NOT NULL AND id IS NOT NULL ORDER BY id`,
    );
    return reader.getRows().map(([id]) => String(id));
  });
}
