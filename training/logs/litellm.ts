import type { LogDocument, LogReader } from './log-entry.ts';
import { LOG_REASONS } from './log-reasons.ts';
import { readAnswer } from './read-answer.ts';
import { readConversation } from './read-conversation.ts';
import { listOf, millisecondsOf, numberOf, objectOf, textOf } from './values.ts';

const LANGUAGE_CALLS = /completion|chat|messages|responses|generate_content/;

/** LiteLLM's `StandardLoggingPayload` (docs.litellm.ai, "StandardLoggingPayload Specification"). */
export const litellmLog: LogReader = {
  fields: [
    'id',
    'trace_id',
    'call_type',
    'status',
    'model',
    'model_group',
    'messages',
    'prompt_tokens',
    'completion_tokens',
    'response_cost',
    'saved_cache_cost',
    'startTime',
    'endTime',
    'completionStartTime',
    'cache_hit',
    'metadata',
    'request_tags',
    'error_information',
    'error_str',
  ],
  answerFields: ['response'],
  *read(document) {
    const kind = textOf(document.call_type);
    if (kind !== null && !LANGUAGE_CALLS.test(kind)) yield { kind: 'refused', reason: LOG_REASONS.noCall };
    else yield { kind: 'call', row: rowOf(document), answer: readAnswer(document.response) };
  },
};

function rowOf(document: LogDocument): Record<string, unknown> {
  const failed = document.status === 'failure';
  const cached = /^true$/i.test(String(document.cache_hit));
  const started = millisecondsOf(document.startTime);
  const since = (time: unknown): number | null => {
    const end = millisecondsOf(time);
    return started === null || end === null ? null : end - started;
  };
  const metadata = objectOf(document.metadata);
  const own = objectOf(metadata?.requester_metadata) ?? metadata;
  const tags = listOf(document.request_tags) ?? [];
  return {
    requestId: document.id,
    timestamp: document.startTime,
    ...readConversation(document.messages),
    task: own?.task ?? tagged(tags, 'task'),
    tier: own?.tier ?? tagged(tags, 'tier'),
    // The name that was asked for; `model` is the deployment that it led to.
    candidate: textOf(document.model_group) ?? document.model,
    // A cached answer tells of its quality, and nothing of what the candidate costs or how long it takes.
    costUsd: failed ? null : cached ? numberOf(document.saved_cache_cost) || null : document.response_cost,
    latencyMs: failed || cached ? null : since(document.endTime),
    inputTokens: document.prompt_tokens,
    outputTokens: document.completion_tokens,
    source: 'litellm',
    metadata: {
      traceId: textOf(document.trace_id) ?? undefined,
      timeToFirstTokenMs: failed || cached ? undefined : rounded(since(document.completionStartTime)),
      cached: cached || undefined,
      failed: failed || undefined,
      error: failed ? errorOf(document) : undefined,
    },
  };
}

/** The value of a tag `name:value`. */
function tagged(tags: readonly unknown[], name: string): string | undefined {
  const tag = tags.find((each) => typeof each === 'string' && each.startsWith(`${name}:`)) as
    | string
    | undefined;
  return tag?.slice(name.length + 1);
}

/** The error's class and code: its message may quote the prompt. */
function errorOf(document: LogDocument): string | undefined {
  const error = objectOf(document.error_information);
  const parts = [textOf(error?.error_class), textOf(error?.error_code)].filter((part) => part !== null);
  return parts.length === 0 ? undefined : parts.join(' ');
}

function rounded(ms: number | null): number | undefined {
  return ms === null ? undefined : Math.round(ms);
}
