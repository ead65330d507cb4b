import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import {
  DataType,
  type MapRow,
  type RecordBatch,
  RecordBatchReader,
  type StructRow,
  type Vector,
} from 'apache-arrow';
import { InvalidInputError } from 'pointsman';
import { parquetFile, type ScratchDatabase } from '../../work/scratch-database.ts';
import { csvBlocks } from './csv.ts';
import { BLOCK_BYTES, type SourceFile, type TextBlock } from './files.ts';
import { jsonBlocks } from './json.ts';

/** An Arrow value as JSON has it: times as ISO text, 64-bit and decimal numbers as digits, structs as objects. */
function plainArrowValue(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  if (DataType.isDictionary(type)) return plainArrowValue(value, type.dictionary);
  if (DataType.isTimestamp(type) || DataType.isDate(type)) {
    const time = new Date(Number(value));
    return Number.isNaN(time.getTime()) ? String(value) : time.toISOString();
  }
  if (DataType.isDecimal(type)) return decimalText(value as Uint32Array, type.scale);
  if (DataType.isStruct(type)) {
    const row = (value as StructRow).toJSON() as Record<string, unknown>;
    return Object.fromEntries(
      type.children.map((child) => [child.name, plainArrowValue(row[child.name], child.type)]),
    );
  }
  if (DataType.isMap(type)) {
    const entry = type.children[0].type.children as { type: DataType }[];
    const row = (value as MapRow).toJSON() as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(row).map(([key, held]) => [key, plainArrowValue(held, entry[1].type)]),
    );
  }
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) {
    return Array.from(value as Vector, (held) => plainArrowValue(held, type.children[0].type));
  }
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return isUtf8(value) ? Buffer.from(value).toString('utf8') : null;
  // JSON has no NaN; text says that something was there, so that the row is judged and not patched.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}

/** @param words little-endian 32-bit words of a two's complement integer. */
function decimalText(words: Uint32Array, scale: number): string {
  let unscaled = 0n;
  for (let i = words.length - 1; i >= 0; i--) unscaled = (unscaled << 32n) | BigInt(words[i]);
  unscaled = BigInt.asIntN(words.length * 32, unscaled);
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`;
}

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
