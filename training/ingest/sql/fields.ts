import {
  HASH_PATTERN,
  ISO_PATTERN,
  JSON_ANSWER,
  LARGEST_EPOCH_MS,
  LONGEST_NAME,
  NUMBER_PATTERN,
  SMALLEST_EPOCH_MS,
  TIMESTAMP_PATTERN,
} from '../../outcomes/column-values.ts';
import type { ColumnKind, NumberRange } from '../../outcomes/columns.ts';
import {
  columnOf,
  FIELD_REASONS,
  OUTCOME_FIELDS,
  type OutcomeField,
  REASONS,
} from '../../outcomes/outcome.ts';
import { isText, quoteText, unquoted } from '../../work/scratch-database.ts';
import { LONGEST_REDACTED } from '../record/format.ts';

/** How fields are judged, beside what they say. */
export interface FieldSettings {
  /** Whether the messages were made here, so that they need no judging. @default false */
  readonly plainMessages?: boolean;
  /** The reason of rows whose prompt, of whatever shape, is not plain and is left to be read later. @default none */
  readonly unread?: string;
  /** Fields that a row may have: of the others nothing is asked, which is sooner planned. @default all */
  readonly given?: ReadonlySet<OutcomeField>;
}

/**
 * SQL that turns raw JSON texts into typed columns and a `reason` (null when the row is good): the judgement of
 * `outcomeRowSchema`, a vector of rows at a time. Of the quality it tells only what was given (`quality`, and `rating`
 * where that is no number): whether that is one, only all of them together can tell (`settleScores`).
 * @param relation SQL of a relation with `line`, `absent`, `broken` (a reason, or null) and a VARCHAR `r_<field>`
 * for every field, null when the row does not have it.
 */
export function judgedRows(relation: string, settings: FieldSettings = {}): string {
  const { given, plainMessages = false, unread } = settings;
  // A row without a name is refused; and what is called like a text may hold messages.
  const isGiven = (field: OutcomeField): boolean =>
    given === undefined ||
    given.has(field) ||
    (field === 'messages' && given.has('text')) ||
    ['name', 'candidate'].includes(columnOf(field).kind);
  const areJudged = !plainMessages && unread === undefined;
  // A quality is judged later.
  const verdicts = OUTCOME_FIELDS.filter(
    (field) => isGiven(field) && columnOf(field).kind !== 'quality' && (areJudged || field !== 'messages'),
  ).map((field) => `WHEN ${refusalSql(field)} THEN ${quoteText(FIELD_REASONS[field])}`);
  const columns = OUTCOME_FIELDS.map((field) => {
    const { otherwise } = columnOf(field);
    return otherwise === undefined
      ? `"${field}"`
      : `coalesce("${field}", ${quoteText(otherwise)}) AS "${field}"`;
  });
  const rows = unread === undefined ? relation : withLooseMessages(relation);
  return `SELECT line, absent, coalesce(broken, CASE ${verdicts.join('\n')}
      WHEN "text" IS NULL AND messages IS NULL AND promptHash IS NULL THEN ${quoteText(REASONS.noRequest)}
      ${unread === undefined ? '' : `WHEN ("text" IS NOT NULL OR messages IS NOT NULL) AND NOT ${isPlainPrompt('"text"', 'messages')} THEN ${quoteText(unread)}`} END) AS reason,
    ${columns.join(', ')}, ${ratingSql('r_quality', 'quality')} AS rating
    FROM (SELECT line, broken, absent,${isGiven('timestamp') ? ' "timestamp",' : ''} bad_timestamp, ${OUTCOME_FIELDS.map((field) => `r_${field}`).join(', ')},
      ${OUTCOME_FIELDS.flatMap((field) => (isGiven(field) ? (valueSql(field) ?? []) : notGiven(field))).join(',\n')}
      FROM (${isGiven('timestamp') ? withTimestamp(rows) : `SELECT *, false AS bad_timestamp FROM (${rows})`}))`;
}

/** Raised for a document that DuckDB's own reader cannot take apart as it is; the file is then read line by line. */
export const IRREGULAR = `error('irregular')`;

/** SQL: whether a document has none of these fields. DuckDB's own reader makes such a one of a line `null` too. */
export function noneOf(columns: readonly string[]): string {
  return `coalesce(${columns.map((column) => `"${column}"`).join(', ')}) IS NULL`;
}

/** Messages under a name that texts have, such as `input` or `prompt`. */
function withLooseMessages(relation: string): string {
  const isLoose = `(starts_with(r_text, '[') OR starts_with(r_text, '{'))`;
  return `SELECT * REPLACE (CASE WHEN r_messages IS NULL AND ${isLoose} THEN r_text ELSE r_messages END AS r_messages,
    CASE WHEN ${isLoose} THEN NULL ELSE r_text END AS r_text) FROM (${relation})`;
}

const NAN = `'NaN'::DOUBLE`;

/** What a kind of column is in SQL. */
interface KindSql {
  /** The value, of the raw JSON text `raw`. */
  readonly value: (raw: string) => string;
  /** Whether it is refused, of the value too. A refusal that is null counts as none, so a field that is not given passes. */
  readonly refused: (raw: string, value: string, range: NumberRange) => string;
}

const NUMBER: KindSql = {
  value: numberSql,
  refused: (_, value, { isAbove = false, least, most }) =>
    `NOT (isfinite(${value}) AND ${value} ${isAbove ? '>' : '>='} ${least} AND ${value} <= ${most})`,
};

/** Of each kind but two: a time is read by `withTimestamp`, and `settleScores` judges qualities. */
const KINDS: Readonly<Record<Exclude<ColumnKind, 'time'>, KindSql>> = {
  name: { value: label, refused: (_, value) => `${value} IS NULL` },
  candidate: {
    value: label,
    refused: (
      _,
      value,
    ) => `${value} IS NULL OR length(${value}) > ${LONGEST_NAME} OR regexp_matches(${value}, '\\p{Cc}')
    OR regexp_full_match(${value}, '[\\s\\p{Z}\\x{FEFF}]*')`,
  },
  label: { value: label, refused: notLabel },
  text: { value: textSql, refused: (raw) => `NOT ${isText(raw)}` },
  hash: {
    value: textSql,
    refused: (raw, value) => `NOT ${isText(raw)} OR NOT regexp_matches(${value}, '${HASH_PATTERN}')`,
  },
  messages: {
    value: embeddedJson,
    refused: (_, value) => `${value} IS NOT NULL AND NOT ${areMessages(value)}`,
  },
  object: { value: embeddedJson, refused: (_, value) => `NOT starts_with(${value}, '{')` },
  vector: {
    // A list of FLOAT is cast when it is written.
    value: (raw) => `TRY_CAST(${embeddedJson(raw)} AS DOUBLE[])`,
    refused: (raw) => `${embeddedJson(raw)} IS NOT NULL AND NOT ${areNumbers(embeddedJson(raw))}`,
  },
  quality: { value: qualitySql, refused: () => 'false' },
  amount: NUMBER,
  share: NUMBER,
  whole: {
    value: numberSql,
    refused: (raw, value, range) => `${NUMBER.refused(raw, value, range)} OR ${value} <> floor(${value})`,
  },
  answer: {
    value: (raw) => `CASE WHEN ${isText(raw)} THEN ${unquoted(raw)}
      WHEN starts_with(${raw}, '{') OR starts_with(${raw}, '[') THEN ${quoteText(JSON_ANSWER)} || ${raw} ELSE ${raw} END`,
    refused: () => 'false',
  },
  note: { value: label, refused: () => 'false' },
};

function valueSql(field: OutcomeField): string | null {
  const { kind } = columnOf(field);
  return kind === 'time' ? null : `${KINDS[kind].value(`r_${field}`)} AS "${field}"`;
}

function notGiven(field: OutcomeField): string {
  return `NULL::${columnOf(field).type} AS "${field}"`;
}

function refusalSql(field: OutcomeField): string {
  const { kind, range = ANY_NUMBER } = columnOf(field);
  return kind === 'time' ? 'bad_timestamp' : KINDS[kind].refused(`r_${field}`, `"${field}"`, range);
}

const ANY_NUMBER: NumberRange = { least: -Number.MAX_VALUE, most: Number.MAX_VALUE };

/**
 * A JSON text with halves of surrogate pairs, which DuckDB refuses, as U+FFFD. A backslash that another one escapes begins
 * no escape, so that pairs of backslashes are put aside meanwhile, and whole pairs of surrogates too.
 */
export function wellFormed(json: string): string {
  const [aside, high, low] = ['chr(2)', 'chr(3)', 'chr(4)'];
  const [isHigh, isLow] = ['[dD][89abAB][0-9a-fA-F]{2}', '[dD][c-fC-F][0-9a-fA-F]{2}'];
  const apart = `replace(${json}, '\\\\', ${aside})`;
  const paired = `regexp_replace(${apart}, '\\\\u(${isHigh})\\\\u(${isLow})', ${high} || '\\1' || ${low} || '\\2', 'g')`;
  const whole = `regexp_replace(${paired}, '\\\\u(?:${isHigh}|${isLow})', '\\\\ufffd', 'g')`;
  return `replace(replace(replace(${whole}, ${high}, '\\u'), ${low}, '\\u'), ${aside}, '\\\\')`;
}

/** Whether a text may hold such a half. */
export function mayHoldSurrogates(json: string): string {
  return `(contains(${json}, '\\ud') OR contains(${json}, '\\uD'))`;
}

/** `readJson` in SQL: a raw JSON text, or the JSON text inside a JSON string; null when blank. */
export function embeddedJson(raw: string): string {
  const text = unquoted(raw);
  return `CASE WHEN NOT ${isText(raw)} THEN ${raw} WHEN ${raw} = '""' THEN NULL
    WHEN json_valid(${text}) THEN nullif(json_extract(${text}, '$')::VARCHAR, 'null')
    WHEN ${mayHoldSurrogates(text)} AND json_valid(${wellFormed(text)})
      THEN json_extract(${wellFormed(text)}, '$')::VARCHAR ELSE ${raw} END`;
}

/** Whether the JSON text in column `json` is a non-empty list of messages, as `outcomeRowSchema` has them. */
function areMessages(json: string): string {
  const role = `json_extract(m, '$.role')::VARCHAR`;
  const content = `json_extract(m, '$.content')::VARCHAR`;
  const part = `coalesce(starts_with(p, '{') AND starts_with(json_extract(p, '$.type')::VARCHAR, '"'), false)`;
  return `CASE WHEN starts_with(${json}, '[') AND json_array_length(${json}) > 0 THEN
    list_bool_and(list_transform(json_extract(${json}, '$[*]')::VARCHAR[], lambda m: CASE WHEN starts_with(m, '{')
      THEN coalesce(starts_with(${role}, '"') AND ${role} <> '""', false) AND CASE
        WHEN ${content} IS NULL OR ${content} = 'null' OR starts_with(${content}, '"') THEN true
        WHEN starts_with(${content}, '[') THEN
          coalesce(list_bool_and(list_transform(json_extract(${content}, '$[*]')::VARCHAR[], lambda p: ${part})), true)
        ELSE false END
      ELSE false END))
    ELSE false END`;
}

/** Whether the JSON text `json` is a non-empty list of finite numbers. */
function areNumbers(json: string): string {
  const number = '-?[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?';
  return `coalesce(regexp_full_match(${json}, '\\[\\s*${number}(?:\\s*,\\s*${number})*\\s*\\]')
    AND list_bool_and(list_transform(TRY_CAST(${json} AS DOUBLE[]), lambda n: isfinite(n))), false)`;
}

function label(raw: string): string {
  return `CASE WHEN ${isText(raw)} THEN nullif(${unquoted(raw)}, '') WHEN regexp_full_match(${raw}, '-?[0-9]{1,20}') THEN ${raw} END`;
}

function notLabel(raw: string): string {
  return `NOT ${isText(raw)} AND NOT regexp_full_match(${raw}, '-?[0-9]{1,20}')`;
}

function textSql(raw: string): string {
  return `CASE WHEN ${isText(raw)} THEN ${unquoted(raw)} END`;
}

/** `readNumber` in SQL, of a raw JSON text. NaN stands for "given, but not a number"; null for "not given". */
function numberSql(raw: string): string {
  return `CASE WHEN ${isText(raw)} THEN ${numberOfText(unquoted(raw))}
    ELSE CASE WHEN ${raw} IS NOT NULL THEN coalesce(TRY_CAST(${raw} AS DOUBLE), ${NAN}) END END`;
}

/** `readQuality` in SQL. */
function qualitySql(raw: string): string {
  return `CASE WHEN ${isWord(raw, 'true')} THEN 1.0 WHEN ${isWord(raw, 'false')} THEN 0.0 ELSE ${numberSql(raw)} END`;
}

/** What was given as a quality where it is no number: its text, else null. */
function ratingSql(raw: string, quality: string): string {
  return `CASE WHEN isnan(${quality}) OR ${isWord(raw, 'true')} OR ${isWord(raw, 'false')} THEN
    trim(CASE WHEN ${isText(raw)} THEN ${unquoted(raw)} ELSE ${raw} END) END`;
}

function isWord(raw: string, word: 'true' | 'false'): string {
  return `length(${raw}) BETWEEN 4 AND 7 AND lower(${raw}) IN ('${word}', '"${word}"')`;
}

/** `readNumber` in SQL, of a string. */
function numberOfText(text: string): string {
  return `CASE WHEN trim(${text}) = '' THEN NULL
    WHEN regexp_full_match(trim(${text}), '${NUMBER_PATTERN}') THEN coalesce(TRY_CAST(trim(${text}) AS DOUBLE), ${NAN})
    ELSE ${NAN} END`;
}

/** Roles that need no reading, as JSON texts in a list of SQL. */
export const PLAIN_ROLES = ['user', 'system', 'assistant', 'tool', 'developer']
  .map((role) => quoteText(`"${role}"`))
  .join(', ');

/** What JavaScript takes for a blank, which is more than RE2 does. */
export const BLANKS =
  '\\s\\x0B\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}\\x{FEFF}';

/** What every placeholder of `promptProblem` holds, and most prompts do not. */
export const MAY_BE_REDACTED =
  '(?i)redact|mask|filter|scrub|remov|hidden|omit|truncat|anonymi|censor|saniti|elided|withheld|suppress|strip|delet|encrypt|protect|no[-_ ]content|not[-_ ](captured|logged|recorded)|x{6}|sha[0-9]|[*•█■#]{3}';

/** How every placeholder begins. */
const MAY_BEGIN_REDACTED = `^[${BLANKS}]*(?:(?i:redacted|message|prompt|input|content|text|x{6}|sha[0-9])|[\\[<({*_•█■#-])`;

/** Most prompts hold a letter or a digit of the user in plain sight. */
const IN_PLAIN_SIGHT = '"role":\\s*"user",\\s*"content":\\s*"[^"\\\\]*?[A-Za-z0-9]';

/** What the user said in plain messages, as `readPrompt` has it. */
export function userWords(messages: string): string {
  return `array_to_string(list_transform(list_filter(json_transform(${messages}, '[{"role":"JSON","content":"JSON"}]'), lambda m: m.role::VARCHAR = '"user"'), lambda m:
    CASE WHEN ${isText('m.content::VARCHAR')} THEN ${unquoted('m.content::VARCHAR')}
      ELSE coalesce(array_to_string(json_extract_string(m.content, '$[*].text'), chr(10)), '') END), chr(10))`;
}

/**
 * Whether a prompt is one as it stands: a text, or messages of known roles, of whose parts those with words say so, with
 * words of the user that are no placeholder. Any other must be read by `readConversation` and `promptProblem`.
 */
function isPlainPrompt(text: string, messages: string): string {
  // Named by a list of one, so that they are written down, planned and gathered once.
  const isOfWords = `list_transform([${userWords(messages)}], lambda w: ${areWords('w')})[1]`;
  return `CASE WHEN ${messages} IS NULL THEN ${areWords(text)} WHEN NOT ${arePlainMessages(messages)} THEN false
    WHEN regexp_matches(${messages}, ${quoteText(IN_PLAIN_SIGHT)}) AND NOT regexp_matches(${messages}, ${quoteText(MAY_BE_REDACTED)}) THEN true
    ELSE ${isOfWords} END`;
}

function areWords(words: string): string {
  return `CASE WHEN NOT regexp_matches(${words}, '[^${BLANKS}]') THEN false
    ELSE NOT (regexp_matches(${words}, ${quoteText(MAY_BEGIN_REDACTED)}) AND length(${words}) <= ${LONGEST_REDACTED}
      AND regexp_matches(${words}, ${quoteText(MAY_BE_REDACTED)})) END`;
}

function arePlainMessages(json: string): string {
  const role = `json_extract(m, '$.role')::VARCHAR`;
  const content = `json_extract(m, '$.content')::VARCHAR`;
  const type = `json_extract(p, '$.type')::VARCHAR`;
  // Words of a part that is called otherwise are not read later, so that such a part is no plain one.
  const part = `coalesce(starts_with(p, '{') AND CASE WHEN ${type} = '"text"' THEN ${isText(`json_extract(p, '$.text')::VARCHAR`)}
      ELSE ${isText(type)} AND json_extract(p, '$.text') IS NULL END, false)`;
  return `CASE WHEN starts_with(${json}, '[') AND json_array_length(${json}) > 0 THEN
    list_bool_and(list_transform(json_extract(${json}, '$[*]')::VARCHAR[], lambda m: CASE WHEN starts_with(m, '{')
      THEN coalesce(${role} IN (${PLAIN_ROLES}), false) AND CASE
        WHEN ${content} IS NULL OR ${content} = 'null' THEN json_extract(m, '$.parts') IS NULL
        WHEN ${isText(content)} THEN true
        WHEN starts_with(${content}, '[') THEN
          coalesce(list_bool_and(list_transform(json_extract(${content}, '$[*]')::VARCHAR[], lambda p: ${part})), true)
        ELSE false END
      ELSE false END))
    ELSE false END`;
}

/** 0000-01-01T00:00:00Z: an offset can carry a time out of the years that ISO 8601 can write. */
const SMALLEST_MS = -62167219200000;

/** Most logs write this form, and it needs no taking apart. */
const PLAIN_ISO = ISO_PATTERN.replace('\\.\\d+', '\\.\\d{1,3}');

/**
 * Adds `"timestamp"` (TIMESTAMP in UTC, whole milliseconds, or null) and `bad_timestamp` to a relation
 * that has `r_timestamp`: `readTimestamp` in SQL.
 */
function withTimestamp(relation: string): string {
  const texts = `SELECT *, CASE WHEN ${isText('r_timestamp')} THEN ${unquoted('r_timestamp')} END AS t_text FROM (${relation})`;
  const parts = `SELECT *, regexp_matches(t_text, '${PLAIN_ISO}') AS t_plain,
    CASE WHEN t_plain OR r_timestamp IS NULL THEN NULL ELSE ${numberSql('r_timestamp')} END AS t_number,
    CASE WHEN t_plain THEN NULL ELSE regexp_extract(t_text, '${TIMESTAMP_PATTERN}', ['d', 'm', 's', 'f', 'z']) END AS t_parts
    FROM (${texts})`;
  const iso = `SELECT *, CASE WHEN t_plain THEN t_text WHEN t_parts.d <> '' THEN t_parts.d || 'T'
      || CASE t_parts.m WHEN '' THEN '00:00' ELSE t_parts.m END || CASE t_parts.s WHEN '' THEN ':00' ELSE t_parts.s END
      || t_parts.f || CASE length(t_parts.z) WHEN 0 THEN 'Z' WHEN 3 THEN t_parts.z || ':00'
        WHEN 5 THEN left(t_parts.z, 3) || ':' || right(t_parts.z, 2) ELSE t_parts.z END END AS t_iso,
    floor(CASE WHEN t_number >= ${SMALLEST_EPOCH_MS} THEN t_number ELSE t_number * 1000 END) AS t_ms
    FROM (${parts})`;
  const read = `SELECT *, CASE WHEN t_ms >= 0 AND t_ms <= ${LARGEST_EPOCH_MS} THEN epoch_ms(t_ms::BIGINT)
      -- Only a cast to TIMESTAMPTZ heeds the offset.
      WHEN t_plain OR regexp_matches(t_iso, '${ISO_PATTERN}') THEN make_timestamp_ms(epoch_ms(TRY_CAST(t_iso AS TIMESTAMPTZ))) END AS t_read
    FROM (${iso})`;
  return `SELECT * EXCLUDE (t_text, t_plain, t_number, t_parts, t_iso, t_ms, t_read),
    CASE WHEN epoch_ms(t_read) BETWEEN ${SMALLEST_MS} AND ${LARGEST_EPOCH_MS} THEN t_read END AS "timestamp",
    r_timestamp IS NOT NULL AND "timestamp" IS NULL AND trim(coalesce(t_text, '?')) <> '' AS bad_timestamp
    FROM (${read})`;
}
