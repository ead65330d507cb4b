import { InvalidInputError } from 'pointsman';
import { type ScratchOptions, withScratchDatabase } from '../work/scratch-database.ts';
import type { OutcomeMatrix } from './outcome-matrix.ts';
import { parquetFile, quoteText } from './sql-text.ts';

/**
 * A number that stands in the metadata of an outcomes table, in the shape of the matrix.
 *
 * @param parquet the table that the matrix was read from
 * @param field such as `metadata.logprob`; further dots go into objects
 * @returns `[prompts, candidates]`, NaN where there is no such number
 * @throws InvalidInputError when the field is not in the metadata, or no row has a number there
 */
export async function readScoreColumn(
  parquet: string,
  { prompts, candidates }: OutcomeMatrix,
  field: string,
  scratch: ScratchOptions = {},
): Promise<Float32Array> {
  const [first, ...names] = field.split('.');
  if (first !== 'metadata' || names.length === 0 || names.includes('')) {
    throw new InvalidInputError(
      `A score must be a field of the metadata, such as metadata.logprob. Got "${field}".`,
    );
  }
  const path = `$${names.map((name) => `."${name.replaceAll('"', '')}"`).join('')}`;
  return withScratchDatabase(scratch, async (database) => {
    const connection = await database.connect();
    const result = await connection.runAndReadAll(
      `SELECT "requestId", candidate, TRY_CAST(json_extract_string(metadata, ${quoteText(path)}) AS DOUBLE) AS score
      FROM ${parquetFile(parquet)} WHERE score IS NOT NULL`,
    );
    // Without rows there are no columns either.
    const [ids = [], names = [], scores = []] = result.getColumns() as [string[]?, string[]?, number[]?];
    const rowOf = new Map(prompts.map(({ requestId }, row) => [requestId, row]));
    const columnOf = new Map(candidates.map((name, c) => [name, c]));
    const values = new Float32Array(prompts.length * candidates.length).fill(Number.NaN);
    ids.forEach((id, i) => {
      const [row, column] = [rowOf.get(id), columnOf.get(names[i])];
      if (row !== undefined && column !== undefined) values[row * candidates.length + column] = scores[i];
    });
    if (values.every(Number.isNaN)) {
      throw new InvalidInputError(
        `No row has a number in ${field}. Put it into the \`metadata\` object of each outcome: {"logprob": -0.2}.`,
      );
    }
    return values;
  });
}
