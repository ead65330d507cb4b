import { type DuckDBConnection, type DuckDBValue, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { type ScratchOptions, withScratchDatabase } from '../work/scratch-database.ts';
import { beginMatrix, type MatrixPrompt } from './matrix.ts';
import type { OutcomeMatrix } from './outcome-matrix.ts';
import { parquetFile } from './sql-text.ts';

/**
 * Reads an outcomes table written by `ingestOutcomes` into the matrix. Each prompt is read once, however many
 * candidates answered it, and outcomes come in a stream, so that memory goes with the prompts.
 * @param scratch how much memory DuckDB may hold meanwhile, and where the rest goes
 * @throws InvalidInputError when the file cannot be read or lacks the columns of an outcomes table; MemoryLimitError.
 */
export async function readOutcomeMatrix(
  parquet: string,
  scratch: ScratchOptions = {},
): Promise<OutcomeMatrix> {
  return withScratchDatabase(scratch, async (database) => {
    try {
      return await readMatrix(await database.connect(), parquet);
    } catch (error) {
      if (error instanceof InvalidInputError) throw error;
      throw new InvalidInputError(
        `${parquet} is not an outcomes table: ${(error as Error).message.split('\n')[0]} Make one with: npx pointsman ingest`,
        { cause: error },
      );
    }
  });
}

async function readMatrix(connection: DuckDBConnection, parquet: string): Promise<OutcomeMatrix> {
  const rows = parquetFile(parquet, ', file_row_number = true');
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${parquetFile(parquet)}`);
  // Tables of earlier versions know no hashed prompts.
  const hashed = described.getRows().some(([name]) => name === 'promptHash');
  const named = await connection.runAndReadAll(`SELECT DISTINCT candidate FROM ${rows}`);
  const names = named.getRows().map(([name]) => String(name));
  await connection.run(
    'CREATE TABLE candidates AS SELECT unnest($names) AS name, unnest(range(len($names))) AS n',
    { names: listValue(names) },
    { names: LIST(VARCHAR) },
  );
  // What a prompt is, its first candidate says.
  await connection.run(
    `CREATE TABLE firsts AS SELECT "requestId", arg_min(file_row_number, candidate) AS place FROM ${rows} GROUP BY "requestId"`,
  );
  await connection.run(
    'CREATE TABLE prompts AS SELECT "requestId", place, row_number() OVER (ORDER BY place) - 1 AS n FROM firsts',
  );
  const prompts: MatrixPrompt[] = [];
  await forEachRow(
    connection,
    `SELECT t."requestId", epoch_ms("timestamp")::DOUBLE, "text", messages, task, tier, source,
      ${hashed ? '"promptHash", embedding' : 'NULL, NULL'}
    FROM ${rows} AS t JOIN prompts ON t.file_row_number = prompts.place ORDER BY n`,
    (values) => prompts.push(promptOf(values)),
  );
  const matrix = beginMatrix(prompts, names);
  await forEachRow(
    connection,
    `SELECT prompts.n::INTEGER, candidates.n::INTEGER, quality, "costUsd", "latencyMs", propensity, "inputTokens", "outputTokens",
      -- What a policy that explores might have asked as well; looked for as text first, since most rows have none.
      CASE WHEN propensity IS NOT NULL AND contains(metadata, '"propensities":{') THEN json_extract(metadata, '$.propensities')::VARCHAR END
      FROM ${rows} AS t
      JOIN prompts ON t."requestId" = prompts."requestId" JOIN candidates ON t.candidate = candidates.name`,
    ([prompt, candidate, quality, costUsd, latencyMs, propensity, inputTokens, outputTokens, propensities]) =>
      matrix.add({
        prompt,
        candidate,
        quality,
        costUsd,
        latencyMs,
        propensity,
        inputTokens,
        outputTokens,
        propensities: propensities === null ? null : JSON.parse(String(propensities)),
      } as Parameters<typeof matrix.add>[0]),
  );
  return matrix.finished();
}

/** Rows as they come, some thousands at a time. */
async function forEachRow(
  connection: DuckDBConnection,
  query: string,
  visit: (values: readonly DuckDBValue[]) => void,
): Promise<void> {
  const result = await connection.stream(query);
  for (
    let chunk = await result.fetchChunk();
    chunk !== null && chunk.rowCount > 0;
    chunk = await result.fetchChunk()
  )
    for (const row of chunk.getRows()) visit(row);
}

function promptOf(values: readonly DuckDBValue[]): MatrixPrompt {
  const [requestId, time, text, messages, task, tier, source, promptHash, embedding] = values as [
    string,
    number | null,
    string | null,
    string | null,
    string | null,
    string | null,
    string | null,
    string | null,
    { readonly items: readonly number[] } | null,
  ];
  return {
    requestId,
    timestamp: time === null ? null : new Date(time).toISOString(),
    text,
    messages: messages === null ? null : (JSON.parse(messages) as MatrixPrompt['messages']),
    task,
    tier,
    source: source ?? 'unknown',
    promptHash,
    embedding: embedding?.items ?? null,
  };
}
