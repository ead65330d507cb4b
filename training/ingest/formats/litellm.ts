import { OUTCOME_FIELDS, type OutcomeField } from '../../outcomes/outcome.ts';
import { isText, quotePath, quoteText, unquoted } from '../../work/scratch-database.ts';
import {
  LOG_REASONS,
  LONGEST_REDACTED,
  type LogDocument,
  type LogReader,
  REDACTED_PATTERN,
} from '../record/format.ts';
import { type Conversation, readConversation, readRequest } from '../record/messages.ts';
import { readAnswered } from '../record/response.ts';
import {
  jsonOf,
  listOf,
  millisecondsBetween,
  numberOf,
  objectOf,
  textOf,
  withCached,
} from '../record/values.ts';
import { BLANKS, IRREGULAR, MAY_BE_REDACTED, noneOf, PLAIN_ROLES, userWords } from '../sql/fields.ts';
import type { MapTarget } from '../sql/layout.ts';

/** What is asked of a language model; the other patterns are what is done with a response afterwards. */
const LANGUAGE_CALLS = 'completion|chat|messages|responses|generate_content';
const OTHER_CALLS = '^a?(get|delete|cancel|list|retrieve|compact)_';

/** Statuses of a call that failed. */
const FAILURES = 'failure|failed|error';

/** Fields of the rows of LiteLLM's database, which has others than its payloads. */
const SPEND_LOG_FIELDS = ['request_id', 'spend', 'proxy_server_request', 'request_duration_ms'];

/**
 * LiteLLM's `StandardLoggingPayload` (docs.litellm.ai, "StandardLoggingPayload Specification"), alone or within what a
 * callback was given; and the rows of its table `LiteLLM_SpendLogs`.
 */
export const litellmLog: LogReader = {
  signs: [
    ['litellm_call_id'],
    ['call_type', 'response_cost'],
    ['call_type', 'model_group'],
    ['call_type', 'spend'],
  ],
  advice: {
    [LOG_REASONS.promptNotKept]:
      'Have LiteLLM keep prompts from now on: store_prompts_in_spend_logs: true under general_settings; what it did not keep cannot be had back.',
  },
  regular: { rows: litellmRows, has: litellmHas },
  fields: [
    'id',
    'trace_id',
    'session_id',
    'call_type',
    'status',
    'model',
    'model_group',
    'messages',
    'prompt_tokens',
    'completion_tokens',
    'response_cost',
    'response_cost_failure_debug_info',
    'zero_cost_diagnostic',
    'model_map_information',
    'saved_cache_cost',
    'startTime',
    'endTime',
    'completionStartTime',
    'cache_hit',
    'metadata',
    'request_tags',
    'error_information',
    'error_str',
    'standard_logging_object',
    ...SPEND_LOG_FIELDS,
  ],
  answerFields: ['response'],
  *read(document) {
    const payload = objectOf(document.standard_logging_object);
    if (payload !== null) {
      yield* litellmLog.read(payload);
      return;
    }
    const kind = textOf(document.call_type);
    const isCall =
      kind === null || (new RegExp(LANGUAGE_CALLS).test(kind) && !new RegExp(OTHER_CALLS).test(kind));
    const { messages, proxy_server_request: request } = document;
    const withoutPrompt = [messages, request].every(isNothing) ? LOG_REASONS.promptNotKept : undefined;
    if (isCall)
      yield {
        kind: 'call',
        row: rowOf(document),
        ...readAnswered(document.response),
        withoutPrompt,
      };
    else yield { kind: 'refused', reason: LOG_REASONS.noCall };
  },
};

function rowOf(document: LogDocument): Record<string, unknown> {
  const metadata = objectOf(document.metadata);
  // Older versions of the database keep the status among the metadata.
  const failed = isFailed(document, metadata, textOf(document.status) ?? textOf(metadata?.status));
  const cached = /^true$/i.test(String(document.cache_hit));
  const own = objectOf(metadata?.requester_metadata) ?? metadata;
  const tags = listOf(document.request_tags) ?? [];
  const since = (time: unknown): number | null => millisecondsBetween(document.startTime, time);
  return {
    requestId: document.id ?? document.request_id,
    timestamp: document.startTime,
    ...conversationOf(document),
    task: own?.task ?? tagged(tags, 'task'),
    tier: own?.tier ?? tagged(tags, 'tier'),
    // The name that was asked for; `model` is the deployment that it led to.
    candidate: textOf(document.model_group) ?? document.model,
    // A cached answer tells of its quality, and nothing of what the candidate costs or how long it takes.
    costUsd: failed
      ? null
      : cached
        ? numberOf(document.saved_cache_cost) || null
        : costOf(document, metadata),
    latencyMs: failed || cached ? null : (since(document.endTime) ?? numberOf(document.request_duration_ms)),
    inputTokens: inputTokensOf(document, metadata),
    outputTokens: document.completion_tokens,
    source: 'litellm',
    metadata: {
      traceId: textOf(document.trace_id) ?? textOf(document.session_id) ?? undefined,
      timeToFirstTokenMs: failed || cached ? undefined : rounded(since(document.completionStartTime)),
      cached: cached || undefined,
      failed: failed || undefined,
      error: failed ? errorOf(document, metadata) : undefined,
    },
  };
}

/** The database has `{}` where nothing is kept. */
function isNothing(value: unknown): boolean {
  const given = jsonOf(value) ?? '';
  return given === '' || (typeof given === 'object' && Object.keys(given).length === 0);
}

/** Payloads without a status tell of a failure by its error. */
function isFailed(document: LogDocument, metadata: LogDocument | null, status: string | null): boolean {
  if (status !== null) return new RegExp(`^(${FAILURES})$`).test(status.toLowerCase());
  return errorOf(document, metadata) !== undefined || textOf(document.error_str) !== null;
}

/** The table has the messages where it was told to keep them, else those of the request that the proxy got. */
function conversationOf(document: LogDocument): Conversation {
  const found = readConversation(document.messages);
  if (found.text !== undefined || found.messages !== undefined) return found;
  const request = objectOf(document.proxy_server_request);
  return readRequest(objectOf(request?.body) ?? request);
}

/**
 * LiteLLM writes 0 where it could not work the cost out: it knows no price of the model, or says beside it what went
 * wrong. A model whose price is 0 is in its list of prices.
 */
function costOf(document: LogDocument, metadata: LogDocument | null): unknown {
  const cost = document.response_cost ?? document.spend;
  if (numberOf(cost) !== 0) return cost;
  const wentWrong = [document.response_cost_failure_debug_info, document.zero_cost_diagnostic].some(
    (info) => objectOf(info) !== null || textOf(info) !== null,
  );
  const listed = objectOf(document.model_map_information ?? metadata?.model_map_information);
  const isUnlisted = listed !== null && Object.keys(listed).length > 0 && listed.model_map_value == null;
  return wentWrong || isUnlisted ? null : cost;
}

/** Cached tokens are among the others, except in payloads of versions that counted Anthropic's beside them. */
function inputTokensOf(document: LogDocument, metadata: LogDocument | null): unknown {
  const usage = objectOf(metadata?.usage_object) ?? objectOf(metadata?.additional_usage_values);
  const cached =
    (numberOf(usage?.cache_read_input_tokens) ?? 0) + (numberOf(usage?.cache_creation_input_tokens) ?? 0);
  const input = numberOf(document.prompt_tokens);
  return input === null || cached <= input ? document.prompt_tokens : withCached(input, cached);
}

/** The value of a tag `name:value`. */
function tagged(tags: readonly unknown[], name: string): string | undefined {
  const tag = tags.find((each) => typeof each === 'string' && each.startsWith(`${name}:`)) as
    | string
    | undefined;
  return tag?.slice(name.length + 1);
}

/** The error's class and code: its message may quote the prompt. */
function errorOf(document: LogDocument, metadata: LogDocument | null): string | undefined {
  const error = objectOf(document.error_information) ?? objectOf(metadata?.error_information);
  const parts = [textOf(error?.error_class), textOf(error?.error_code)].filter((part) => part !== null);
  return parts.length === 0 ? undefined : parts.join(' ');
}

function rounded(ms: number | null): number | undefined {
  return ms === null ? undefined : Math.round(ms);
}

const REDACTED = `[${BLANKS}]*${REDACTED_PATTERN.replaceAll('\\s', `[${BLANKS}]`)}`;

/**
 * `litellmLog` in SQL, for a file of nothing but payloads: ten times as fast, since what is not needed of a payload never
 * leaves DuckDB. A test holds the two together. The query fails on records of another kind.
 * @param map the user's own fields, as paths with dots; neither `text` nor `messages`.
 * @param answers whether they are wanted.
 * @returns SQL of raw rows, as `rawRows` gives them.
 */
export function litellmRows(
  path: string,
  map: Readonly<Partial<Record<MapTarget, string>>>,
  answers: boolean,
): string {
  const heads = Object.values(map).map((name) => name.split('.')[0]);
  const ofAnswers = answers ? (litellmLog.answerFields ?? []) : [];
  const fields = [...new Set([...(litellmLog.fields ?? []), ...ofAnswers, 'kind', 'data', ...heads])];
  const columns = fields.map((field) => `${quoteText(field)}: 'JSON'`).join(', ');
  const read = `SELECT ${fields.map((field) => `nullif("${field}"::VARCHAR, 'null') AS "${field}"`).join(', ')}
    FROM read_json(${quotePath(path)}, hive_partitioning = false, format = 'newline_delimited', records = true, columns = {${columns}})`;
  const other = ['kind', 'data', 'standard_logging_object', ...SPEND_LOG_FIELDS];
  const known = `SELECT *, coalesce(CASE WHEN ${STATUS} IS NOT NULL THEN regexp_full_match(lower(${STATUS}), '"(${FAILURES})"')
        ELSE ${errorPart('error_class')} IS NOT NULL OR ${errorPart('error_code')} IS NOT NULL OR ${isText('error_str')} AND error_str <> '""' END, false) AS failed,
      coalesce(lower(cache_hit) IN ('true', '"true"'), false) AS cached,
      ${milliseconds('"startTime"')} AS started, ${milliseconds('"endTime"')} AS ended,
      ${milliseconds('"completionStartTime"')} AS first_token,
      CASE WHEN starts_with(json_extract(metadata, '$.requester_metadata')::VARCHAR, '{')
        THEN json_extract(metadata, '$.requester_metadata') ELSE metadata END AS own,
      CASE WHEN ${noneOf(fields)} OR ${other.map((field) => `"${field}" IS NOT NULL`).join(' OR ')} OR NOT starts_with(metadata, '{') OR NOT starts_with(messages, '[')
        THEN ${IRREGULAR} ELSE ${CONVERSATION} END AS conversation
    FROM (${read})`;
  const values = OUTCOME_FIELDS.map((field) => {
    const own = map[field] === undefined ? null : mappedValue(map[field]);
    const value = (answers ? ANSWER_VALUES[field] : undefined) ?? VALUES[field] ?? 'NULL::VARCHAR';
    return `${own === null ? value : `coalesce(${own}, ${value})`} AS r_${field}`;
  });
  const isOther = `${isText('call_type')} AND call_type <> '""'
      AND (NOT regexp_matches(${unquoted('call_type')}, '${LANGUAGE_CALLS}') OR regexp_matches(${unquoted('call_type')}, '${OTHER_CALLS}'))`;
  return `SELECT NULL::BIGINT AS line, CASE WHEN ${isOther} THEN ${quoteText(LOG_REASONS.noCall)}
      WHEN regexp_matches(conversation, '${PLAIN_WORDS}') AND NOT regexp_matches(conversation, '${MAY_BE_REDACTED}') THEN NULL
      WHEN coalesce(json_array_length(messages), 0) = 0 THEN ${quoteText(LOG_REASONS.promptNotKept)}
      WHEN NOT regexp_matches(${WORDS}, '[^${BLANKS}]') THEN ${quoteText(LOG_REASONS.noWords)}
      WHEN length(${WORDS}) <= ${LONGEST_REDACTED} AND regexp_full_match(lower(${WORDS}), ${quoteText(REDACTED)})
        THEN ${quoteText(LOG_REASONS.redacted)} END AS broken,
    false AS absent, ${values.join(', ')} FROM (${known})`;
}

/** SQL that gives a row when a payload has something at the path. */
function litellmHas(file: string, path: string): string {
  const head = path.split('.')[0];
  return `SELECT 1 FROM (SELECT nullif("${head}"::VARCHAR, 'null') AS "${head}" FROM read_json(${quotePath(file)},
    hive_partitioning = false, format = 'newline_delimited', records = true, columns = {${quoteText(head)}: 'JSON'})) WHERE ${mappedValue(path)} IS NOT NULL LIMIT 1`;
}

/** Milliseconds since 1970 of a number; times in words are for `litellmLog`. */
function milliseconds(column: string): string {
  return `CASE WHEN ${column} IS NULL THEN NULL WHEN ${isText(column)} THEN ${IRREGULAR}
    WHEN ${column}::DOUBLE >= 1e11 THEN ${column}::DOUBLE ELSE ${column}::DOUBLE * 1000 END`;
}

/** A field that older versions keep among the metadata. */
function inMetadata(field: string, column: string): string {
  return `coalesce(${column}, nullif(json_extract(metadata, '$.${field}')::VARCHAR, 'null'))`;
}

const isContentText = isText('m.content::VARCHAR');

/** The messages with their role and content alone, as a JSON text; parts that are no text keep their type. */
const CONVERSATION = `to_json(list_transform(json_transform(messages, '[{"role":"JSON","content":"JSON"}]'), lambda m: {
    role: CASE WHEN m.role::VARCHAR IN (${PLAIN_ROLES}) THEN m.role ELSE ${IRREGULAR} END,
    content: CASE WHEN m.content IS NULL OR ${isContentText} OR m.content::VARCHAR = 'null' THEN m.content
      WHEN starts_with(m.content::VARCHAR, '[') THEN ${partsOf('m.content')} ELSE ${IRREGULAR} END}))::VARCHAR`;

/** Most prompts begin with a letter or a digit of the user, and have no word that placeholders have: no need to look closer. */
const PLAIN_WORDS = '\\{"role":"user","content":(?:\\[\\{"type":"text","text":)?"[^"\\\\]*?[A-Za-z0-9]';
const WORDS = userWords('conversation');

function partsOf(content: string): string {
  const parts = `list_transform(json_transform(${content}, '[{"type":"VARCHAR","text":"JSON","content":"JSON"}]'), lambda p:
    CASE WHEN p.type IS NULL OR (p.type = 'text' AND p.text IS NULL) OR NOT ${isText('p.text::VARCHAR')} THEN ${IRREGULAR}
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

const ERRORS = `CASE WHEN ${isText('error_information')} THEN ${IRREGULAR} WHEN starts_with(error_information, '{') THEN error_information
  ELSE json_extract(metadata, '$.error_information')::VARCHAR END`;
const errorPart = (name: string): string => `nullif(json_extract_string(${ERRORS}, '$.${name}'), '')`;

const STATUS = inMetadata('status', `nullif(status, '""')`);

const isZero = (column: string): string =>
  `coalesce(TRY_CAST(${unquotedNumber(column)} AS DOUBLE) = 0, false)`;
const isObject = (column: string): string =>
  `CASE WHEN ${isText(column)} THEN ${IRREGULAR} ELSE coalesce(starts_with(${column}, '{'), false) END`;
const LISTED = inMetadata('model_map_information', 'model_map_information');

/** Whether a cost of 0 stands for one that LiteLLM did not know. */
const IS_UNKNOWN_COST = `${isZero('response_cost')} AND (${isObject('response_cost_failure_debug_info')} OR ${isObject('zero_cost_diagnostic')}
  OR (${isObject(LISTED)} AND ${LISTED} <> '{}' AND coalesce(json_extract(${LISTED}, '$.model_map_value')::VARCHAR, 'null') = 'null'))`;

/** Tokens that versions of LiteLLM counted beside the prompt's; few payloads have any. */
const USAGE = `CASE WHEN starts_with(json_extract(metadata, '$.usage_object')::VARCHAR, '{') THEN json_extract(metadata, '$.usage_object')
  ELSE json_extract(metadata, '$.additional_usage_values') END`;
const cacheCount = (name: string): string =>
  `coalesce(TRY_CAST(json_extract_string(${USAGE}, '$.cache_${name}_input_tokens') AS DOUBLE), 0)`;
const CACHED = `CASE WHEN NOT contains(metadata, '"cache_') THEN 0 ELSE ${cacheCount('read')} + ${cacheCount('creation')} END`;
const PROMPT_TOKENS = `TRY_CAST(${unquotedNumber('prompt_tokens')} AS DOUBLE)`;

/** No prompt has no tokens. */
const INPUT_TOKENS = `CASE WHEN coalesce(${CACHED} > ${PROMPT_TOKENS}, false) THEN (${PROMPT_TOKENS} + ${CACHED})::VARCHAR
  WHEN NOT ${isZero('prompt_tokens')} THEN prompt_tokens END`;

const VALUES: Readonly<Partial<Record<OutcomeField, string>>> = {
  requestId: 'id',
  timestamp: '"startTime"',
  text: `CASE WHEN ${isAlone} THEN json_extract(conversation, '$[0].content')::VARCHAR END`,
  messages: `CASE WHEN json_array_length(conversation) > 0 AND NOT (${isAlone}) THEN conversation END`,
  task: ownValue('task'),
  tier: ownValue('tier'),
  candidate: `CASE WHEN ${named('model_group')} THEN model_group ELSE model END`,
  costUsd: `CASE WHEN failed THEN NULL WHEN NOT cached THEN CASE WHEN ${IS_UNKNOWN_COST} THEN NULL ELSE response_cost END
    WHEN TRY_CAST(${unquotedNumber('saved_cache_cost')} AS DOUBLE) <> 0 THEN saved_cache_cost END`,
  latencyMs: 'CASE WHEN NOT failed AND NOT cached AND ended >= started THEN (ended - started)::VARCHAR END',
  inputTokens: INPUT_TOKENS,
  outputTokens: `CASE WHEN NOT ${isZero('completion_tokens')} OR (${INPUT_TOKENS}) IS NOT NULL THEN completion_tokens END`,
  source: `'"litellm"'`,
  metadata: `'{' || concat_ws(',', CASE WHEN ${named('trace_id')} THEN '"traceId":"' || trim(trace_id, '"') || '"'
      WHEN ${named('session_id')} THEN '"traceId":"' || trim(session_id, '"') || '"' END,
    CASE WHEN NOT failed AND NOT cached AND first_token >= started THEN '"timeToFirstTokenMs":' || floor(first_token - started + 0.5)::BIGINT END,
    CASE WHEN cached THEN '"cached":true' END, CASE WHEN failed THEN '"failed":true' END,
    CASE WHEN failed THEN '"error":' || to_json(nullif(concat_ws(' ', ${errorPart('error_class')}, ${errorPart('error_code')}), ''))::VARCHAR END) || '}'`,
};

const FINISH = `json_extract(response, '$.choices[0].finish_reason')::VARCHAR`;
const CONTENT = `json_extract(response, '$.choices[0].message.content')::VARCHAR`;
const HAS_CALLS = `coalesce(json_array_length(json_extract(response, '$.choices[0].message.tool_calls')), 0) > 0`;
const IS_FINISHED = `coalesce(${FINISH} IN ('"stop"', '"length"', '"tool_calls"', '"function_call"', '"content_filter"'), false)`;

/** Of the plain form that LiteLLM gives every answer of a chat; any other is for \`litellmLog\`. */
const ANSWER_VALUES: Readonly<Partial<Record<OutcomeField, string>>> = {
  answer: `CASE WHEN failed OR response IS NULL OR response IN ('{}', '""') THEN NULL
    WHEN NOT starts_with(response, '{') OR (coalesce(${FINISH}, 'null') <> 'null' AND NOT ${IS_FINISHED})
      OR coalesce(json_array_length(json_extract(response, '$.choices')), 0) = 0 THEN ${IRREGULAR}
    WHEN ${isText(CONTENT)} AND ${CONTENT} <> '""' THEN ${CONTENT}
    WHEN coalesce(${CONTENT}, 'null') NOT IN ('null', '""') THEN ${IRREGULAR}
    WHEN ${IS_FINISHED} OR ${HAS_CALLS} THEN '""' END`,
  finishReason: `CASE WHEN failed THEN NULL WHEN ${IS_FINISHED} THEN replace(${FINISH}, '_', '-')
    WHEN ${HAS_CALLS} THEN '"tool-calls"' END`,
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
