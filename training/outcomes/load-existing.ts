import { stat } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { OUTCOME_FIELDS } from './outcome-fields.ts';
import { quoteText } from './sql-text.ts';
import { EXISTING, STAGED_COLUMNS } from './staged-table.ts';

/** Columns that tables of earlier versions do not have. */
const LATER_COLUMNS = ['promptHash', 'embedding'];

/**
 * Puts the rows of a table that is there into `staged`. A file that is not there has none.
 * @throws InvalidInputError when it is no outcomes table.
 */
export async function loadExisting(connection: DuckDBConnection, file: string): Promise<void> {
  if (!(await stat(file).catch(() => null))) return;
  try {
    const described = await connection.runAndReadAll(
      `DESCRIBE SELECT * FROM read_parquet(${quoteText(file)})`,
    );
    const columns = described.getRows().map(([name]) => String(name));
    const values = OUTCOME_FIELDS.map((field) =>
      LATER_COLUMNS.includes(field) && !columns.includes(field) ? 'NULL' : `"${field}"`,
    );
    await connection.run(`INSERT INTO staged (file, line, absent, derived, ${STAGED_COLUMNS})
      SELECT ${EXISTING}, file_row_number + 1, false, false, ${values.join(', ')}
      FROM read_parquet(${quoteText(file)}, file_row_number = true)`);
  } catch (error) {
    throw new InvalidInputError(
      `${file} cannot be appended to, since it is no outcomes table: ${(error as Error).message.split('\n')[0]} Name another file, or leave out \`append\`.`,
      { cause: error },
    );
  }
}
