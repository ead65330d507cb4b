import { stat } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { LARGEST_AMOUNTS } from 'pointsman/log';
import { VALUE_REASONS } from '../logs/log-reasons.ts';
import { AMOUNT_FIELDS, type AmountField, OUTCOME_FIELDS, type OutcomeField } from './outcome-fields.ts';
import { parquetFile, quoteText } from './sql-text.ts';
import { EXISTING, STAGED_COLUMNS } from './staged-table.ts';

/** Columns that tables of earlier versions do not have. */
const LATER_COLUMNS = ['promptHash', 'embedding'];
const isAmount = (field: OutcomeField): field is AmountField =>
  (AMOUNT_FIELDS as readonly OutcomeField[]).includes(field);
const canBe = (field: AmountField): string => `("${field}" BETWEEN 0 AND ${LARGEST_AMOUNTS[field]})`;

/**
 * Puts the rows of a table that is there into `staged`. A file that is not there has none.
 * @throws InvalidInputError when it is no outcomes table.
 */
export async function loadExisting(connection: DuckDBConnection, file: string): Promise<void> {
  if (!(await stat(file).catch(() => null))) return;
  try {
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${parquetFile(file)}`);
    const columns = described.getRows().map(([name]) => String(name));
    const values = OUTCOME_FIELDS.map((field) => {
      if (LATER_COLUMNS.includes(field) && !columns.includes(field)) return 'NULL';
      return isAmount(field) ? `CASE WHEN ${canBe(field)} THEN "${field}" END` : `"${field}"`;
    });
    await connection.run(`INSERT INTO staged (file, line, absent, derived, ${STAGED_COLUMNS})
      SELECT ${EXISTING}, file_row_number + 1, false, false, ${values.join(', ')}
      FROM ${parquetFile(file, ', file_row_number = true')}`);
    // Earlier versions took amounts from logs that cannot be.
    for (const field of AMOUNT_FIELDS) {
      await connection.run(`INSERT INTO ignored_values SELECT ${EXISTING}, file_row_number + 1, ${quoteText(VALUE_REASONS[field])}
        FROM ${parquetFile(file, ', file_row_number = true')} WHERE NOT ${canBe(field)}`);
    }
  } catch (error) {
    throw new InvalidInputError(
      `${file} cannot be appended to, since it is no outcomes table: ${(error as Error).message.split('\n')[0]} Name another file, or leave out \`append\`.`,
      { cause: error },
    );
  }
}
