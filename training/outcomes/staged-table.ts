import { judgedRows } from './field-sql.ts';
import { OUTCOME_FIELDS } from './outcome-fields.ts';

export const STAGED_COLUMNS = OUTCOME_FIELDS.map((field) => `"${field}"`).join(', ');

/** Number of the file that rows of the table that is appended to come from. */
export const EXISTING = -1;
export const USABLE = 'reason IS NULL AND NOT absent';

/** One row per row read; `reason` is null where it can be used, and `absent` marks cells that are no rows. */
export const CREATE_STAGED = `CREATE TABLE staged (file INTEGER, line BIGINT, reason VARCHAR, absent BOOLEAN, derived BOOLEAN,
  "requestId" VARCHAR, "timestamp" TIMESTAMP, "text" VARCHAR, messages VARCHAR, "promptHash" VARCHAR, embedding DOUBLE[], task VARCHAR, tier VARCHAR,
  candidate VARCHAR, quality DOUBLE, "costUsd" DOUBLE, "latencyMs" DOUBLE, "inputTokens" DOUBLE, "outputTokens" DOUBLE,
  propensity DOUBLE, source VARCHAR, metadata VARCHAR)`;
export const CREATE_PRICES = 'CREATE TABLE prices (name VARCHAR, input DOUBLE, output DOUBLE)';
/**
 * Files whose lines count no blank ones. Where `row` is given, rows have no `line` yet: they follow each other in the
 * file and here, from `row` on.
 */
export const CREATE_FIRST_ROWS = 'CREATE TABLE first_rows (file INTEGER, row BIGINT)';

/** @param raw SQL of raw rows, as `rawRows` gives them. */
export function insertJudged(raw: string, fileIndex: number, scoreRange?: readonly [number, number]): string {
  const price = '(inputTokens * input + outputTokens * output) / 1e6';
  const columns = OUTCOME_FIELDS.map((field) =>
    field === 'costUsd' ? `coalesce(costUsd, ${price})` : `"${field}"`,
  );
  return `INSERT INTO staged SELECT ${fileIndex}, line, reason, absent, costUsd IS NULL AND ${price} IS NOT NULL, ${columns.join(', ')}
    FROM (${judgedRows(raw, scoreRange)}) LEFT JOIN prices ON prices.name = candidate`;
}
