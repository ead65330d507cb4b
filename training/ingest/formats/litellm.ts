import { LOG_REASONS } from '../../logs/log-reasons.ts';
import { readAnswer } from '../../logs/read-answer.ts';
import { type Conversation, readConversation, readRequest } from '../../logs/read-conversation.ts';
import { withCached } from '../../logs/read-usage.ts';
import type { LogDocument, LogReader } from '../record/format.ts';
import { jsonOf, listOf, millisecondsBetween, numberOf, objectOf, textOf } from '../record/values.ts';

/** What is asked of a language model; the other patterns are what is done with a response afterwards. */
export const LANGUAGE_CALLS = 'completion|chat|messages|responses|generate_content';
export const OTHER_CALLS = '^a?(get|delete|cancel|list|retrieve|compact)_';

/** Statuses of a call that failed. */
export const FAILURES = 'failure|failed|error';

/** Fields of the rows of LiteLLM's database, which has others than its payloads. */
export const SPEND_LOG_FIELDS = ['request_id', 'spend', 'proxy_server_request', 'request_duration_ms'];

/**
 * LiteLLM's `StandardLoggingPayload` (docs.litellm.ai, "StandardLoggingPayload Specification"), alone or within what a
 * callback was given; and the rows of its table `LiteLLM_SpendLogs`.
 */
export const litellmLog: LogReader = {
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
      yield { kind: 'call', row: rowOf(document), answer: readAnswer(document.response), withoutPrompt };
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
