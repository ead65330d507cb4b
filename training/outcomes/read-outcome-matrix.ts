import { DuckDBInstance } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import type { OutcomeMatrix } from './outcome-matrix.ts';
import { type MatrixRow, outcomeMatrixFromRows } from './outcome-matrix-from-rows.ts';
import { quoteText } from './sql-text.ts';

/**
 * Reads an outcomes table written by `ingestOutcomes` into the matrix.
 * @throws InvalidInputError when the file cannot be read or lacks the columns of an outcomes table.
 */
export async function readOutcomeMatrix(parquet: string): Promise<OutcomeMatrix> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const described = await connection.runAndReadAll(
      `DESCRIBE SELECT * FROM read_parquet(${quoteText(parquet)})`,
    );
    // Tables of earlier versions know no hashed prompts.
    const hashed = described.getRows().some(([name]) => name === 'promptHash');
    const result =
      await connection.runAndReadAll(`SELECT "requestId", epoch_ms("timestamp")::DOUBLE, "text", messages, task, tier,
      candidate, quality, "costUsd", "latencyMs", propensity, source, ${hashed ? '"promptHash", embedding' : 'NULL, NULL'} FROM read_parquet(${quoteText(parquet)})`);
    return outcomeMatrixFromRows(rowsOf(result.getColumns() as Columns));
  } catch (error) {
    if (error instanceof InvalidInputError) throw error;
    throw new InvalidInputError(
      `${parquet} is not an outcomes table: ${(error as Error).message.split('\n')[0]} Make one with: pointsman ingest`,
      { cause: error },
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

type Texts = (string | null)[];
type Numbers = (number | null)[];
type Lists = ({ readonly items: readonly number[] } | null)[];
type Columns = [
  Texts,
  Numbers,
  Texts,
  Texts,
  Texts,
  Texts,
  Texts,
  Numbers,
  Numbers,
  Numbers,
  Numbers,
  Texts,
  Texts,
  Lists,
];

function* rowsOf(columns: Columns): Generator<MatrixRow> {
  const [
    ids,
    times,
    texts,
    messages,
    tasks,
    tiers,
    candidates,
    qualities,
    costs,
    latencies,
    propensities,
    sources,
    hashes,
    embeddings,
  ] = columns;
  for (let i = 0; i < ids.length; i++) {
    const time = times[i];
    const conversation = messages[i];
    yield {
      requestId: ids[i] ?? '',
      timestamp: time === null ? null : new Date(time).toISOString(),
      text: texts[i],
      messages: conversation === null ? null : (JSON.parse(conversation) as MatrixRow['messages']),
      task: tasks[i],
      tier: tiers[i],
      candidate: candidates[i] ?? '',
      quality: qualities[i],
      costUsd: costs[i],
      latencyMs: latencies[i],
      propensity: propensities[i],
      source: sources[i] ?? 'unknown',
      promptHash: hashes[i],
      embedding: embeddings[i]?.items ?? null,
    };
  }
}
