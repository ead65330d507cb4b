import { open } from 'node:fs/promises';
import { type RecordBatch, RecordBatchReader } from 'apache-arrow';
import { InvalidInputError } from 'pointsman';
import { plainArrowValue } from '../ingest/read/documents.ts';
import { BLOCK_BYTES, type TextBlock } from './text-block.ts';

/** Reads an Arrow IPC file or stream as JSON documents, one per row; a row's number is its line. */
export async function* arrowBlocks(
  file: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<TextBlock> {
  const source = await open(file);
  const { size } = await source.stat();
  let lines: string[] = [];
  let characters = 0;
  let firstLine = 1;
  const block = (): TextBlock => {
    const made = { bytes: Buffer.from(lines.join('\n')), firstLine };
    firstLine += lines.length;
    lines = [];
    characters = 0;
    return made;
  };
  try {
    // A file handle lets the reader tell a file (random access) from a stream by its first bytes.
    const reader = await RecordBatchReader.from(source);
    for await (const batch of reader as AsyncIterable<RecordBatch>) {
      const columns = batch.schema.fields.map(({ name, type }, i) => ({
        name,
        type,
        vector: batch.getChildAt(i),
      }));
      for (let row = 0; row < batch.numRows; row++) {
        const document: Record<string, unknown> = {};
        for (const { name, type, vector } of columns)
          document[name] = plainArrowValue(vector?.get(row), type);
        const line = JSON.stringify(document);
        lines.push(line);
        characters += line.length;
        if (characters >= BLOCK_BYTES) yield block();
      }
    }
  } catch (error) {
    throw new InvalidInputError(
      `${file} cannot be read as Arrow IPC: ${(error as Error).message}. Write it again uncompressed, or as Parquet.`,
      { cause: error },
    );
  } finally {
    await source.close().catch(() => {});
    onBytes(size);
  }
  if (lines.length > 0) yield block();
}
