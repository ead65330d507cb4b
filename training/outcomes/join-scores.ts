import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import type { Joined } from '../ingest/join-log.ts';
import { LOG_REASONS } from '../logs/log-reasons.ts';
import { quoteText } from './sql-text.ts';
import { EXISTING, USABLE } from './staged-table.ts';
import { UnclearScoresError } from './unclear-scores-error.ts';

const metadata = (field: string): string => `json_extract_string(metadata, '$.${field}')`;

/**
 * Gives answers the quality that scores say; of several scores of one answer the last counts. A score of a call comes
 * before one of its trace, and either before what the call itself said, when it is later.
 */
export async function joinScores(connection: DuckDBConnection, score: string | undefined): Promise<Joined> {
  const rows = async (query: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(query)).getRows();
  const named = await rows('SELECT name, count(*) FROM scores GROUP BY name ORDER BY count(*) DESC, name');
  if (named.length === 0) return { recordsJoined: 0, rowsUpdated: 0, said: 0 };
  const name = score ?? String(named[0][0]);
  if (score === undefined && named.length > 1) {
    throw new UnclearScoresError(
      `The log has scores of ${named.length} names: ${named.map(([each, count]) => `${each} (${count})`).join(', ')}. Say which is the quality: --score ${name}`,
      { names: named.map(([each, count]) => [String(each), Number(count)] as const) },
    );
  }
  const wanted = `name = ${quoteText(name)}`;
  await connection.run(`INSERT INTO staged (file, line, reason, absent, derived) SELECT file, line,
      ${quoteText(LOG_REASONS.otherScore)}, false, false FROM scores WHERE NOT (${wanted})`);
  // Who answered: the last that did not fail. A decision that was never carried out counts as if it was.
  await connection.run(`CREATE TABLE answered AS SELECT DISTINCT "requestId", first_value(candidate) OVER (
      PARTITION BY "requestId" ORDER BY coalesce(${metadata('failed')}, 'false') = 'true', ${metadata('answeredAt')} DESC NULLS LAST, candidate) AS candidate
    FROM staged WHERE ${USABLE} AND "requestId" IN (SELECT id FROM scores WHERE ${wanted} AND "of" = 'call')`);
  const latest = `SELECT *, row_number() OVER (PARTITION BY id, candidate ORDER BY "saidAt" DESC NULLS LAST, file, line) AS nth`;
  await connection.run(`CREATE TABLE given AS
    SELECT id AS "requestId", candidate, value, "saidAt" FROM (${latest} FROM (
      SELECT s.id, coalesce(s.candidate, a.candidate) AS candidate, s.value, s."saidAt", s.file, s.line FROM scores AS s
      JOIN answered AS a ON a."requestId" = s.id WHERE ${wanted} AND "of" = 'call')) WHERE nth = 1`);
  await connection.run(`INSERT INTO given SELECT t."requestId", t.candidate, s.value, s."saidAt"
    FROM (SELECT *, row_number() OVER (PARTITION BY "of", id ORDER BY "saidAt" DESC NULLS LAST, file, line) AS nth
      FROM scores WHERE ${wanted} AND "of" <> 'call') AS s
    JOIN (SELECT DISTINCT "requestId", candidate, unnest(['trace', 'response']) AS "of",
        unnest([${metadata('traceId')}, ${metadata('responseId')}]) AS id FROM staged WHERE ${USABLE}) AS t
      ON t."of" = s."of" AND t.id = s.id
    WHERE s.nth = 1 AND NOT EXISTS (SELECT 1 FROM given WHERE given."requestId" = t."requestId" AND given.candidate = t.candidate)`);
  const isLater = `(quality IS NULL OR coalesce(given."saidAt", '') > coalesce(${metadata('scoredAt')}, ''))`;
  const matches = `staged."requestId" = given."requestId" AND staged.candidate = given.candidate AND ${USABLE}`;
  const [[updated]] = await rows(
    `SELECT count(*) FROM staged JOIN given ON ${matches} WHERE file = ${EXISTING} AND ${isLater}`,
  );
  await connection.run(`UPDATE staged SET quality = given.value,
      metadata = json_merge_patch(metadata, json_object('scoredAt', given."saidAt")) FROM given WHERE ${matches} AND ${isLater}`);
  const isJoined = `CASE WHEN "of" = 'call' THEN id IN (SELECT "requestId" FROM answered)
    WHEN "of" = 'trace' THEN id IN (SELECT ${metadata('traceId')} FROM staged WHERE ${USABLE})
    ELSE id IN (SELECT ${metadata('responseId')} FROM staged WHERE ${USABLE}) END`;
  const [[joined]] = await rows(`SELECT count(*) FROM scores WHERE ${wanted} AND ${isJoined}`);
  await connection.run(`INSERT INTO staged (file, line, reason, absent, derived) SELECT file, line,
      ${quoteText(LOG_REASONS.scoreWithoutCall)}, false, false FROM scores WHERE ${wanted} AND (${isJoined}) IS NOT TRUE`);
  await connection.run('DROP TABLE answered; DROP TABLE given');
  return { recordsJoined: Number(joined), rowsUpdated: Number(updated), said: Number(joined) };
}
