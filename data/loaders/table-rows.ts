import { access } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';

/** One row of a table: column name to value, strings only when the file is CSV. */
export type TableRow = Readonly<Record<string, unknown>>;

/** The longest CSV line read, in bytes: answers of models stand in one line. */
const longestLine = 64 * 2 ** 20;

/**
 * Streams the rows of a CSV (also .gz) or Parquet file, in the file's order.
 * @throws InvalidInputError for a file of another kind, one that is not there, or one that cannot be read.
 */
export async function* tableRows(file: string): AsyncGenerator<TableRow> {
  const source = sourceOf(file);
  await access(file).catch((cause) => {
    throw new InvalidInputError(`There is no file "${file}". Check its path.`, { cause });
  });
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const result = await connection.stream(`SELECT * FROM ${source}`, {
      // A name, and no pattern.
      file: file.replace(/[[*?]/g, '[$&]'),
    });
    for await (const rows of result.yieldRowObjectJs()) yield* rows;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new InvalidInputError(
      `"${file}" cannot be read: ${reason}. Download it again, or convert it anew.`,
      { cause },
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function sourceOf(file: string): string {
  if (/\.parquet$/i.test(file)) return 'read_parquet($file, hive_partitioning = false)';
  if (/\.csv(\.gz)?$/i.test(file)) {
    return `read_csv($file, header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', parallel = false, max_line_size = ${longestLine})`;
  }
  if (/\.(pkl|pickle)$/i.test(file)) {
    const target = file.replace(/\.\w+$/, '.parquet');
    throw new InvalidInputError(
      `"${file}" is a pickle, which can run code when it is opened, so it is not read here. Convert it once, where you trust it: ` +
        `python -c "import pandas as pd; pd.read_pickle('${file}').to_parquet('${target}')"`,
    );
  }
  throw new InvalidInputError(`"${file}" must be a .csv, .csv.gz or .parquet file. Convert it first.`);
}
