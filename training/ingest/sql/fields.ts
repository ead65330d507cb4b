import { LARGEST_AMOUNTS } from 'pointsman/log';
import { areMessages, areNumbers, embeddedJson } from '../../outcomes/json-sql.ts';
import { numberSql, qualitySql, ratingSql } from '../../outcomes/number-sql.ts';
import { HASH_PATTERN, LONGEST_NAME } from '../../outcomes/outcome.ts';
import { FIELD_REASONS, OUTCOME_FIELDS, type OutcomeField, REASONS } from '../../outcomes/outcome-fields.ts';
import { isPlainPrompt } from '../../outcomes/prompt-sql.ts';
import { isText, quoteText, unquoted } from '../../outcomes/sql-text.ts';
import { withTimestamp } from '../../outcomes/timestamp-sql.ts';

/** How fields are judged, beside what they say. */
export interface FieldSettings {
  /** Whether the messages were made here, so that they need no judging. @default false */
  readonly plainMessages?: boolean;
  /** The reason of rows whose prompt, of whatever shape, is not plain and is left to be read later. @default none */
  readonly unread?: string;
}

/**
 * SQL that turns raw JSON texts into typed columns and a `reason` (null when the row is good): the judgement of
 * `outcomeRowSchema`, a vector of rows at a time. Of the quality it tells only what was given (`quality`, and `rating`
 * where that is no number): whether that is one, only all of them together can tell (`settleScores`).
 * @param relation SQL of a relation with `line`, `absent`, `broken` (a reason, or null) and a VARCHAR `r_<field>`
 * for every field, null when the row does not have it.
 */
export function judgedRows(relation: string, settings: FieldSettings = {}): string {
  const { plainMessages = false, unread } = settings;
  const isLater = plainMessages || unread !== undefined;
  const values = OUTCOME_FIELDS.filter((field) => field !== 'timestamp');
  const verdicts = OUTCOME_FIELDS.filter((field) => field !== 'quality').map(
    (field) =>
      `WHEN ${field === 'messages' && isLater ? 'false' : REFUSALS[field]} THEN ${quoteText(FIELD_REASONS[field])}`,
  );
  return `SELECT line, absent, coalesce(broken, CASE ${verdicts.join('\n')}
      WHEN "text" IS NULL AND messages IS NULL AND promptHash IS NULL THEN ${quoteText(REASONS.noRequest)}
      ${unread === undefined ? '' : `WHEN ("text" IS NOT NULL OR messages IS NOT NULL) AND NOT ${isPlainPrompt('"text"', 'messages')} THEN ${quoteText(unread)}`} END) AS reason,
    requestId, "timestamp", "text", messages, promptHash, embedding, task, tier, candidate, quality, costUsd, latencyMs, inputTokens,
    outputTokens, propensity, coalesce(source, 'unknown') AS source, coalesce(metadata, '{}') AS metadata,
    ${ratingSql('r_quality', 'quality')} AS rating
    FROM (SELECT line, broken, absent, "timestamp", bad_timestamp, ${OUTCOME_FIELDS.map((field) => `r_${field}`).join(', ')},
      ${values.map((field) => `${VALUES[field as keyof typeof VALUES]} AS "${field}"`).join(',\n')}
      FROM (${withTimestamp(unread === undefined ? relation : withLooseMessages(relation))}))`;
}

/** Messages under a name that texts have, such as `input` or `prompt`. */
function withLooseMessages(relation: string): string {
  const isLoose = `(starts_with(r_text, '[') OR starts_with(r_text, '{'))`;
  return `SELECT * REPLACE (CASE WHEN r_messages IS NULL AND ${isLoose} THEN r_text ELSE r_messages END AS r_messages,
    CASE WHEN ${isLoose} THEN NULL ELSE r_text END AS r_text) FROM (${relation})`;
}

const label = (raw: string): string =>
  `CASE WHEN ${isText(raw)} THEN nullif(${unquoted(raw)}, '') WHEN regexp_full_match(${raw}, '-?[0-9]{1,20}') THEN ${raw} END`;
const notLabel = (raw: string): string =>
  `NOT ${isText(raw)} AND NOT regexp_full_match(${raw}, '-?[0-9]{1,20}')`;
const outside = (field: string, allowed: string): string =>
  `NOT (isfinite(${field}) AND ${field} ${allowed})`;

const VALUES: Readonly<Record<Exclude<OutcomeField, 'timestamp'>, string>> = {
  requestId: label('r_requestId'),
  text: `CASE WHEN ${isText('r_text')} THEN ${unquoted('r_text')} END`,
  messages: embeddedJson('r_messages'),
  promptHash: `CASE WHEN ${isText('r_promptHash')} THEN ${unquoted('r_promptHash')} END`,
  embedding: `TRY_CAST(${embeddedJson('r_embedding')} AS DOUBLE[])`,
  task: label('r_task'),
  tier: label('r_tier'),
  candidate: label('r_candidate'),
  quality: qualitySql('r_quality'),
  costUsd: numberSql('r_costUsd'),
  latencyMs: numberSql('r_latencyMs'),
  inputTokens: numberSql('r_inputTokens'),
  outputTokens: numberSql('r_outputTokens'),
  propensity: numberSql('r_propensity'),
  source: label('r_source'),
  metadata: embeddedJson('r_metadata'),
};

/** A refusal that is null counts as none, so a field that is not given passes. */
const REFUSALS: Readonly<Record<Exclude<OutcomeField, 'quality'>, string>> = {
  requestId: 'requestId IS NULL',
  timestamp: 'bad_timestamp',
  text: `NOT ${isText('r_text')}`,
  messages: `messages IS NOT NULL AND NOT ${areMessages('messages')}`,
  promptHash: `NOT ${isText('r_promptHash')} OR NOT regexp_matches(promptHash, '${HASH_PATTERN}')`,
  embedding: `${embeddedJson('r_embedding')} IS NOT NULL AND NOT ${areNumbers(embeddedJson('r_embedding'))}`,
  task: notLabel('r_task'),
  tier: notLabel('r_tier'),
  candidate: `candidate IS NULL OR length(candidate) > ${LONGEST_NAME} OR regexp_matches(candidate, '\\p{Cc}')
    OR regexp_full_match(candidate, '[\\s\\p{Z}\\x{FEFF}]*')`,
  costUsd: outside('costUsd', `BETWEEN 0 AND ${LARGEST_AMOUNTS.costUsd}`),
  latencyMs: outside('latencyMs', `BETWEEN 0 AND ${LARGEST_AMOUNTS.latencyMs}`),
  inputTokens: outside('inputTokens', `BETWEEN 0 AND ${LARGEST_AMOUNTS.inputTokens}`),
  outputTokens: outside('outputTokens', `BETWEEN 0 AND ${LARGEST_AMOUNTS.outputTokens}`),
  propensity: outside('propensity', '> 0 AND propensity <= 1'),
  source: notLabel('r_source'),
  metadata: `NOT starts_with(metadata, '{')`,
};
