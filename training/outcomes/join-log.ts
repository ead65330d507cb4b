import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { LOG_REASONS } from '../logs/index.ts';
import { joinScores } from './join-scores.ts';
import { quoteText } from './sql-text.ts';
import { EXISTING, USABLE } from './staged-table.ts';

export interface JoinOptions {
  /** Name of the scores that count. @default the only name there is */
  readonly score?: string | undefined;
  readonly failureQuality: 0 | null;
}

/** Records that became part of a row, and rows of the table that was there which they changed. */
export interface Joined {
  readonly recordsJoined: number;
  readonly rowsUpdated: number;
}

const isAwaiting = (metadata: string): string => `contains(${metadata}, '"awaiting":true')`;
const AWAITING = isAwaiting('metadata');
const AWAITING_DECISION = isAwaiting('d.metadata');

/**
 * Joins what was said apart from the calls: outcomes to the decisions that await them, then scores to answers. What
 * finds no partner is turned down with its line.
 * @throws InvalidInputError when scores of several names are there and none was asked for.
 */
export async function joinLog(connection: DuckDBConnection, options: JoinOptions): Promise<Joined> {
  const outcomes = await joinOutcomes(connection, options);
  const scores = await joinScores(connection, options.score);
  return {
    recordsJoined: outcomes.recordsJoined + scores.recordsJoined,
    rowsUpdated: outcomes.rowsUpdated + scores.rowsUpdated,
  };
}

async function joinOutcomes(connection: DuckDBConnection, options: JoinOptions): Promise<Joined> {
  const rows = async (query: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(query)).getRows();
  const [[given]] = await rows('SELECT count(*) FROM outcomes');
  if (Number(given) === 0) {
    await settleAwaiting(connection);
    return { recordsJoined: 0, rowsUpdated: 0 };
  }
  await connection.run(`INSERT INTO staged (file, line, reason, absent, derived)
    SELECT file, line, ${quoteText(LOG_REASONS.outcomeWithoutDecision)}, false, false FROM outcomes
    WHERE id NOT IN (SELECT "requestId" FROM staged WHERE ${USABLE})`);
  // What was asked comes from the decision, or from a row that was made of it before.
  await connection.run(`CREATE TABLE decisions AS SELECT * EXCLUDE (nth) FROM (SELECT *,
      json_extract_string(metadata, '$.decided') AS decided,
      row_number() OVER (PARTITION BY "requestId" ORDER BY candidate IS DISTINCT FROM json_extract_string(metadata, '$.decided'), file, line) AS nth
    FROM staged WHERE ${USABLE} AND "requestId" IN (SELECT id FROM outcomes)) WHERE nth = 1`);
  const [[updated]] = await rows(`SELECT count(*) FROM decisions WHERE file = ${EXISTING} AND ${AWAITING}`);
  const price = '(o."inputTokens" * input + o."outputTokens" * output) / 1e6';
  const known = (column: string): string => `CASE WHEN NOT o.failed THEN ${column} END`;
  const failed = options.failureQuality === null ? 'NULL' : String(options.failureQuality);
  await connection.run(`INSERT INTO staged SELECT o.file, o.line, NULL, false,
      ${known(`o."costUsd" IS NULL AND ${price} IS NOT NULL`)} IS TRUE,
      d."requestId", d."timestamp", d."text", d.messages, d."promptHash", d.embedding, d.task, d.tier, o.candidate,
      CASE WHEN o.failed THEN ${failed} WHEN ${AWAITING_DECISION} THEN d.quality END, ${known(`coalesce(o."costUsd", ${price})`)}, ${known('o."latencyMs"')},
      o."inputTokens", o."outputTokens",
      -- Who answers after a fallback was not drawn by the policy.
      CASE WHEN o.candidate = d.decided THEN d.propensity END, d.source,
      json_merge_patch('{}', json_object('artifactId', json_extract(d.metadata, '$.artifactId'), 'decided', d.decided,
        'answeredAt', o."saidAt", 'failed', CASE WHEN o.failed THEN true END, 'error', o.error,
        'scoredAt', CASE WHEN NOT o.failed AND ${AWAITING_DECISION} THEN json_extract(d.metadata, '$.scoredAt') END))
    FROM (SELECT *, row_number() OVER (PARTITION BY id, candidate ORDER BY "saidAt" DESC NULLS LAST, file, line) AS nth FROM outcomes) AS o
    JOIN decisions AS d ON d."requestId" = o.id LEFT JOIN prices ON prices.name = o.candidate WHERE o.nth = 1`);
  await connection.run('DROP TABLE decisions');
  await settleAwaiting(connection);
  const [[joined]] = await rows(
    `SELECT count(*) FROM outcomes WHERE id IN (SELECT "requestId" FROM staged WHERE ${USABLE})`,
  );
  return { recordsJoined: Number(joined), rowsUpdated: Number(updated) };
}

/** A decision whose outcome is known is no row of its own any more. */
async function settleAwaiting(connection: DuckDBConnection): Promise<void> {
  await connection.run(`DELETE FROM staged WHERE ${USABLE} AND ${AWAITING}
    AND "requestId" IN (SELECT "requestId" FROM staged WHERE ${USABLE} AND NOT ${AWAITING})`);
}
