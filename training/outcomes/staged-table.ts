import { type FieldSettings, judgedRows } from '../ingest/sql/fields.ts';
import type { Prices } from './amounts.ts';
import { OUTCOME_FIELDS, type OutcomeField } from './outcome-fields.ts';
import { quoteText } from './sql-text.ts';

export const STAGED_COLUMNS = OUTCOME_FIELDS.map((field) => `"${field}"`).join(', ');

/** Number of the file that rows of the table that is appended to come from. */
export const EXISTING = -1;

/** In the place of a reason: the prompt is still to be read. */
export const UNREAD = '\u0001unread';
export const USABLE = 'reason IS NULL AND NOT absent';

/**
 * One row per row read; `reason` is null where it can be used, and `absent` marks cells that are no rows. `rating` is what was
 * given as quality where it is no number.
 */
export const CREATE_STAGED = `CREATE TABLE staged (file INTEGER, line BIGINT, reason VARCHAR, absent BOOLEAN, derived BOOLEAN,
  "requestId" VARCHAR, "timestamp" TIMESTAMP, "text" VARCHAR, messages VARCHAR, "promptHash" VARCHAR, embedding DOUBLE[], task VARCHAR, tier VARCHAR,
  candidate VARCHAR, quality DOUBLE, "costUsd" DOUBLE, "latencyMs" DOUBLE, "inputTokens" DOUBLE, "outputTokens" DOUBLE,
  propensity DOUBLE, source VARCHAR, metadata VARCHAR, rating VARCHAR)`;
export const CREATE_PRICES = 'CREATE TABLE prices (name VARCHAR, input DOUBLE, output DOUBLE)';

/**
 * Files whose lines count no blank ones. Where `row` is given, rows have no `line` yet: they follow each other in the
 * file and here, from `row` on.
 */
export const CREATE_FIRST_ROWS = 'CREATE TABLE first_rows (file INTEGER, row BIGINT)';

/** How rows are judged, beside what they say. */
export interface JudgeSettings extends FieldSettings {
  /** For rows with tokens and no cost. @default {} */
  readonly prices?: Prices;
}

/**
 * @param raw SQL of raw rows, as `rawRows` gives them.
 * @param into a table with the columns of `staged`
 */
export function insertJudged(
  raw: string,
  fileIndex: number,
  settings: JudgeSettings = {},
  into = 'staged',
): string {
  const { prices = {} } = settings;
  const entries = Object.entries(prices).map(
    ([name, { inputPricePerMillionTokens: input, outputPricePerMillionTokens: output }]) =>
      `${quoteText(name)}: {input: ${input}::DOUBLE, output: ${output}::DOUBLE}`,
  );
  // A lookup and no join: joined rows do not come in the order of their file, which their lines are counted by.
  const price =
    entries.length === 0
      ? 'NULL::DOUBLE'
      : // A failed call has no cost, whatever it counted.
        `CASE WHEN NOT contains(metadata, '"failed"') OR json_extract_string(metadata, '$.failed') IS DISTINCT FROM 'true'
          THEN (inputTokens * MAP {${entries.join(', ')}}[candidate].input + outputTokens * MAP {${entries.join(', ')}}[candidate].output) / 1e6 END`;
  const isDerived = `costUsd IS NULL AND ${price} IS NOT NULL`;
  const values: Partial<Record<OutcomeField, string>> = {
    costUsd: `coalesce(costUsd, ${price})`,
    // So that it can be computed again when prices have changed.
    metadata: `CASE WHEN ${isDerived} THEN json_merge_patch(metadata, '{"costSource":"computed"}') ELSE metadata END`,
  };
  const columns = OUTCOME_FIELDS.map((field) => values[field] ?? `"${field}"`);
  return `INSERT INTO ${into} SELECT ${fileIndex}, line, reason, absent, ${isDerived}, ${columns.join(', ')}, rating
    FROM (${judgedRows(raw, settings)})`;
}
