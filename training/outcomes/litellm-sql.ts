import { LOG_REASONS, litellmLog } from '../logs/index.ts';
import type { MapTarget } from './detect-layout.ts';
import { OUTCOME_FIELDS, type OutcomeField } from './outcome-fields.ts';
import { isText, quoteText, unquoted } from './sql-text.ts';

/** Raised for a record that only `litellmLog` can take apart; the file is then read by it, line by line. */
const IRREGULAR = `error('irregular')`;

/**
 * `litellmLog` in SQL, for a file of nothing but payloads: ten times as fast, since what is not needed of a payload never
 * leaves DuckDB. A test holds the two together. The query fails on records of another kind.
 * @param map the user's own fields, as paths with dots.
 * @returns SQL of raw rows, as `rawRows` gives them.
 */
export function litellmRows(path: string, map: Readonly<Partial<Record<MapTarget, string>>>): string {
  const heads = Object.values(map).map((name) => name.split('.')[0]);
  const fields = [...new Set([...(litellmLog.fields ?? []), 'kind', 'data', ...heads])];
  const columns = fields.map((field) => `${quoteText(field)}: 'JSON'`).join(', ');
  const read = `SELECT ${fields.map((field) => `nullif("${field}"::VARCHAR, 'null') AS "${field}"`).join(', ')}
    FROM read_json(${quoteText(path)}, format = 'newline_delimited', records = true, columns = {${columns}})`;
  const known = `SELECT *, status = '"failure"' AS failed, coalesce(lower(cache_hit) IN ('true', '"true"'), false) AS cached,
      ${milliseconds('"startTime"')} AS started, ${milliseconds('"endTime"')} AS ended,
      ${milliseconds('"completionStartTime"')} AS first_token,
      CASE WHEN starts_with(json_extract(metadata, '$.requester_metadata')::VARCHAR, '{')
        THEN json_extract(metadata, '$.requester_metadata') ELSE metadata END AS own,
      CASE WHEN kind IS NOT NULL OR data IS NOT NULL OR NOT starts_with(metadata, '{') OR NOT starts_with(messages, '[')
        THEN ${IRREGULAR} ELSE ${MESSAGES} END AS conversation
    FROM (${read})`;
  const values = OUTCOME_FIELDS.map((field) => {
    const own = map[field] === undefined ? null : mappedValue(map[field]);
    const value = VALUES[field] ?? 'NULL::VARCHAR';
    return `${own === null ? value : `coalesce(${own}, ${value})`} AS r_${field}`;
  });
  return `SELECT NULL::BIGINT AS line, CASE WHEN ${isText('call_type')} AND call_type <> '""'
      AND NOT regexp_matches(call_type, 'completion|chat|messages|responses|generate_content') THEN ${quoteText(LOG_REASONS.noCall)} END AS broken,
    false AS absent, ${values.join(', ')} FROM (${known})`;
}

/** SQL that gives a row when a payload has something at the path. */
export function litellmHas(file: string, path: string): string {
  const head = path.split('.')[0];
  return `SELECT 1 FROM (SELECT nullif("${head}"::VARCHAR, 'null') AS "${head}" FROM read_json(${quoteText(file)},
    format = 'newline_delimited', records = true, columns = {${quoteText(head)}: 'JSON'})) WHERE ${mappedValue(path)} IS NOT NULL LIMIT 1`;
}

/** Milliseconds since 1970 of a number; times in words are for `litellmLog`. */
function milliseconds(column: string): string {
  return `CASE WHEN ${column} IS NULL THEN NULL WHEN ${isText(column)} THEN ${IRREGULAR}
    WHEN ${column}::DOUBLE >= 1e11 THEN ${column}::DOUBLE ELSE ${column}::DOUBLE * 1000 END`;
}

/** The messages with their role and content alone, as a JSON text; parts that are no text keep their type. */
const MESSAGES = `to_json(list_transform(json_transform(messages, '[{"role":"JSON","content":"JSON"}]'), lambda m: {
    role: CASE WHEN ${isText('m.role::VARCHAR')} AND m.role::VARCHAR <> '""' THEN m.role ELSE ${IRREGULAR} END,
    content: CASE WHEN m.content IS NULL OR ${isText('m.content::VARCHAR')} OR m.content::VARCHAR = 'null' THEN m.content
      WHEN starts_with(m.content::VARCHAR, '[') THEN ${partsOf('m.content')} ELSE ${IRREGULAR} END}))::VARCHAR`;

function partsOf(content: string): string {
  const parts = `list_transform(json_transform(${content}, '[{"type":"VARCHAR","text":"VARCHAR","content":"JSON"}]'), lambda p:
    CASE WHEN p.type IS NULL OR (p.type = 'text' AND p.text IS NULL) THEN ${IRREGULAR}
      WHEN p.text IS NOT NULL THEN json_object('type', 'text', 'text', p.text) ELSE json_object('type', p.type) END)`;
  return `CASE WHEN json_array_length(${content}) = 1 AND json_extract_string(${content}, '$[0].text') IS NOT NULL
    THEN json_extract(${content}, '$[0].text') ELSE to_json(${parts}) END`;
}

const isAlone = `json_array_length(conversation) = 1 AND json_extract_string(conversation, '$[0].role') = 'user'
  AND ${isText(`json_extract(conversation, '$[0].content')::VARCHAR`)}`;
const named = (column: string): string =>
  `(${isText(column)} AND ${column} <> '""') OR regexp_full_match(${column}, '-?[0-9]{1,15}')`;

function ownValue(name: string): string {
  const tag = `list_filter(json_extract_string(request_tags, '$[*]'), lambda t: starts_with(t, '${name}:'))[1]`;
  return `coalesce(nullif(json_extract(own, '$.${name}')::VARCHAR, 'null'), CASE WHEN contains(request_tags, '"${name}:')
    THEN to_json(substring(${tag}, ${name.length + 2}))::VARCHAR END)`;
}

const errorPart = (name: string): string => `nullif(json_extract_string(error_information, '$.${name}'), '')`;

const VALUES: Readonly<Partial<Record<OutcomeField, string>>> = {
  requestId: 'id',
  timestamp: '"startTime"',
  text: `CASE WHEN ${isAlone} THEN json_extract(conversation, '$[0].content')::VARCHAR END`,
  messages: `CASE WHEN json_array_length(conversation) > 0 AND NOT (${isAlone}) THEN conversation END`,
  task: ownValue('task'),
  tier: ownValue('tier'),
  candidate: `CASE WHEN ${named('model_group')} THEN model_group ELSE model END`,
  costUsd: `CASE WHEN failed THEN NULL WHEN NOT cached THEN response_cost
    WHEN TRY_CAST(${unquotedNumber('saved_cache_cost')} AS DOUBLE) <> 0 THEN saved_cache_cost END`,
  latencyMs: 'CASE WHEN NOT failed AND NOT cached THEN (ended - started)::VARCHAR END',
  inputTokens: 'prompt_tokens',
  outputTokens: 'completion_tokens',
  source: `'"litellm"'`,
  metadata: `'{' || concat_ws(',', CASE WHEN ${named('trace_id')} THEN '"traceId":"' || trim(trace_id, '"') || '"' END,
    CASE WHEN NOT failed AND NOT cached THEN '"timeToFirstTokenMs":' || floor(first_token - started + 0.5)::BIGINT END,
    CASE WHEN cached THEN '"cached":true' END, CASE WHEN failed THEN '"failed":true' END,
    CASE WHEN failed THEN '"error":' || to_json(nullif(concat_ws(' ', ${errorPart('error_class')}, ${errorPart('error_code')}), ''))::VARCHAR END) || '}'`,
};

function unquotedNumber(column: string): string {
  return `CASE WHEN ${isText(column)} THEN ${unquoted(column)} ELSE ${column} END`;
}

function mappedValue(path: string): string {
  const [head, ...rest] = path.split('.');
  if (rest.length === 0) return `"${head}"`;
  const steps = rest.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `."${step.replaceAll('"', '\\"')}"`));
  return `nullif(json_extract("${head}", ${quoteText(`$${steps.join('')}`)})::VARCHAR, 'null')`;
}
